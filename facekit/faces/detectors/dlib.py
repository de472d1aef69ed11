"""dlib's HOG detector (King 2015): frontal faces of 80 pixels and more, half that on the doubled picture.

It looks at a pyramid of pictures, each five sixths of the one before, for faces of one size. Two thirds of its time go
to the three largest, which show the small faces. Where only the face that a photo is of is asked for, the others are
looked at first: `foremost` gives the very box and score that `detect` gives, in less than half the time.
"""

from __future__ import annotations

import math
import threading
from functools import cache
from typing import Any

from facekit.base import images, plugins, weights
from facekit.base.contract import Box, Face, Image
from facekit.faces.detectors.boxes import foremost as foremost_of
from facekit.faces.detectors.boxes import largest_first, prominence
from facekit.options.crop import FaceCrop

_WINDOW = 80
"""Side of the smallest face that the detector sees."""

_SIDE = 77
"""About the side of the boxes that it draws in the picture where it finds a face: 73, or 81 for a turned head."""

_STEP = 6
"""Each picture of the pyramid has five sixths of the side of the one before."""

_SKIPPED = 3
"""Pictures of the pyramid that are left out at first, from the doubled one on."""

_APART = 2
"""Pictures between those and the one with a face, for the face to be sure: two boxes that far apart in size overlap by
less than half, so none in the pictures that were left out would have replaced it."""

_loading = threading.Lock()


class Hog:
    """The detector on a scaled-down grey picture; `score` is its distance from the deciding plane, above 0."""

    def __init__(self, min_size: int = 40, longest: int = 640) -> None:
        """Build it. Raises FacekitError where dlib is not installed."""
        self._dlib = plugins.need("dlib", "the detector dlib")
        self._detector = _of_state(_state())
        self._min_size, self._longest = min_size, longest

    def detect(self, image: Image) -> list[Face]:
        """Return the faces of an RGB picture, largest first."""
        small, scale = images.shrink(images.gray(image), self._longest)
        found, scores, _ = self._detector.run(small, int(self._doubles(scale)), 0.0)
        faces = [self._face(box, score, scale) for box, score in zip(found, scores, strict=True)]
        return largest_first(face for face in faces if face.box.w >= self._min_size)

    def foremost(self, image: Image) -> Face | None:
        """Return the face that an RGB picture is of, where it is large enough to be sure; else None: ask `detect`."""
        small, scale = images.shrink(images.gray(image), self._longest)
        if not self._doubles(scale):
            return None
        faces = {}
        for box, score, level in self._on_small_pictures(small):
            face = self._face(box, score, scale)
            if face.box.w >= self._min_size:
                faces[face] = level
        found = foremost_of(largest_first(faces), image)
        if found is None or faces[found] < _SKIPPED + _APART:
            return None
        # What was not looked for is at most as wide as a face of the last picture that was left out, in the middle.
        most = (_SIDE + 8) / 2 * _up(_SKIPPED - 1) / scale
        return found if prominence(found, image) > most**2 else None

    def _doubles(self, scale: float) -> bool:
        # Doubling costs four times as much, and is for the small faces alone.
        return self._min_size * scale < _WINDOW

    def _face(self, box: Any, score: float, scale: float) -> Face:
        sides = (box.left(), box.top(), box.width(), box.height())
        return Face(Box(*(round(side / scale) for side in sides)), round(score, 3))

    def _on_small_pictures(self, small: Image) -> list[tuple[Any, float, int]]:
        """Return boxes, scores, and which picture each is in: those of `run`, but for the first pictures."""
        double, step = self._dlib.pyramid_down(2), self._dlib.pyramid_down(_STEP)
        size = double.rect_up(self._dlib.rectangle(0, 0, small.shape[1] - 1, small.shape[0] - 1))
        picture = self._dlib.resize_image(small, rows=size.bottom() + 1, cols=size.right() + 1)
        for _ in range(_SKIPPED):
            picture = step(picture)
        found = []
        for box, score in zip(*self._detector.run(picture, 0, 0.0)[:2], strict=True):
            level = max(0, round(math.log(box.width() / _SIDE, _up(1))))
            # Up to the doubled picture in one go, as dlib does it: rounded twice, a side may differ by a pixel.
            there = step.rect_up(step.rect_down(box, level), level + _SKIPPED)
            found.append((double.rect_down(there), score, level + _SKIPPED))
        return found


def build(crop: FaceCrop) -> Hog:
    """Return the detector for the crop options."""
    return Hog(crop.min_size, crop.detect_at)


def _up(levels: int) -> float:
    """Return by what factor a picture is larger than the one so many levels further down."""
    return float((_STEP / (_STEP - 1)) ** levels)


def _of_state(state: bytes) -> Any:
    """Return a detector of its own, for one thread, by what dlib writes of one."""
    kind = plugins.need("dlib", "the detector dlib").fhog_object_detector
    detector = kind.__new__(kind)
    detector.__setstate__((state,))
    return detector


def _state() -> bytes:
    with _loading:  # the cache alone lets two threads build it
        return _built()


@cache
def _built() -> bytes:
    """Return the detector's numbers as dlib writes them.

    dlib carries them compressed, and takes 0.4 CPU seconds to unpack them, for each detector; to read them takes 1 ms.
    """
    dlib = plugins.need("dlib", "the detector dlib")

    def unpacked() -> bytes:
        (state,) = dlib.get_frontal_face_detector().__getstate__()
        return bytes(state)

    return weights.cached(f"hog-{dlib.__version__}", unpacked)
