"""Whether a box really contains a face, according to a second detector, and not a crest, a hand or a cloth.

YuNet decides where its weights are installed. On 334 boxes that Haar's cascade drew in raw search results it sees
nothing in the 13 that hold no face (at most .2), and each of the 246 faces of the people who were searched for (.8 and
more, turned aside and shaded ones included). What it is not sure of is blurred beyond recognition. It also shows how
much of a face is in the picture: of half a face no embedder can tell whose it is. dlib's HOG detector is weaker: it
misses faces that are turned aside, so it may say what a rejected box is, and never rejects one itself.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, NamedTuple

from facekit.base import images, plugins, weights
from facekit.base.contract import Box, Image
from facekit.faces.detectors.boxes import overlap
from facekit.faces.landmarks import PACKAGE

FACE, WHOLE = "face", "whole"
"""The qualities that hold the score, and the share of the face that is in the picture."""

NONE, SURE = 0.3, 0.7
"""Score below which a box holds no face, and from which it does."""

CUT_OFF = 0.8
"""Share of a face in the picture below which it confirms nothing: of the faces of a group photo all show more."""

YUNET, HOG = "yunet", "dlib"

_MARGIN = {YUNET: 1.0, HOG: 0.8}
"""Space around the box that a detector sees, as a share of its side."""

_SEARCHED_AT = 320

_LEAST = -0.9
"""HOG's value of the faintest face; a detection of its own is above 0."""

_MIN_OVERLAP = 0.1
"""Overlap with the box below which a face is another one: YuNet's boxes are narrow and tall."""


class Sight(NamedTuple):
    """What a detector sees in a box."""

    score: float
    """How sure it is of a face, from 0 to 1."""
    whole: float = 1.0
    """The share of the face that is in the picture."""


def build() -> Confirmation | None:
    """Return what confirms boxes, by what is installed; None where there is nothing."""
    if weights.here(YUNET):
        return Confirmation(YUNET)
    return Confirmation(HOG) if plugins.installed("dlib", PACKAGE) else None


_local = threading.local()


@dataclass(frozen=True)
class Confirmation:
    """Looks for a face in boxes. Detectors are not thread-safe: each thread that asks has one of its own."""

    detector: str
    """`yunet` or `dlib`."""

    @property
    def rejects(self) -> bool:
        """Whether a box that it sees no face in holds none, whatever else is known of it."""
        return self.detector == YUNET

    def __call__(self, image: Image, box: Box) -> Sight:
        """Return what the detector sees of a face in a box of an RGB picture."""
        around = images.square(box, _MARGIN[self.detector])
        inside = box._replace(x=box.x - around.x, y=box.y - around.y)
        seen = images.cut(image, around)
        if self.detector == HOG:
            return Sight(self._hog(seen, inside))
        picture = images.whole(image)._replace(x=-around.x, y=-around.y)
        found = [face for face in self._built().detect(seen) if overlap(face.box, inside) >= _MIN_OVERLAP]
        best = max(found, key=lambda face: face.score, default=None)
        return Sight(best.score, round(_share(best.box, picture), 3)) if best else Sight(0.0)

    def _hog(self, image: Image, box: Box) -> float:
        small, scale = images.shrink(images.gray(image), _SEARCHED_AT)
        boxes, scores, _ = self._built().run(small, 1, _LEAST)
        wide = [Box(*(round(v / scale) for v in (b.left(), b.top(), b.width(), b.height()))) for b in boxes]
        best = max((s for b, s in zip(wide, scores, strict=True) if overlap(b, box) >= NONE), default=None)
        return 0.0 if best is None else SURE if best > 0 else (NONE + SURE) / 2

    def _built(self) -> Any:
        if getattr(_local, "built", None) != self.detector:
            if self.detector == YUNET:
                part = plugins.resolve("facekit.faces.detectors.yunet:YuNet", "the detector yunet")
                _local.detector = part(min_size=1, longest=_SEARCHED_AT, score=NONE)
            else:
                _local.detector = plugins.need("dlib", "the detector dlib").get_frontal_face_detector()
            _local.built = self.detector
        return _local.detector


def _share(box: Box, picture: Box) -> float:
    """Return how much of a box is in a picture."""
    wide = min(box.x + box.w, picture.x + picture.w) - max(box.x, picture.x)
    high = min(box.y + box.h, picture.y + picture.h) - max(box.y, picture.y)
    return max(0, wide) * max(0, high) / (box.w * box.h)
