"""What detectors do with boxes: overlaps, one box for each face, and the way back from a changed photo."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from facekit.base.contract import Box, Face, Image, replace

SAME_FACE = 0.4
"""Least overlap at which two boxes are of one face: cascades frame a face differently, neighbours rarely touch."""


def overlap(a: Box, b: Box) -> float:
    """Return intersection over union."""
    w = min(a.x + a.w, b.x + b.w) - max(a.x, b.x)
    h = min(a.y + a.h, b.y + b.h) - max(a.y, b.y)
    shared = max(0, w) * max(0, h)
    return shared / (a.w * a.h + b.w * b.h - shared)


def largest_first(faces: Iterable[Face]) -> list[Face]:
    """Return the faces in the order in which every detector gives them."""
    return sorted(faces, key=lambda face: (-face.box.w * face.box.h, face.box))


def foremost(faces: Iterable[Face], image: Image) -> Face | None:
    """Return the face that a photo is of: large, and near the middle. None where there is none."""
    return max(faces, key=lambda face: prominence(face, image), default=None)


def prominence(face: Face, image: Image) -> float:
    """Return how much a photo is of a face: its area less twice the square of its distance from the middle.

    FaceNet's authors chose it so: the largest face alone is a bystander's more often.
    """
    (height, width), box = image.shape[:2], face.box
    off = math.hypot(box.x + (box.w - width) / 2, box.y + (box.h - height) / 2)
    return box.w * box.h - 2 * off**2


def surest_first(faces: Iterable[Face]) -> list[Face]:
    """Return the faces by score, and those of equal score by place, so that the order is always the same."""
    return sorted(faces, key=lambda face: (-face.score, face.box))


def distinct(faces: Iterable[Face]) -> list[Face]:
    """Drop boxes of a face that has one with a higher score."""
    kept: list[Face] = []
    for face in surest_first(faces):
        if all(overlap(face.box, other.box) <= SAME_FACE for other in kept):
            kept.append(face)
    return kept


def merged(found: Iterable[Iterable[Face]]) -> list[Face]:
    """Merge what several searches found: the first one's box stays, and the scores of all add up."""
    kept: list[Face] = []
    for faces in found:
        fresh: list[Face] = []
        for face in surest_first(faces):
            at = max(range(len(kept)), key=lambda n: overlap(face.box, kept[n].box), default=None)
            if at is None or overlap(face.box, kept[at].box) <= SAME_FACE:
                fresh.append(face)
            else:
                kept[at] = replace(kept[at], score=kept[at].score + face.score)
        kept += distinct(fresh)
    return kept


def mirrored(face: Face, width: int) -> Face:
    """Return where a face of the mirrored photo is in the photo itself, `width` pixels wide."""
    return replace(face, box=face.box._replace(x=width - face.box.x - face.box.w))


def moved(face: Face, warp: NDArray[np.float64]) -> Face:
    """Return a face where a rigid 2x3 warp puts it: an upright box of the same size around the moved middle."""
    box = face.box
    x, y = warp @ (box.x + box.w / 2, box.y + box.h / 2, 1.0)
    points = face.points and tuple((float(a), float(b)) for a, b in (warp @ (*p, 1.0) for p in face.points))
    return replace(face, box=Box(round(x - box.w / 2), round(y - box.h / 2), box.w, box.h), points=points)
