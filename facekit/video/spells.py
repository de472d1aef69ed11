"""Parts of a track in which a face stays in one class: an expression, say, which changes while the face is there."""

from __future__ import annotations

from facekit.video.tracking import Sighting, Track

_SETTLED = 0.6
"""Seconds for which another class must last: single frames are often wrong."""


class Spells:
    """The parts of all tracks that go on."""

    def __init__(self, classes: int | None = None) -> None:
        """Begin without any. `classes` says how many of the probabilities are of what may change; None is all."""
        self._classes = classes
        self._now: dict[int, Track] = {}
        self._next: dict[int, Track] = {}
        """What may become the next part of a track, and is too short yet."""

    def see(self, track: Track, one: Sighting) -> tuple[Track, Track | None]:
        """Add the newest sighting of a track. Return the part that it is in, and the part that has ended by it."""
        number, label = track.number, self._class(one)
        now, following = self._now.get(number), self._next.get(number)
        if now is None:
            self._now[number] = _with(track, one)
            return self._now[number], None
        if label is None or label == self._class_of(now):
            if following is not None:
                now.absorb(self._next.pop(number))
            now.see(track.last, one)
            return now, None
        if following is None or self._class_of(following) != label:
            if following is not None:
                now.absorb(following)
            following = self._next[number] = _with(track, one)
        else:
            following.see(track.last, one)
        if following.last - following.start < _SETTLED:
            return following, None
        self._now[number] = self._next.pop(number)
        return following, now

    def close(self, track: Track) -> Track:
        """Return the last part of a track that has ended."""
        now = self._now.pop(track.number)
        following = self._next.pop(track.number, None)
        if following is not None:
            now.absorb(following)
        return now

    def going(self) -> list[Track]:
        """Return the parts that go on."""
        return list(self._now.values())

    def _class(self, one: Sighting) -> int | None:
        return int(one.row[: self._classes].argmax()) if len(one.row) else None

    def _class_of(self, part: Track) -> int | None:
        rows = part.evidence.rows[:, : self._classes]
        return int((part.evidence.weights @ rows).argmax()) if rows.size else None


def _with(track: Track, one: Sighting) -> Track:
    part = Track(track.number, track.last, track.last, one.box)
    part.see(track.last, one)
    return part
