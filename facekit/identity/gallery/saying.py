"""What users of a server have said of its answers, by person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from facekit.identity.gallery.values import Feedback


@dataclass(frozen=True)
class Said:
    """How often answers about one person were right."""

    name: str | None
    """None: of strangers."""
    right: int
    """Answers that named them, rightly."""
    wrong: int
    """Answers that named them, wrongly."""
    missed: int
    """Answers that named somebody else, or nobody, where it was they."""


def tallied(feedback: Iterable[Feedback], names: Mapping[int, str]) -> list[Said]:
    """Return what was said, for each person of whom something was, most mistakes first; `names` by their numbers."""
    right, wrong, missed = Counter[int | None](), Counter[int | None](), Counter[int | None]()
    for one in feedback:
        (right if one.right else wrong)[one.person] += 1
        if not one.right and one.actual is not None:
            missed[one.actual] += 1
    found = [
        Said(None if number is None else names[number], right[number], wrong[number], missed[number])
        for number in {*right, *wrong, *missed}
        if number is None or number in names
    ]
    return sorted(found, key=lambda one: (-one.wrong - one.missed, one.name or ""))
