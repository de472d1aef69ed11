"""How many faces were named: what is said after the last answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from facekit.base.text import counted
from facekit.options.common import STRANGER

A = TypeVar("A")


class Tallied(Iterator[A], Generic[A]):
    """Answers as they come, and a count of their names: `of` returns an answer's picture and name.

    A name of None is that of a picture that shows no face or cannot be read.
    """

    def __init__(self, answers: Iterator[A], of: Callable[[A], tuple[str, str | None]]) -> None:
        """Count what comes of the answers."""
        self._answers, self._of = answers, of
        self._pictures: set[str] = set()
        self._named = self._unknown = self._none = 0

    def __next__(self) -> A:
        """Return the next answer."""
        answer = next(self._answers)
        picture, name = self._of(answer)
        self._pictures.add(picture)
        self._named += name not in (None, STRANGER)
        self._unknown += name == STRANGER
        self._none += name is None
        return answer

    def close(self) -> None:
        """Let go of what is open."""
        close = getattr(self._answers, "close", None)
        if close is not None:
            close()

    @property
    def summary(self) -> str:
        """How many faces have a name so far, in a line for people; empty without an answer."""
        if not self._pictures:
            return ""
        faces = counted(self._named, "face has a name", "faces have a name")
        unknown = f"{self._unknown:,} {'is' if self._unknown == 1 else 'are'} unknown"
        without = f"; {counted(self._none, 'picture')} without an answer" if self._none else ""
        return f"{counted(len(self._pictures), 'picture')}: {faces}, {unknown}{without}"
