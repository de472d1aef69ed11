"""Why a picture was left out, as `rejected.jsonl` says it, where more than one module uses the word."""

from collections import Counter

SMALL, BLURRED, DARK, BRIGHT = "too small", "blurred", "too dark", "too bright"
FLAT, CLIPPED, TURNED, LEANING = "too little contrast", "too much black or white", "turned aside", "leaning"
REPEAT, SHARED, FEW, BEYOND = "repeat", "under two names", "name with too few", "name beyond --people"

REVIEWED = "rejected in review"
"""A person rejected it, and `clean` has applied that."""

WRONG = "wrong person"
NO_FACE = "no face"
"""The box holds no face: a second detector sees none. The value is its score, from 0 to 1."""

UNCONFIRMED = "not confirmed as a face"
"""Of all boxes that the cascade found in a photo, a second detector confirms none. The value is how many they are."""

UNSURE = "unsure"
"""Neither surely the folder's person nor surely someone else; the value is the probability."""

NO_VECTOR = "no vector"
"""The face has no embedding; the value says why."""

NOBODY = "no clear person"
"""Nobody in its folder is clearly the one whose folder it is."""

OPEN = (UNSURE, NO_VECTOR, NOBODY)
"""The reasons of faces that a person has to decide on."""

REMOVED = "removed by hand"
"""A person deleted it from a stage's folder; it is not made again."""

REPEATED = "same bytes as another"
"""A plain tree holds it twice under one name."""

JOINED = "shown in an earlier part"
"""A group that was found after the split was drawn is in two parts; the value is the picture of the earlier one."""

THINNED = "beyond --count"
"""A good picture that is left out so that its folder holds exactly as many as were asked for."""


UNITS = {UNCONFIRMED: "boxes", WRONG: "probability", UNSURE: "probability", NO_FACE: "score"}
"""Reason -> what its value is, where the value is a number."""

TERMS = {
    "duplicate": (REPEAT, REPEATED, "near repeat", SHARED),
    "near duplicate": (REPEAT, "near repeat"),
    "exact duplicate": (REPEATED,),
    "blur": (BLURRED,),
    "low resolution": (SMALL,),
    "underexposed": (DARK,),
    "overexposed": (BRIGHT,),
    "low contrast": (FLAT,),
    "clipping": (CLIPPED,),
    "pose": (TURNED, LEANING),
    "yaw": (TURNED,),
    "roll": (LEANING,),
    "mislabelled": (WRONG,),
    "no face detected": (NO_FACE,),
    "multiple faces": ("several faces",),
    "leakage": (JOINED,),
    "corrupt": ("damaged", "truncated", "cannot be decoded", "not a picture", "empty file"),
}
"""What the field calls a reason -> the reasons of facekit that it means."""


def advice(left: Counter[str]) -> str:
    """Return what to do where a stage left out everything."""
    if not left:
        return "the input has no pictures that this stage can use"
    reasons = ", ".join(f"{count} {reason}" for reason, count in left.most_common(3))
    return f"left out: {reasons}; give other pictures or loosen the limit that left them out"
