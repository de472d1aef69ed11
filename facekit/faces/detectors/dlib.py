"""dlib's HOG detector (King 2015): frontal faces of 80 pixels and more, half that on the doubled picture."""

from __future__ import annotations

from facekit.base import images, plugins
from facekit.base.contract import Box, Face, Image
from facekit.faces.detectors.boxes import largest_first
from facekit.options.crop import FaceCrop

_WINDOW = 80
"""Side of the smallest face that the detector sees."""


class Hog:
    """The detector on a scaled-down grey picture; `score` is its distance from the deciding plane, above 0."""

    def __init__(self, min_size: int = 40, longest: int = 640) -> None:
        """Build it. Raises FacekitError where dlib is not installed."""
        self._detector = plugins.need("dlib", "the detector dlib").get_frontal_face_detector()
        self._min_size, self._longest = min_size, longest

    def detect(self, image: Image) -> list[Face]:
        """Return the faces of an RGB picture, largest first."""
        small, scale = images.shrink(images.gray(image), self._longest)
        # Doubling costs four times as much, and is for the small faces alone.
        doubled = self._min_size * scale < _WINDOW
        found, scores, _ = self._detector.run(small, int(doubled), 0.0)
        boxes = [[box.left(), box.top(), box.width(), box.height()] for box in found]
        faces = [Face(Box(*(round(v / scale) for v in box)), round(s, 3)) for box, s in zip(boxes, scores, strict=True)]
        return largest_first(face for face in faces if face.box.w >= self._min_size)


def build(crop: FaceCrop) -> Hog:
    """Return the detector for the crop options."""
    return Hog(crop.min_size, crop.detect_at)
