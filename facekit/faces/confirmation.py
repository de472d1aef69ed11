"""Whether there is a face in a box at all, as a second detector sees it: a crest, a hand or a cloth is none.

YuNet decides where its weights are installed. On 334 boxes that Haar's cascade drew in raw search results it sees
nothing in the 13 that hold no face (at most .2), and each of the 246 faces of the people who were searched for (.8 and more,
turned aside and shaded ones included). What it is not sure of is blurred beyond recognition. dlib's HOG detector is
weaker: it misses faces that are turned aside, so it may say what a rejected box is, and never rejects one itself.
"""

from __future__ import annotations

import threading
from typing import Any

from facekit.base import images, plugins, weights
from facekit.base.contract import Box, Image
from facekit.faces.detectors.boxes import overlap
from facekit.faces.landmarks import PACKAGE

FACE = "face"
"""The quality that holds the score."""

NONE, SURE = 0.3, 0.7
"""Score below which a box holds no face, and from which it does."""

YUNET, HOG = "yunet", "dlib"

_MARGIN = {YUNET: 1.0, HOG: 0.8}
"""Space around the box that a detector sees, as a share of its side."""

_SEARCHED_AT = 320

_LEAST = -0.9
"""HOG's value of the faintest face; a detection of its own is above 0."""

_MIN_OVERLAP = 0.1
"""Overlap with the box below which a face is another one: YuNet's boxes are narrow and tall."""


def detector() -> str | None:
    """Return the detector that confirms boxes, by what is installed; None where there is none."""
    if weights.here(YUNET):
        return YUNET
    return HOG if plugins.installed("dlib", PACKAGE) else None


class Confirmation:
    """Looks for a face in boxes. Detectors are not thread-safe: each thread that asks has one of its own."""

    def __init__(self, detector: str) -> None:
        """Take the detector `yunet` or `dlib`."""
        self.detector = detector
        self._local = threading.local()

    @property
    def rejects(self) -> bool:
        """Whether a box that it sees no face in holds none, whatever else is known of it."""
        return self.detector == YUNET

    def __call__(self, image: Image, box: Box) -> float:
        """Return how sure the detector is that a box of an RGB picture holds a face, from 0 to 1."""
        around = images.square(box, _MARGIN[self.detector])
        inside = box._replace(x=box.x - around.x, y=box.y - around.y)
        seen = images.cut(image, around)
        return self._yunet(seen, inside) if self.detector == YUNET else self._hog(seen, inside)

    def _yunet(self, image: Image, box: Box) -> float:
        found = self._built().detect(image)
        return max((face.score for face in found if overlap(face.box, box) >= _MIN_OVERLAP), default=0.0)

    def _hog(self, image: Image, box: Box) -> float:
        small, scale = images.shrink(images.gray(image), _SEARCHED_AT)
        boxes, scores, _ = self._built().run(small, 1, _LEAST)
        wide = [Box(*(round(v / scale) for v in (b.left(), b.top(), b.width(), b.height()))) for b in boxes]
        best = max((s for b, s in zip(wide, scores, strict=True) if overlap(b, box) >= NONE), default=None)
        return 0.0 if best is None else SURE if best > 0 else (NONE + SURE) / 2

    def _built(self) -> Any:
        if not hasattr(self._local, "detector"):
            if self.detector == YUNET:
                part = plugins.resolve("facekit.faces.detectors.yunet:YuNet", "the detector yunet")
                self._local.detector = part(min_size=1, longest=_SEARCHED_AT, score=NONE)
            else:
                self._local.detector = plugins.need("dlib", "the detector dlib").get_frontal_face_detector()
        return self._local.detector
