"""The words of `rejected.jsonl` for what is known, and not known, of who is on a picture."""

WRONG = "wrong person"
UNSURE = "unsure"
"""Neither surely the folder's person nor surely someone else; the value is the probability."""

NO_VECTOR = "no vector"
"""The face cannot be read; the value says why."""

NOBODY = "no clear person"
"""Nobody in its folder is clearly the one whose folder it is."""

OPEN = (UNSURE, NO_VECTOR, NOBODY)
"""The reasons of faces that a person has to settle."""

PERSON = "person"
"""The quality of a kept face that holds the probability."""
