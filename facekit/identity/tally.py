"""How many faces were named: what is said after the last answer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import TypeVar

from facekit.base.text import counted
from facekit.options.common import STRANGER

A = TypeVar("A")

log = logging.getLogger(__name__)


def tallied(answers: Iterator[A], of: Callable[[A], tuple[str, str | None]]) -> Iterator[A]:
    """Yield the answers as they come, and log after the last how many faces have a name and how many are unknown.

    `of` returns an answer's picture and its name; None for a picture that shows no face or cannot be read.
    """
    pictures: set[str] = set()
    named = unknown = none = 0
    for answer in answers:
        picture, name = of(answer)
        pictures.add(picture)
        named += name not in (None, STRANGER)
        unknown += name == STRANGER
        none += name is None
        yield answer
    without = f"; {counted(none, 'picture')} without an answer" if none else ""
    faces = counted(named, "face has a name", "faces have a name")
    are = "is" if unknown == 1 else "are"
    log.info("%s: %s, %s %s unknown%s", counted(len(pictures), "picture"), faces, f"{unknown:,}", are, without)
