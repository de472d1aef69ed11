"""Faces in photos: the Haar cascades that OpenCV ships, and the square pictures cut around what they find."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import cv2
import cv2.data
import numpy as np

from facekit import images, plugins
from facekit.contract import Box, Detector, Face, Image
from facekit.options import Crop

_built = threading.local()


class Haar:
    """A Haar cascade on a scaled-down grey picture; boxes come back in pixels of the picture given.

    Not thread-safe: one `CascadeClassifier` shared by threads gives wrong boxes. `score` is the number
    of overlapping windows that agreed, OpenCV's only measure of how sure a cascade is.
    """

    # 1.1 finds what 1.05 does at half the cost; 5 neighbours is where false boxes fall off.
    step, neighbours = 1.1, 5

    def __init__(self, file: str, min_size: int = 40, longest: int = 640, mirror: bool = False) -> None:
        """Load a cascade of `cv2.data.haarcascades`.

        `min_size` is the side of the smallest face in pixels of the photo; `longest` the longest side at
        which a photo is searched; `mirror` also searches the flipped photo (profiles face one way).
        """
        self._cascade = cv2.CascadeClassifier(str(Path(cv2.data.haarcascades) / file))
        self._min_size, self._longest, self._mirror = min_size, longest, mirror

    def detect(self, image: Image) -> list[Face]:
        """Return the faces of an RGB picture, largest first."""
        grey = images.gray(image)
        small, scale = images.shrink(grey, self._longest)
        faces = self._search(small, scale)
        if self._mirror:
            faces += [_flip(face, image.shape[1]) for face in self._search(small[:, ::-1].copy(), scale)]
            faces = _distinct(faces)
        return sorted(faces, key=lambda f: (-f.box.w * f.box.h, f.box))

    def _search(self, grey: Image, scale: float) -> list[Face]:
        # A face cannot be smaller than the cascade's own window, so a tiny photo is searched at that.
        side = max(20, round(self._min_size * scale))
        boxes, neighbours = self._cascade.detectMultiScale2(
            grey, scaleFactor=self.step, minNeighbors=self.neighbours, minSize=(side, side)
        )
        found = zip(np.reshape(boxes, (-1, 4)), np.reshape(neighbours, -1), strict=True)
        return [Face(Box(*(round(v / scale) for v in box.tolist())), float(n)) for box, n in found]


def frontal_default(min_size: int = 40, longest: int = 640) -> Detector:
    """Return OpenCV's default frontal cascade."""
    return Haar("haarcascade_frontalface_default.xml", min_size, longest)


def frontal_alt2(min_size: int = 40, longest: int = 640) -> Detector:
    """Return the alt2 frontal cascade: fewer false boxes, fewer faces."""
    return Haar("haarcascade_frontalface_alt2.xml", min_size, longest)


def profile(min_size: int = 40, longest: int = 640) -> Detector:
    """Return the profile cascade, run on the photo and its mirror image."""
    return Haar("haarcascade_profileface.xml", min_size, longest, mirror=True)


@dataclass(frozen=True)
class Cut:
    """A face and the square picture around it, at the size that was asked for."""

    face: Face
    image: Image


def take(image: Image, crop: Crop) -> list[Cut]:
    """Find every face of a photo as `crop` says and cut it out at full resolution, largest first."""
    detector = _of_this_thread(crop)
    return [Cut(face, cut_out(image, face, crop)) for face in detector.detect(image)]


def cut_out(image: Image, face: Face, crop: Crop) -> Image:
    """Return the square around a face, with the margin and at the size that `crop` gives."""
    return images.resize(images.cut(image, images.square(face.box, crop.margin)), crop.size)


def _of_this_thread(crop: Crop) -> Detector:
    wanted = (crop.cascade, crop.min_size, crop.detect_at)
    if getattr(_built, "wanted", None) != wanted:
        build: Callable[..., Detector] = plugins.load("detector", f"haar-{crop.cascade}")
        _built.detector, _built.wanted = build(crop.min_size, crop.detect_at), wanted
    return cast(Detector, _built.detector)


def _flip(face: Face, width: int) -> Face:
    return Face(face.box._replace(x=width - face.box.x - face.box.w), face.score)


def _distinct(faces: list[Face]) -> list[Face]:
    """Drop a box that overlaps a surer one by more than half."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda f: (-f.score, f.box)):
        if all(_overlap(face.box, other.box) <= 0.5 for other in kept):
            kept.append(face)
    return kept


def _overlap(a: Box, b: Box) -> float:
    """Return intersection over union."""
    w = min(a.x + a.w, b.x + b.w) - max(a.x, b.x)
    h = min(a.y + a.h, b.y + b.h) - max(a.y, b.y)
    shared = max(0, w) * max(0, h)
    return shared / (a.w * a.h + b.w * b.h - shared)
