"""How many faces were named: what is said after the last answer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Generic, TypeVar

from facekit.base.text import counted
from facekit.options.common import STRANGER

A = TypeVar("A")


class Tallied(Iterator[A], Generic[A]):
    """Answers as they come, and a count of their names: `of` returns an answer's picture or video, and its name.

    A name of None is that of a picture that shows no face or cannot be read. An answer of which `of` returns None
    does not count: it is said of a face in live input that another answer follows of.
    """

    def __init__(
        self,
        answers: Iterator[A],
        of: Callable[[A], tuple[str, str | None] | None],
        videos: Collection[str] = (),
    ) -> None:
        """Count what comes of the answers; `videos` are the names of those that are about videos."""
        self._answers, self._of, self._videos = answers, of, frozenset(videos)
        self._seen: set[str] = set()
        self._empty: set[str] = set()
        self._answered: set[str] = set()
        self._named = self._unknown = 0

    def __next__(self) -> A:
        """Return the next answer."""
        answer = next(self._answers)
        counts = self._of(answer)
        if counts is not None:
            source, name = counts
            self._seen.add(source)
            self._named += name not in (None, STRANGER)
            self._unknown += name == STRANGER
            (self._empty if name is None else self._answered).add(source)
        return answer

    def close(self) -> None:
        """Let go of what is open."""
        close = getattr(self._answers, "close", None)
        if close is not None:
            close()

    @property
    def summary(self) -> str:
        """How many faces were found so far, where, and how many have a name, in a line for people; empty without any.

        Faces and photos are counted apart: `26 faces in 18 photos: 17 have a name, 9 are unknown; 2 photos gave none`.
        """
        if not self._seen:
            return ""
        what = "appearance" if self._seen <= self._videos else "face"
        empty = self._empty - self._answered  # one place in a photo may be no face, and another one a person
        if not self._answered:
            return f"no {what} in {self._kinds(empty)}"
        faces = f"{counted(self._named + self._unknown, what)} in {self._kinds(self._answered)}"
        named = counted(self._named, "has a name", "have a name")
        unknown = counted(self._unknown, "is unknown", "are unknown")
        without = f"; {self._kinds(empty)} gave no {what}" if empty else ""
        return f"{faces}: {named}, {unknown}{without}"

    def _kinds(self, sources: set[str]) -> str:
        """Return how many photos and videos there are: `3 photos and 1 video`."""
        videos = len(sources & self._videos)
        photos = len(sources) - videos
        words = [counted(photos, "photo")] if photos else []
        return " and ".join([*words, counted(videos, "video")] if videos else words)
