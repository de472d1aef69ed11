"""Find the faces of a photo as the crop options say, and cut them out at full resolution."""

from __future__ import annotations

import threading
from typing import TypeVar

import numpy as np

from facekit.base import images, plugins, weights
from facekit.base.contract import BadImage, Face, Image, replace
from facekit.faces.alignment import DLIB, FIVE, align
from facekit.faces.detectors.confirmed import Confirmed, Search
from facekit.faces.detectors.retry import Retry
from facekit.faces.detectors.yunet import YuNet
from facekit.faces.landmarks import landmarks
from facekit.options.crop import FaceCrop

Crops = TypeVar("Crops", bound=FaceCrop)

NO_EYES = "no eyes found"

LEAST_APART = 0.15
"""Least distance of the eyes, as a share of the box: nearer, one of them was guessed, or both."""

_built = threading.local()


def search(image: Image, crop: FaceCrop) -> Search:
    """Return every face of a photo, found as `crop` says, and the boxes that were not confirmed."""
    finder = _of_this_thread(settled(crop))
    return finder.search(image) if isinstance(finder, Confirmed) else Search(finder.detect(image), [])


def find(image: Image, crop: FaceCrop) -> list[Face]:
    """Return every face of a photo, found as `crop` says, largest first."""
    return search(image, crop).faces


def find_foremost(image: Image, crop: FaceCrop) -> Face | None:
    """Return the face that a photo is of, the foremost of those that `find` returns; None where it shows none."""
    return _of_this_thread(settled(crop)).foremost(image)


def settled(crop: Crops) -> Crops:
    """Return the options with `--verify auto` replaced by what can be had here: `yunet`, else `eyes`.

    Raises FacekitError where the package that carries YuNet holds another file.
    """
    if crop.verify != "auto":
        return crop
    if crop.detector != "haar":
        return replace(crop, verify="none")
    return replace(crop, verify="yunet" if weights.here("yunet") else "eyes")


def cut_out(image: Image, face: Face, crop: FaceCrop) -> Image:
    """Return the square around a face, with the margin and at the size that `crop` gives, or the aligned face.

    Raises BadImage where the face is to be aligned and its eyes cannot be found.
    """
    if crop.align == "eyes":
        return _aligned(image, face, crop)
    return images.resize(images.cut(image, images.square(face.box, crop.margin)), crop.size)


def ready(crop: FaceCrop) -> None:
    """Build what `crop` needs to find faces, so that a fault shows before the work begins.

    Raises FacekitError for a detector that nobody registered, or whose extra or weights are missing.
    """
    _of_this_thread(settled(crop))


def _aligned(image: Image, face: Face, crop: FaceCrop) -> Image:
    points, template = (face.points, FIVE) if face.points else (landmarks(image, face.box), DLIB)
    box, five = face.box, np.asarray(points)
    left, right = (five[0], five[1]) if face.points else (five[2:4].mean(axis=0), five[:2].mean(axis=0))
    apart = float(np.linalg.norm(right - left)) / max(box.w, box.h)
    middle = (left + right) / 2 - (box.x, box.y)
    if apart < LEAST_APART or not ((middle >= 0) & (middle <= (box.w, box.h))).all():
        raise BadImage(NO_EYES, round(apart, 3))
    return align(image, points, crop.size, template, crop.margin)


def _of_this_thread(crop: FaceCrop) -> Retry | Confirmed:
    wanted = (crop.detector, crop.cascade, crop.verify, crop.roll, crop.min_size, crop.detect_at)
    if getattr(_built, "wanted", None) != wanted:
        _built.finder, _built.wanted = _build(crop), wanted
    finder: Retry | Confirmed = _built.finder
    return finder


def _build(crop: FaceCrop) -> Retry | Confirmed:
    finder = Retry(plugins.load("detector", crop.detector)(crop), crop.roll)
    if crop.verify != "yunet" or crop.detector == "yunet":
        return finder
    # A box may be larger than the face in it, so a face smaller than the smallest can confirm one.
    return Confirmed(finder, YuNet(1, crop.detect_at))
