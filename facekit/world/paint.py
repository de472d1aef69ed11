"""Brushes: smooth shapes in face units, placed on a turned head and filled with soft or sharp edges."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from facekit.base.contract import Image
from facekit.world.people import Colour

Points = NDArray[np.float64]

_SUBPIXEL_BITS = 4
_HEAD_DEPTH = 0.8
_HEAD_HEIGHT = 1.25


@cache
def _circle(count: int) -> Points:
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


@cache
def _spline(steps: int) -> Points:
    """Catmull-Rom weights (steps, 4) of four neighbouring knots."""
    t = np.linspace(0, 1, steps, endpoint=False)
    weights = [-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2]
    return np.stack(weights, axis=1) / 2


def oval(x: float, y: float, rx: float, ry: float, tilt: float = 0.0, count: int = 28) -> Points:
    """An ellipse as ``count`` points (count, 2); ``tilt`` in radians."""
    cos, sin = math.cos(tilt), math.sin(tilt)
    turned: Points = _circle(count) @ np.array([[rx * cos, rx * sin], [-ry * sin, ry * cos]]) + (x, y)
    return turned


def smooth(points: ArrayLike, steps: int = 6, closed: bool = True) -> Points:
    """A Catmull-Rom curve through the points (n, 2)."""
    knots = np.asarray(points, dtype=np.float64)
    before = np.roll(knots, 1, axis=0) if closed else np.vstack([knots[:1], knots[:-1]])
    after = np.roll(knots, -1, axis=0) if closed else np.vstack([knots[1:], knots[-1:]])
    beyond = np.roll(knots, -2, axis=0) if closed else np.vstack([knots[2:], knots[-1:], knots[-1:]])
    curve = _spline(steps) @ np.stack([before, knots, after, beyond], axis=1)
    flat: Points = curve.reshape(-1, 2)
    return flat if closed else np.vstack([flat[: 1 - steps], knots[-1:]])


def ribbon(path: ArrayLike, widths: float | Sequence[float]) -> Points:
    """The outline of a stroke along a path (n, 2); ``widths`` are spread evenly over its length."""
    line = np.asarray(path, dtype=np.float64)
    ways = np.gradient(line, axis=0)
    ways /= np.maximum(np.linalg.norm(ways, axis=1, keepdims=True), 1e-9)
    given = np.atleast_1d(np.asarray(widths, dtype=np.float64))
    half = np.interp(np.linspace(0, 1, len(line)), np.linspace(0, 1, len(given)), given) / 2
    aside = np.stack([-ways[:, 1], ways[:, 0]], axis=1) * half[:, None]
    return np.vstack([line + aside, (line - aside)[::-1]])


def ring(outline: Points, inner: float) -> Points:
    """A frame: the outline and its copy shrunk to ``inner``, joined by a seam into one even-odd polygon."""
    centre = outline.mean(axis=0)
    inside = centre + (outline - centre) * inner
    return np.vstack([outline, outline[:1], inside[:1], inside[::-1]])


def mirror(points: ArrayLike) -> Points:
    """The same points on the other side of the face."""
    flipped: Points = np.asarray(points, dtype=np.float64) * (-1.0, 1.0)
    return flipped


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """A colour between two: ``share`` 0 gives the first, 1 the second."""
    red, green, blue = (min(max(int(a + (b - a) * share), 0), 255) for a, b in zip(one, other, strict=True))
    return red, green, blue


@dataclass(frozen=True)
class Frame:
    """Where a head stands in the photo: centre and scale in pixels, angles in radians, half width in units."""

    x: float
    y: float
    scale: float
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    width: float = 0.78

    def surface(self, points: Points) -> Points:
        """How far each point (n, 2) of the face stands out of the picture, in units (n,)."""
        flat = (points[:, 0] / self.width) ** 2 + (points[:, 1] / _HEAD_HEIGHT) ** 2
        depth: Points = _HEAD_DEPTH * np.sqrt(np.clip(1 - flat, 0, 1))
        return depth

    def pixels(self, points: Points, depth: float | None = None) -> Points:
        """Face units to pixels (n, 2); ``depth`` None means on the surface of the face."""
        z = self.surface(points) if depth is None else depth
        x = points[:, 0] * np.cos(self.yaw) + z * np.sin(self.yaw)
        y = points[:, 1] * np.cos(self.pitch) + z * np.sin(self.pitch)
        cos, sin = np.cos(self.roll) * self.scale, np.sin(self.roll) * self.scale
        return np.stack([self.x + x * cos - y * sin, self.y + x * sin + y * cos], axis=1)


def _polygon(canvas: Image, pixels: Points, value: Sequence[int]) -> None:
    fixed = np.round(pixels * (1 << _SUBPIXEL_BITS)).astype(np.int32)
    cv2.fillPoly(canvas, [fixed], value, cv2.LINE_AA, _SUBPIXEL_BITS)


def blend(area: Image, colour: Colour, weight: Image, alpha: float) -> None:
    """Lay a colour over an area (h, w, 3) in place, by weights 0..255 (h, w)."""
    share = cv2.convertScaleAbs(weight, alpha=alpha)
    kept = cv2.multiply(area, cv2.merge([cv2.bitwise_not(share)] * 3), scale=1 / 255)
    laid = cv2.merge([cv2.convertScaleAbs(share, alpha=channel / 255) for channel in colour])
    cv2.add(kept, laid, dst=area)


@dataclass(frozen=True)
class Pen:
    """Draws shapes given in face units on an RGB photo (h, w, 3), in place."""

    image: Image
    frame: Frame

    def mask(self, points: Points, depth: float | None = None) -> Image:
        """The shape alone: 255 inside, 0 outside, the size of the photo (h, w)."""
        canvas = np.zeros(self.image.shape[:2], np.uint8)
        _polygon(canvas, self.frame.pixels(points, depth), (255,))
        return canvas

    def fill(
        self, points: Points, colour: Colour, *, alpha: float = 1.0, soft: float = 0.0,
        depth: float | None = None, clip: Image | None = None,
    ) -> None:  # fmt: skip
        """Fill a shape; ``soft`` is the width of its blurred edge in units, ``clip`` a mask (h, w) to stay in."""
        pixels = self.frame.pixels(points, depth)
        if alpha >= 1 and soft <= 0 and clip is None:
            _polygon(self.image, pixels, colour)
            return
        blur = int(soft * self.frame.scale)
        height, width = self.image.shape[:2]
        left, top = np.clip(np.floor(pixels.min(axis=0)) - 2 * blur - 1, 0, (width, height)).astype(int)
        right, low = np.clip(np.ceil(pixels.max(axis=0)) + 2 * blur + 2, 0, (width, height)).astype(int)
        if left >= right or top >= low:
            return
        weight = np.zeros((low - top, right - left), np.uint8)
        _polygon(weight, pixels - (left, top), (255,))
        if blur:
            side = 2 * (blur // 2) + 1
            cv2.blur(weight, (side, side), dst=weight, borderType=cv2.BORDER_REPLICATE)
            cv2.blur(weight, (side, side), dst=weight, borderType=cv2.BORDER_REPLICATE)
        if clip is not None:
            cv2.multiply(weight, clip[top:low, left:right], dst=weight, scale=1 / 255)
        blend(self.image[top:low, left:right], colour, weight, alpha)
