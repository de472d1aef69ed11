"""How good a picture of a face is: one number for each kind of defect.

Whether something hides a part of the face is not among them: from pixels and five points it cannot be distinguished
from a beard, a shadow or a turned head, and a number that means nothing is worse than none.
"""

from __future__ import annotations

import math
from contextlib import suppress
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from facekit.base import images
from facekit.base.contract import BadImage, Box, FacekitError, Image, Points, Record
from facekit.faces.alignment import DLIB, FIVE, moved, similarity
from facekit.faces.landmarks import landmarks

_SIDE = 96
_BLACK, _WHITE = 4, 251

_TIP, _BASE, _MOUTH_DEPTH = 0.5, 0.33, 0.15
"""How far an average face protrudes before the eyes, in distances of the eyes: tip of the nose, under it, mouth."""

_NOSE, _MOUTH = 0.55, 0.96
"""How far below the eyes YuNet puts tip of the nose and mouth: medians of 250 news photos (LFW)."""


def measure(image: Image, record: Record, points: Points | None = None) -> dict[str, float]:
    """Return what is measured of an RGB face.

    - `sharpness`: variance of the Laplacian at 96 pixels, see `images.sharpness`;
    - `brightness`, `contrast`: mean and standard deviation of the grey values;
    - `clipped`: share of pixels that are all but black or white;
    - `size`: longer side of the face in its photo, in pixels, as `crop --min-size` measures it: some detectors' boxes
      are taller than wide, others are square (shorter side of the picture, where it has no box);
    - with five `points`, in pixels of the image, dlib's or a network's (see `facekit.faces.alignment`): `yaw`, `pitch`
      (a network's alone) and `roll` in degrees: turned to the picture's right, down and clockwise is above 0.
    """
    side = max(record.box.w, record.box.h) if record.box else min(image.shape[:2])
    return _measured(image, side, points)


def _measured(image: Image, side: int, points: Points | None) -> dict[str, float]:
    grey = images.gray(image)
    small = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    mean, deviation = (float(value[0, 0]) for value in cv2.meanStdDev(grey))
    ends = np.count_nonzero(small <= _BLACK) + np.count_nonzero(small >= _WHITE)
    found = {
        "sharpness": images.sharpness(grey),
        "brightness": mean,
        "contrast": deviation,
        "clipped": ends / small.size,
        "size": float(side),
    }
    if points is not None:
        found |= pose(points)
    return {name: round(value, 3 if name == "clipped" else 2) for name, value in found.items()}


def in_photo(image: Image, box: Box | None) -> dict[str, float]:
    """Return what `measure` says of a face where it is in its photo; without a box the picture is the face.

    Its pose is left out where dlib is not installed, or finds no eyes.
    """
    points = None
    with suppress(BadImage, FacekitError):
        points = landmarks(image, box or images.whole(image))
    face = image if box is None else images.cut(image, box)
    return _measured(face, max(box.w, box.h) if box else min(image.shape[:2]), points)


def pose(points: Points) -> dict[str, float]:
    """Return yaw, pitch and roll of a face in degrees, as five points of it show them; no pitch from dlib's.

    Seen from afar a turned head shows its eyes nearer to one another by the cosine, and its nose off their
    middle by the sine times what it protrudes; a nod moves the nose between eyes and mouth. Every face is taken
    for an average one, so two people who look the same way may differ by some ten degrees.
    """
    if not np.ptp(points, axis=0).any():
        return {}
    marks = _marks(points)
    across = marks.right - marks.left
    apart = float(np.linalg.norm(across))
    if apart == 0:
        return {}
    along = across / apart
    down = np.array([-along[1], along[0]])
    middle = (marks.left + marks.right) / 2
    nose = marks.nose - middle
    found = {"yaw": math.atan2(float(nose @ along), marks.depth * apart)}
    if marks.mouth is not None and (low := float((marks.mouth - middle) @ down)) > 0:
        share = float(nose @ down) / low
        found["pitch"] = math.atan((share * _MOUTH - _NOSE) / (_TIP - share * _MOUTH_DEPTH))
    found["roll"] = math.atan2(along[1], along[0])
    return {name: math.degrees(angle) for name, angle in found.items()}


class _Marks(NamedTuple):
    """The eyes at the picture's left and right, the nose, the middle of the mouth, and how far the nose protrudes."""

    left: NDArray[np.float64]
    right: NDArray[np.float64]
    nose: NDArray[np.float64]
    mouth: NDArray[np.float64] | None
    depth: float


def _marks(points: Points) -> _Marks:
    five = np.asarray(points, np.float64)
    # Dlib's points and a network's differ in the mean face that they fit better, however it is turned.
    if _misfit(points, DLIB) < _misfit(points, FIVE):
        return _Marks(five[2:4].mean(axis=0), five[:2].mean(axis=0), five[4], None, _BASE)
    return _Marks(five[0], five[1], five[2], five[3:].mean(axis=0), _TIP)


def _misfit(points: Points, template: Points) -> float:
    fitted = np.asarray(moved(points, similarity(points, template)))
    return float(np.square(fitted - np.asarray(template)).sum())
