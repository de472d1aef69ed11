"""Places with nobody in them: backgrounds, landscapes and still lifes."""

from collections.abc import Callable

import cv2
import numpy as np

from facekit.base.contract import Image
from facekit.world.paint import mix
from facekit.world.people import Colour

Rng = np.random.Generator


def colour(rng: Rng, low: int, high: int) -> Colour:
    """A random muted colour with channels from ``low`` up to ``high``."""
    red, green, blue = (int(c) for c in rng.integers(low, high, 3))
    grey = (red + green + blue) // 3
    return mix((red, green, blue), (grey, grey, grey), 0.4)


def gradient(size: tuple[int, int], top: Colour, low: Colour) -> Image:
    """A picture (h, w, 3) that fades from one colour to another."""
    height, width = size
    share = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    column = np.array(top, np.float32) * (1 - share) + np.array(low, np.float32) * share
    return np.ascontiguousarray(np.broadcast_to(column, (height, width, 3)).astype(np.uint8))


def _wall(size: tuple[int, int], rng: Rng) -> Image:
    base = colour(rng, 70, 225)
    image = gradient(size, base, mix(base, (30, 30, 40), float(rng.uniform(0.1, 0.5))))
    height, width = size
    for _ in range(int(rng.integers(0, 3))):
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height // 2))
        w, h = int(width * rng.uniform(0.1, 0.25)), int(height * rng.uniform(0.12, 0.3))
        cv2.rectangle(image, (x, y), (x + w, y + h), mix(base, (20, 16, 12), 0.6), -1)
        cv2.rectangle(image, (x + w // 10, y + h // 10), (x + w * 9 // 10, y + h * 9 // 10), colour(rng, 60, 230), -1)
    return image


def _bokeh(size: tuple[int, int], rng: Rng) -> Image:
    height, width = size
    image = gradient(size, colour(rng, 10, 110), colour(rng, 10, 110))
    for _ in range(int(rng.integers(12, 30))):
        centre = int(rng.integers(0, width)), int(rng.integers(0, height))
        glow = colour(rng, 90, 256)
        cv2.circle(image, centre, int(height * rng.uniform(0.012, 0.045)), glow, -1, cv2.LINE_AA)
    return image


def _hills(size: tuple[int, int], rng: Rng) -> Image:
    height, width = size
    sky = mix((110, 160, 220), (250, 180, 140), float(rng.random()))
    image = gradient(size, sky, mix(sky, (255, 250, 240), 0.6))
    sun = int(rng.integers(0, width)), int(height * rng.uniform(0.1, 0.35))
    cv2.circle(image, sun, int(height * rng.uniform(0.015, 0.03)), (255, 244, 205), -1, cv2.LINE_AA)
    x = np.arange(0, width + 8, 8)
    for layer in range(4):
        level = height * (0.42 + 0.14 * layer)
        waves = np.sin(x / width * rng.uniform(3, 9) + rng.uniform(0, 6)) * height * rng.uniform(0.02, 0.09)
        ridge = np.stack([x, level + waves], axis=1)
        shape = np.vstack([ridge, [(width, height), (0, height)]]).astype(np.int32)
        green = mix((150, 180, 190), colour(rng, 30, 110), 0.3 + 0.2 * layer)
        cv2.fillPoly(image, [shape], green, cv2.LINE_AA)
    return image


def _city(size: tuple[int, int], rng: Rng) -> Image:
    height, width = size
    image = gradient(size, colour(rng, 90, 210), colour(rng, 150, 250))
    x = 0
    while x < width:
        w, top = int(width * rng.uniform(0.07, 0.18)) + 2, int(height * rng.uniform(0.15, 0.65))
        front = colour(rng, 60, 190)
        cv2.rectangle(image, (x, top), (x + w, height), front, -1)
        pane, lit = max(3, height // 24), mix(front, (255, 240, 190), float(rng.uniform(0.08, 0.25)))
        for row in range(top + pane, height, 2 * pane):
            for column in range(x + pane, x + w - pane, 2 * pane):
                cv2.rectangle(image, (column, row), (column + pane - 1, row + pane), lit, -1)
        x += w
    return image


def _shelf(size: tuple[int, int], rng: Rng) -> Image:
    height, width = size
    wood = mix((120, 80, 50), (200, 180, 150), float(rng.random()))
    image = gradient(size, mix(wood, (20, 15, 10), 0.4), mix(wood, (20, 15, 10), 0.6))
    rows = int(rng.integers(3, 6))
    for row in range(rows):
        low, x = int((row + 1) * height / rows) - 4, 0
        while x < width:
            w, tall = int(width * rng.uniform(0.015, 0.05)) + 1, int(height / rows * rng.uniform(0.6, 0.9))
            if rng.random() < 0.85:
                cv2.rectangle(image, (x, low - tall), (x + w - 1, low), colour(rng, 40, 220), -1)
            x += w
        cv2.rectangle(image, (0, low), (width, low + max(2, height // 40)), wood, -1)
    return image


def _curtain(size: tuple[int, int], rng: Rng) -> Image:
    height, width = size
    base = np.array(colour(rng, 60, 210), np.float32)
    x = np.arange(width) / width
    folds = 1 + 0.22 * np.sin(x * rng.uniform(25, 70) + 2 * np.sin(x * rng.uniform(4, 9)))
    fall = np.linspace(1.1, 0.75, height)[:, None, None]
    cloth: Image = np.clip(base * folds[None, :, None] * fall, 0, 255).astype(np.uint8)
    return cloth


_PLACES: dict[str, Callable[[tuple[int, int], Rng], Image]] = {
    "wall": _wall, "bokeh": _bokeh, "hills": _hills, "city": _city, "shelf": _shelf, "curtain": _curtain,
}  # fmt: skip


def background(kind: str, size: tuple[int, int], rng: Rng) -> Image:
    """A place out of focus, RGB (h, w, 3) for ``size`` (h, w); painted small and enlarged, as a lens blurs."""
    height, width = size
    small = _PLACES[kind]((max(height // 3, 8), max(width // 3, 8)), rng)
    small = cv2.GaussianBlur(small, (0, 0), float(rng.uniform(0.8, 3.5)))
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _vase(image: Image, rng: Rng) -> None:
    height, width = image.shape[:2]
    x, low, r = int(width * rng.uniform(0.25, 0.75)), int(height * 0.85), int(height * rng.uniform(0.08, 0.14))
    for _ in range(int(rng.integers(4, 9))):
        head = x + int(rng.normal(0, 1.4) * r), low - int(r * rng.uniform(3, 4.6))
        cv2.line(image, (x, low - r), head, (70, 120, 60), max(2, r // 10), cv2.LINE_AA)
        cv2.circle(image, head, int(r * rng.uniform(0.18, 0.34)), colour(rng, 90, 250), -1, cv2.LINE_AA)
    glaze = colour(rng, 50, 220)
    cv2.ellipse(image, (x, low - r), (r, int(1.3 * r)), 0, 0, 360, glaze, -1, cv2.LINE_AA)
    cv2.rectangle(image, (x - r // 2, low - int(2.6 * r)), (x + r // 2, low - int(1.6 * r)), glaze, -1)


def _tree(image: Image, rng: Rng) -> None:
    height, width = image.shape[:2]
    x, low = int(rng.integers(0, width)), int(height * rng.uniform(0.75, 0.95))
    r = int(height * rng.uniform(0.06, 0.16))
    cv2.rectangle(image, (x - r // 6, low - 2 * r), (x + r // 6, low), (92, 66, 46), -1)
    leaf = mix((60, 120, 60), (190, 130, 50), float(rng.random()))
    for _ in range(7):
        spot = x + int(rng.normal(0, 0.5) * r), low - int(r * rng.uniform(1.8, 3.2))
        shade = mix(leaf, (20, 40, 20), float(rng.uniform(0, 0.35)))
        cv2.circle(image, spot, int(r * rng.uniform(0.45, 0.8)), shade, -1, cv2.LINE_AA)


def _house(image: Image, rng: Rng) -> None:
    height, width = image.shape[:2]
    w, h = int(width * rng.uniform(0.15, 0.3)), int(height * rng.uniform(0.15, 0.25))
    x, y = int(rng.integers(0, max(width - w, 1))), int(height * 0.88) - h
    walls = colour(rng, 140, 240)
    cv2.rectangle(image, (x, y), (x + w, y + h), walls, -1)
    roof = np.array([(x - w // 10, y), (x + w // 2, y - h * 2 // 3), (x + w + w // 10, y)], np.int32)
    cv2.fillPoly(image, [roof], colour(rng, 50, 150), cv2.LINE_AA)
    cv2.rectangle(image, (x + w // 8, y + h // 3), (x + w // 3, y + h), mix(walls, (50, 30, 20), 0.7), -1)
    cv2.rectangle(image, (x + w // 2, y + h // 4), (x + w * 9 // 10, y + h * 2 // 3), (120, 150, 180), -1)


_THINGS = {"wall": _vase, "curtain": _vase, "hills": _tree, "city": _tree, "shelf": _vase}


def scene(size: tuple[int, int], rng: Rng) -> Image:
    """A landscape or a still life in focus, RGB (h, w, 3) for ``size`` (h, w), with nobody in it."""
    kind = str(rng.choice(list(_THINGS)))
    image = _PLACES[kind](size, rng)
    if kind == "hills" and rng.random() < 0.5:
        _house(image, rng)
    for _ in range(1 if _THINGS[kind] is _vase else int(rng.integers(1, 5))):
        _THINGS[kind](image, rng)
    return image
