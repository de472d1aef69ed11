"""Link the faces of successive frames to tracks: by where they are, and by how alike they are.

Why not roboflow's `trackers`: it needs `supervision`, which needs `opencv-python`, whose files would take the place of
those of `opencv-python-headless`, and version 5 of that has no cascades. Its trackers go by boxes alone, at every
frame, while faces here are looked for a few times a second, and each comes with an embedding, which says more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import hypot

import numpy as np
import scipy
from numpy.typing import NDArray

from facekit.base import images
from facekit.base.contract import Box, Image
from facekit.faces.detectors.boxes import overlap
from facekit.identity.embedders.metrics import Embeddings, Metric, distances
from facekit.video.evidence import Evidence

_RECENT = 5
"""Newest embeddings of a track that a face is compared with."""

_LEAST_OVERLAP = 0.15
"""Overlap from which a face that looks alike may be the track's. Where it moved by, its prediction has gone along."""

OTHER = 0.75
"""Share of the embedder's threshold from which a face is not the track's, though it is where that was expected.

The threshold is for photos of different days. A moment later a face is nearer to itself; and to take two people for one
costs a name, while to begin another track costs nothing: it gets the same name.
"""

_ALIKE = 0.6
"""Share of it below which a face is the track's wherever it moved to within its reach."""

_REACH = 4.0
"""How far a face may move in a second, in its own sides, where it is not where it was expected."""

_OUT = -1.0

_GOOD_SIDE = 112.0
"""Side in pixels from which a face gains nothing by being larger: embedders take no more."""

_HALF_SHARP = 100.0
"""Variance of the Laplacian at which a face counts half."""

_GOOD_CONTRAST = 40.0
"""Standard deviation of the grey values from which contrast is no defect."""

_LEAST = 0.02


@dataclass(frozen=True)
class Sighting:
    """A face in a frame."""

    box: Box
    vector: NDArray[np.float32] | None
    """Shape (dimensions,), of no dimension where nothing embeds faces here; None: it could not be aligned."""
    row: NDArray[np.float32]
    """The probabilities of a network's labels; empty without one."""
    quality: float
    """What the frame counts for the name, above 0 and 1 at most."""


@dataclass
class Track:
    """A face through successive frames."""

    number: int
    start: float
    """When it was seen first, in seconds."""
    last: float
    """When it was seen last."""
    box: Box
    frames: int = 0
    evidence: Evidence = field(default_factory=Evidence)
    best: Best | None = None
    taken: set[str] = field(default_factory=set)
    """Names that others have who were seen at the same time."""
    strangers: set[int] = field(default_factory=set)
    """Numbers of strangers, likewise."""
    told: bool = False
    """Whether an answer was given while it went on."""
    _speed: tuple[float, float] = (0.0, 0.0)

    def expected(self, time: float) -> Box:
        """Return where the face would be if it moved on as before."""
        gone = time - self.last
        return self.box._replace(
            x=round(self.box.x + self._speed[0] * gone), y=round(self.box.y + self._speed[1] * gone)
        )

    def see(self, time: float, one: Sighting) -> None:
        """Add a sighting."""
        gone = time - self.last
        if self.frames and gone > 0:
            now = ((one.box.x - self.box.x) / gone, (one.box.y - self.box.y) / gone)
            # Half old, half new: boxes tremble.
            self._speed = (0.5 * self._speed[0] + 0.5 * now[0], 0.5 * self._speed[1] + 0.5 * now[1])
        self.last, self.box = time, one.box
        self.frames += 1
        if one.vector is not None:
            self.evidence.add(one.vector, one.row, one.quality)

    def absorb(self, later: Track) -> None:
        """Add what was taken for a part of its own, and goes on where this ends."""
        self.last, self.box, self.frames = later.last, later.box, self.frames + later.frames
        self.evidence.extend(later.evidence)
        if self.best is None or (later.best is not None and later.best.quality > self.best.quality):
            self.best = later.best


@dataclass(frozen=True)
class Best:
    """The best frame of a track so far."""

    time: float
    quality: float
    box: Box
    picture: bytes
    """The face with its surroundings, a JPEG."""
    frame: bytes | None
    """The whole frame, a JPEG, where it will be annotated."""


@dataclass(frozen=True)
class Likeness:
    """How faces are compared: by what metric, and from what distance on photos are said to be of two people."""

    metric: Metric
    threshold: float


class Tracker:
    """Links sightings to tracks."""

    def __init__(self, likeness: Likeness | None, patience: float) -> None:
        """Go by `likeness`, without one by boxes alone; a track ends after `patience` seconds without its face."""
        self._likeness, self._patience = likeness, patience
        self._count = 0
        self.open: list[Track] = []

    def update(self, time: float, seen: Sequence[Sighting]) -> tuple[list[Track], list[Track]]:
        """Add the faces of a frame. Return the track of each, in order, and the tracks that have ended."""
        ended = [track for track in self.open if time - track.last > self._patience]
        self.open = [track for track in self.open if time - track.last <= self._patience]
        linked = self._linked(time, seen)
        tracks = [
            track if track is not None else self._begin(time, one) for track, one in zip(linked, seen, strict=True)
        ]
        for track, one in zip(tracks, seen, strict=True):
            track.see(time, one)
        return tracks, ended

    def close(self) -> list[Track]:
        """End all tracks, and return them."""
        ended, self.open = self.open, []
        return ended

    def _begin(self, time: float, one: Sighting) -> Track:
        self._count += 1
        track = Track(self._count, time, time, one.box)
        self.open.append(track)
        return track

    def _linked(self, time: float, seen: Sequence[Sighting]) -> list[Track | None]:
        found: list[Track | None] = [None] * len(seen)
        if not seen or not self.open:
            return found
        gain = np.array([[self._gain(track, one, time) for track in self.open] for one in seen])
        # One column more for each face: to begin a track of its own, which is worth nothing.
        table = np.concatenate([gain, np.zeros((len(seen), len(seen)))], axis=1)
        for face, column in zip(*scipy.optimize.linear_sum_assignment(table, maximize=True), strict=True):
            if column < len(self.open) and gain[face, column] > 0:
                found[face] = self.open[column]
        return found

    def _gain(self, track: Track, one: Sighting, time: float) -> float:
        """Return what it counts to take a face for a track's; negative where it cannot be."""
        expected = track.expected(time)
        shared = max(overlap(expected, one.box), overlap(track.box, one.box))
        far = self._distance(track, one)
        if far is None:
            return shared if shared >= _LEAST_OVERLAP else _OUT
        if far >= OTHER:  # somebody else, in the same place: the scene was cut, or one walked before the other
            return _OUT
        near = shared >= _LEAST_OVERLAP or (far <= _ALIKE and _moved(expected, one.box) <= self._reach(track, time))
        return shared + 1 - far if near else _OUT

    def _distance(self, track: Track, one: Sighting) -> float | None:
        """Return how unlike a face is to a track, 1 being the embedder's threshold; None where nothing can tell."""
        recent: Embeddings = track.evidence.last(_RECENT)
        if self._likeness is None or one.vector is None or not recent.size:
            return None
        nearest = distances(self._likeness.metric, one.vector[None], recent).min()
        return float(nearest) / self._likeness.threshold

    @staticmethod
    def _reach(track: Track, time: float) -> float:
        return max(track.box.w, track.box.h) * (1 + _REACH * (time - track.last))


def _moved(a: Box, b: Box) -> float:
    """Return how far apart the middles of two boxes are, in pixels."""
    return hypot(a.x + a.w / 2 - b.x - b.w / 2, a.y + a.h / 2 - b.y - b.h / 2)


def quality(face: Image) -> float:
    """Return what a frame counts for the name of its face, RGB: little where that is small, blurred or washed out."""
    grey = images.gray(face)
    size = min(1.0, min(grey.shape) / _GOOD_SIDE)
    sharp = images.sharpness(grey)
    contrast = min(1.0, float(grey.std()) / _GOOD_CONTRAST)
    return float(max(_LEAST, size * contrast * sharp / (sharp + _HALF_SHARP)))
