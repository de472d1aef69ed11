"""Drawn photos of invented people, and the faults that a collection of photos has. Colours are RGB."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from facekit.base.contract import Box, Image
from facekit.world.face import body_frame, draw_back_hair, draw_head, frame_of
from facekit.world.paint import Frame, Pen, mix, oval, smooth
from facekit.world.people import Person
from facekit.world.scenery import background, scene
from facekit.world.shot import Shot, shot

Size = tuple[int, int]
Rng = np.random.Generator

# The frontal Haar cascade's habit, measured on many drawn photos: its square, in half faces, about the
# point between the eyes.
_BOX_SIDE = 1.9
_BOX_MIDDLE = 0.19


def _box(frame: Frame) -> Box:
    side = _BOX_SIDE * frame.scale
    x, y = frame.pixels(np.array([[0.0, _BOX_MIDDLE]]), depth=0.35)[0]
    return Box(round(x - side / 2), round(y - side / 2), round(side), round(side))


def _collar(pen: Pen, p: Person, shot: Shot, low: float) -> None:
    dark = mix(shot.cloth, (20, 18, 24), 0.4)
    skin = mix(p.skin, (60, 28, 20), 0.12)
    if shot.clothes == "crew":
        pen.fill(oval(0, low + 0.02, 0.5, 0.2), dark, depth=0.0)
        pen.fill(oval(0, low - 0.03, 0.43, 0.17), skin, depth=0.0)
    elif shot.clothes == "vee":
        pen.fill(np.array([(-0.42, low - 0.12), (0.42, low - 0.12), (0.0, low + 0.6)]), skin, depth=0.0)
    elif shot.clothes == "shirt":
        pen.fill(np.array([(-0.3, low - 0.12), (0.3, low - 0.12), (0.0, low + 0.3)]), skin, depth=0.0)
        flap = np.array([(-0.42, low - 0.2), (0.0, low + 0.3), (-0.3, low + 0.42), (-0.6, low)])
        for side in (flap, flap * (-1, 1)):
            pen.fill(side, mix(shot.cloth, (255, 255, 255), 0.5), depth=0.0)
    elif shot.clothes == "hood":
        pen.fill(oval(0, low + 0.04, 0.68, 0.26), dark, depth=0.0)
        pen.fill(oval(0, low - 0.04, 0.48, 0.17), skin, depth=0.0)


def _body(pen: Pen, p: Person, shot: Shot) -> None:
    low, wide = p.chin + 0.42, 0.62 * p.width
    skin = mix(p.skin, (60, 28, 20), 0.12)
    shoulders = smooth([
        (-wide, low - 0.16), (-1.25, low + 0.22), (-1.72, low + 0.9), (-1.85, low + 3), (1.85, low + 3),
        (1.72, low + 0.9), (1.25, low + 0.22), (wide, low - 0.16), (0, low + 0.04),
    ])  # fmt: skip
    neck = np.array([(-wide, 0.5), (wide, 0.5), (wide * 1.06, low), (0.0, low + 0.25), (-wide * 1.06, low)])
    pen.fill(neck, skin, depth=0.0)
    pen.fill(shoulders, shot.cloth, depth=0.0)
    if shot.clothes == "stripes":
        cloth = pen.mask(shoulders, depth=0.0)
        for row in range(6):
            band = np.array([(-2.2, 0.0), (2.2, 0.0), (2.2, 0.16), (-2.2, 0.16)]) + (0, low + 0.15 + 0.34 * row)
            pen.fill(band, mix(shot.cloth, (245, 240, 235), 0.65), depth=0.0, clip=cloth)
    _collar(pen, p, shot, low)
    neck_mask = pen.mask(neck, depth=0.0)
    pen.fill(oval(0, p.chin, 0.62, 0.34), (70, 28, 22), alpha=0.5, soft=0.1, depth=0.0, clip=neck_mask)


def _figure(image: Image, p: Person, shot: Shot, frame: Frame) -> None:
    head, body = Pen(image, frame), Pen(image, body_frame(frame))
    draw_back_hair(head, p)
    _body(body, p, shot)
    draw_head(head, p, shot)


def _room(extent: int, before: float, after: float, share: float) -> float:
    """A place between margins, or the middle of what is left where the margins do not fit."""
    low, high = before, extent - after
    return low + share * (high - low) if low < high else (low + high) / 2


def _place(p: Person, shot: Shot, size: Size) -> Frame:
    height, width = size
    scale = shot.face_size * min(size) / _BOX_SIDE
    x = _room(width, 1.2 * scale, 1.2 * scale, shot.place_x)
    y = _room(height, 1.15 * scale, 1.4 * scale, shot.place_y)
    return frame_of(p, shot, x, y, scale)


def _grade(image: Image, shot: Shot) -> Image:
    """Exposure, contrast and tint, with the light falling off across the photo."""
    height, width = image.shape[:2]
    across, down = np.meshgrid(np.linspace(-1, 1, 16), np.linspace(-1, 1, 12))
    ramp = 1 + 0.22 * shot.light * (across * shot.light_x + down * shot.light_y)
    gain = (ramp * shot.brightness * shot.contrast)[..., None] * (np.array(shot.tint) / 255)
    full = cv2.resize((gain * 128).astype(np.uint8), (width, height), interpolation=cv2.INTER_LINEAR)
    graded = cv2.multiply(image, full, scale=1 / 128)
    haze = max(0.0, 128 * (1 - shot.contrast) * shot.brightness)
    return np.asarray(cv2.convertScaleAbs(graded, beta=haze), np.uint8)


def _grain(image: Image, sigma: float, rng: Rng) -> Image:
    """Noise of brightness, standard deviation ``sigma``; one tile repeated, for speed."""
    height, width = image.shape[:2]
    tile = np.clip(128 + rng.standard_normal((128, 160), np.float32) * sigma, 0, 255).astype(np.uint8)
    grey = np.tile(tile, (height // 128 + 1, width // 160 + 1))[:height, :width]
    return np.asarray(cv2.addWeighted(image, 1.0, cv2.merge([grey] * 3), 1.0, -128.0), np.uint8)


def _jpeg(image: Image, quality: int) -> Image:
    """What JPEG leaves of a picture. The codec takes RGB for BGR both ways, which cancels out."""
    _, code = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)


def _develop(image: Image, shot: Shot, rng: Rng) -> Image:
    image = _grade(image, shot)
    if shot.blur > 0.3:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), shot.blur), np.uint8)
    return _jpeg(_grain(image, shot.noise, rng), shot.quality)


def photo(person: Person, shot: Shot, size: Size = (480, 640)) -> tuple[Image, Box]:
    """One photo, RGB (h, w, 3) for ``size`` (h, w), and the true face box (x, y, w, h) in pixels."""
    rng = np.random.default_rng(shot.scene)
    image = background(shot.background, size, rng)
    frame = _place(person, shot, size)
    _figure(image, person, shot, frame)
    return _develop(image, shot, rng), _box(frame)


def group_photo(people: Sequence[Person], rng: Rng, size: Size = (480, 640)) -> tuple[Image, list[Box]]:
    """Two to four people side by side, RGB (h, w, 3), and their face boxes in the order of ``people``."""
    if not 2 <= len(people) <= 4:
        raise ValueError(f"a group photo shows two to four people, not {len(people)}")
    height, width = size
    common = shot(rng)
    image = background(common.background, size, rng)
    step = width / len(people)
    frames = []
    for index, person in enumerate(people):
        own = replace(shot(rng), light_x=common.light_x, light_y=common.light_y, light=common.light)
        scale = min(step / 2.5, height / 3.2) * float(rng.uniform(0.86, 1.0))
        x, y = step * (index + 0.5 + rng.uniform(-0.05, 0.05)), height * float(rng.uniform(0.4, 0.55))
        frame = frame_of(person, own, x, y, scale)
        _figure(image, person, own, frame)
        frames.append(frame)
    return _develop(image, common, rng), [_box(frame) for frame in frames]


def staged(figures: Sequence[tuple[Person, Shot]], common: Shot, size: Size = (480, 640)) -> tuple[Image, list[Box]]:
    """People in one place, RGB (h, w, 3), each where their own shot says, and their face boxes: a frame of a film.

    Background, light and camera are those of ``common``; whoever is last stands in front.
    """
    rng = np.random.default_rng(common.scene)
    image = background(common.background, size, rng)
    frames = []
    for person, own in figures:
        frame = _place(person, own, size)
        _figure(image, person, own, frame)
        frames.append(frame)
    return _develop(image, common, rng), [_box(frame) for frame in frames]


def empty_photo(rng: Rng, size: Size = (480, 640)) -> Image:
    """A landscape or a still life with nobody in it, RGB (h, w, 3)."""
    return _develop(scene(size, rng), shot(rng), rng)


def reencode(image: Image, rng: Rng) -> Image:
    """A repeat of a photo as another site would serve it: cropped by up to 2%, resized, compressed again."""
    height, width = image.shape[:2]
    top, low = (round(height * float(share)) for share in rng.uniform(0, 0.01, 2))
    left, right = (round(width * float(share)) for share in rng.uniform(0, 0.01, 2))
    cut = image[top : height - low, left : width - right]
    scale = float(rng.uniform(0.6, 1.15))
    resized = cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    brighter = cv2.convertScaleAbs(resized, alpha=float(rng.uniform(0.95, 1.05)), beta=0)
    return _jpeg(np.asarray(brighter, np.uint8), int(rng.integers(45, 86)))


def blurred(image: Image) -> Image:
    """The photo out of focus, same size."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), max(image.shape[:2]) / 64), np.uint8)


def tiny(image: Image) -> Image:
    """A thumbnail of the photo: its long side 72 pixels."""
    scale = 72 / max(image.shape[:2])
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def dark(image: Image) -> Image:
    """The photo badly underexposed, same size."""
    return (image * 0.1).astype(np.uint8)
