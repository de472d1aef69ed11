"""Where the eyes and the nose of a face are: dlib's five landmarks, with weights from a package."""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path
from typing import Any

from facekit.base import images, plugins
from facekit.base.contract import BadImage, Box, FacekitError, Image, Points
from facekit.faces.alignment import DLIB, Matrix, moved, scale_of, similarity

PACKAGE = "face_recognition_models"

PREDICTOR = "shape_predictor_5_face_landmarks.dat"

NO_FACE = "no face"

_CENTRE, _SIDE = (0.52, 0.52), 0.9
"""Where dlib's own detector draws the box of an aligned face, as shares of its side: medians over LFW's pairs."""

_OFF = 0.08
"""Share of a side by which its boxes differ from those around faces that it was trained on."""

_SMALLEST = 8
"""Pixels of a box in which eyes cannot be told from noses."""

_building = threading.Lock()


def landmarks(image: Image, box: Box) -> Points:
    """Return five points, in pixels, of the face in a box of an RGB picture.

    Outer and inner corner of the eye at the picture's right, outer and inner corner of the eye at its left, and
    under the nose. Any detector may have drawn the box: a first pass finds where dlib's own box would be,
    for which the weights were trained, and where that differs a second one starts from there. Thread-safe.
    Raises BadImage for a box that is outside the picture or too small to hold a face, FacekitError without dlib.
    """
    _check(image, box)
    given = images.square(box, 0)
    found = _look(image, given)
    better = _as_dlib_draws(found)
    return found if _near(given, better) else _look(image, better)


def model_file(name: str) -> Path:
    """Return a file of face-recognition-models. Raises FacekitError where it is not installed.

    The package is not imported: it asks for pkg_resources, which setuptools has given up.
    """
    for folder in plugins.folders(PACKAGE):
        file = folder / "models" / name
        if file.is_file():
            return file
    extra = plugins.EXTRAS[PACKAGE]
    raise FacekitError(f"landmarks of faces need face-recognition-models: pip install 'facekit-cli[{extra}]'")


def _look(image: Image, box: Box) -> Points:
    predict, rectangle = _predictor()
    found = predict(image, rectangle(box.x, box.y, box.x + box.w - 1, box.y + box.h - 1))
    return tuple((float(part.x), float(part.y)) for part in found.parts())


def _as_dlib_draws(points: Points) -> Box:
    frame: Matrix = similarity(DLIB, points)
    ((x, y),) = moved((_CENTRE,), frame)
    side = max(1, round(_SIDE * scale_of(frame)))
    return Box(round(x - side / 2), round(y - side / 2), side, side)


def _near(a: Box, b: Box) -> bool:
    """Whether two squares stand no further apart than dlib's own boxes do around one face."""
    apart = max(abs(a.x + a.w / 2 - b.x - b.w / 2), abs(a.y + a.h / 2 - b.y - b.h / 2))
    return apart <= _OFF * b.w and abs(a.w - b.w) <= 2 * _OFF * b.w


def _check(image: Image, box: Box) -> None:
    height, width = image.shape[:2]
    outside = box.x >= width or box.y >= height or box.x + box.w <= 0 or box.y + box.h <= 0
    if outside or min(box.w, box.h) < _SMALLEST:
        raise BadImage(NO_FACE, min(box.w, box.h))


def _predictor() -> tuple[Any, Any]:
    with _building:  # the cache alone lets two threads build it
        return _built()


@cache
def _built() -> tuple[Any, Any]:
    dlib = plugins.need("dlib", "landmarks of faces")
    return dlib.shape_predictor(str(model_file(PREDICTOR))), dlib.rectangle
