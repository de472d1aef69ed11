"""Which kept faces need a person's decision: one rule for `clean` and `review`."""

from __future__ import annotations

from collections.abc import Mapping

from facekit.faces import confirmation
from facekit.identity.people.judge import PERSON


def is_unsure(quality: Mapping[str, float] | None, keep_at: float, judged: bool) -> bool:
    """Whether a kept face is for a person to decide on: perhaps somebody else, perhaps no face.

    `quality` is what was measured of it. Where `clean` judged who is on the faces (`judged`), one without a
    probability is one that it could not judge.
    """
    measured = quality or {}
    if measured.get(confirmation.FACE, confirmation.SURE) < confirmation.SURE:
        return True
    value = measured.get(PERSON)
    return judged if value is None else value < keep_at
