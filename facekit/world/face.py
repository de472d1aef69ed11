"""Draws one head: skin with its light and shade, the parts of the face, and hair."""

from dataclasses import replace

import cv2
import numpy as np

from facekit.base.contract import Image
from facekit.world.features import (
    BLACK,
    SHADOW,
    WHITE,
    draw_beard,
    draw_brow,
    draw_eye,
    draw_glasses,
    draw_mouth,
    draw_nose,
)
from facekit.world.hair import hair
from facekit.world.paint import Frame, Pen, Points, mirror, mix, oval, ribbon, smooth
from facekit.world.people import Person
from facekit.world.shot import Shot, mood


def contour(p: Person, drop: float = 0.0) -> Points:
    """The outline of the head (n, 2) in half faces; ``drop`` is how far the jaw has opened."""
    chin = p.chin + drop
    right = np.array([
        (0.0, -p.crown), (0.5 * p.width, -p.crown * 0.92), (0.88 * p.width, -p.crown * 0.62),
        (p.width, -0.12), (p.width * p.cheek, 0.28), (p.width * (p.jaw + p.cheek) / 2, 0.56),
        (p.width * p.jaw * 0.86, 0.8 * chin), (p.point, 0.975 * chin), (0.0, chin),
    ])  # fmt: skip
    return smooth(np.vstack([right, mirror(right[-2:0:-1])]))


def _turned(outline: Points, frame: Frame) -> Points:
    """The jaw stands nearer to the viewer than the skull, so it moves further when the head turns."""
    low = np.clip(outline[:, 1], 0, 1) * np.clip(1 - np.abs(outline[:, 0]), 0, 1) * 0.45
    moved: Points = outline + np.stack([low * np.sin(frame.yaw), low * np.sin(frame.pitch) * 0.6], axis=1)
    return moved


def _ears(pen: Pen, p: Person) -> None:
    inner, dark = mix(p.skin, SHADOW, 0.3), mix(p.skin, SHADOW, 0.12)
    for side in (-1, 1):
        middle = side * (p.width + 0.03)
        pen.fill(oval(middle, 0.14, 0.12 * p.ear, 0.24 * p.ear, side * 0.2), dark, depth=0.0)
        pen.fill(oval(middle + side * 0.02, 0.13, 0.06 * p.ear, 0.14 * p.ear, side * 0.2), inner, depth=0.0)


def _relief(pen: Pen, p: Person, skin: Image) -> None:
    """Soft light and shade that the face has in any light: sockets, bridge, cheeks, under lip and chin."""
    dark, light = mix(p.skin, SHADOW, 0.62), mix(p.skin, (255, 250, 240), 0.5)
    for side in (-1, 1):
        pen.fill(oval(side * p.eye_gap, -0.07, 0.26, 0.17), dark, alpha=0.62, soft=0.09, clip=skin)
        pen.fill(oval(side * p.width * 0.95, 0.55, 0.14, 0.5), dark, alpha=0.45, soft=0.16, clip=skin)
        pen.fill(oval(side * 0.36, 0.34, 0.17, 0.12), light, alpha=0.58, soft=0.1, clip=skin)
        nose = ribbon([(side * 0.09, -0.1), (side * (0.05 + p.nose_width / 2), p.nose_length)], [0.04, 0.1])
        pen.fill(nose, dark, alpha=0.34, soft=0.04, clip=skin)
    pen.fill(oval(0, -0.5, 0.42, 0.16), light, alpha=0.45, soft=0.18, clip=skin)
    bridge = ribbon([(0, -0.24), (0, p.nose_length - 0.04)], [0.07, 0.09, 0.13])
    pen.fill(bridge, light, alpha=0.55, soft=0.045, clip=skin)
    pen.fill(oval(0, 0.97 * p.chin, 0.55, 0.09), dark, alpha=0.5, soft=0.09, clip=skin)


def _lines(pen: Pen, p: Person, y: float) -> None:
    """Folds from nose to mouth, deeper in some people."""
    for side in (-1, 1):
        fold = smooth([
            (side * (p.nose_width + 0.04), p.nose_length - 0.04), (side * (p.nose_width + 0.13), p.nose_length + 0.1),
            (side * (p.mouth_width + 0.08), y),
        ], closed=False)  # fmt: skip
        pen.fill(ribbon(fold, [0.01, 0.03, 0.012]), mix(p.skin, SHADOW, 0.6), alpha=0.05 + 0.42 * p.lines, soft=0.012)


def _strands(pen: Pen, p: Person, mask: Image) -> None:
    """A sheen and a few locks, so that hair is not one flat colour."""
    shine, deep = mix(p.hair_colour, WHITE, 0.28), mix(p.hair_colour, BLACK, 0.45)
    sheen = ribbon([(-0.62, -0.72), (-0.3, -0.98), (0.1, -1.06), (0.5, -0.92)], [0.04, 0.13, 0.04])
    pen.fill(sheen, shine, alpha=0.55, soft=0.05, depth=0.1, clip=mask)
    for place in (-0.95, -0.6, -0.25, 0.2, 0.55, 0.9):
        lock = smooth([(place * 0.35 + 0.15 * p.hair_part, -p.crown - 0.1), (place * 0.9, -0.75), (place * 1.05, 0.5)],
                      closed=False)  # fmt: skip
        pen.fill(ribbon(lock, [0.01, 0.04, 0.02]), deep, alpha=0.4, depth=0.1, clip=mask)


def _front_hair(pen: Pen, p: Person, skin: Image) -> Image:
    """Draws the hair before the face; returns where it is (h, w)."""
    covered = np.zeros(pen.image.shape[:2], np.uint8)
    for outline in hair(p).front:
        pen.fill(outline + (0, 0.07), SHADOW, alpha=0.42, soft=0.07, clip=skin)
    for outline in hair(p).front:
        pen.fill(outline, p.hair_colour)
        cv2.bitwise_or(covered, pen.mask(outline), dst=covered)
    _strands(pen, p, covered)
    return covered


def _light(pen: Pen, p: Person, shot: Shot, covered: Image) -> None:
    """Shade the head as the egg it nearly is, lit from one side."""
    left, top, wide, tall = cv2.boundingRect(covered)
    if not wide or not tall:
        return
    frame, small = pen.frame, 24
    reach = frame.scale * 1.2
    x = (left + (np.arange(small) + 0.5) * wide / small - frame.x) / reach
    y = (top + (np.arange(small) + 0.5) * tall / small - frame.y) / reach
    across, down = np.meshgrid(x / p.width, y)
    ahead = np.sqrt(np.clip(1 - across**2 - down**2, 0.02, 1))
    facing = across * shot.light_x + down * shot.light_y + ahead * 0.8
    gain = 1 + shot.light * (facing - 0.72)
    area = pen.image[top : top + tall, left : left + wide]
    weight = covered[top : top + tall, left : left + wide].astype(np.float32) / 255
    full = cv2.resize(gain.astype(np.float32), (wide, tall), interpolation=cv2.INTER_LINEAR)
    factor = 1 + (full - 1) * weight
    area[:] = np.clip(area * factor[..., None], 0, 255).astype(np.uint8)


def draw_back_hair(pen: Pen, p: Person) -> None:
    """The hair behind head and shoulders."""
    for outline in hair(p).back:
        pen.fill(outline, mix(p.hair_colour, BLACK, 0.22), depth=-0.25)


def draw_head(pen: Pen, p: Person, shot: Shot) -> None:
    """Draw the head on the pen's photo, in place; the neck is there already."""
    feel = mood(shot)
    y = p.nose_length + p.mouth_drop
    outline = _turned(contour(p, 0.3 * feel.gape), pen.frame)
    skin = pen.mask(outline, depth=0.0)
    _ears(pen, p)
    pen.fill(outline, p.skin, depth=0.0)
    _relief(pen, p, skin)
    for side in (-1, 1):
        pen.fill(oval(side * 0.42, 0.36, 0.16, 0.12), (240, 122, 106), alpha=feel.cheek, soft=0.1, clip=skin)
    _lines(pen, p, y)
    for side in (-1, 1):
        draw_eye(pen, p, shot, side, feel.lids)
        draw_brow(pen, p, side, feel)
    draw_nose(pen, p)
    draw_beard(pen, p, feel, y, skin)
    draw_mouth(pen, p, feel, y)
    covered = _front_hair(pen, p, skin)
    draw_glasses(pen, p)
    _light(pen, p, shot, cv2.bitwise_or(covered, skin))


def frame_of(p: Person, shot: Shot, x: float, y: float, scale: float) -> Frame:
    """The head's place for a shot: ``x``, ``y`` in pixels between the eyes, ``scale`` pixels a half face."""
    return Frame(x, y, scale, shot.yaw, shot.pitch, shot.roll, p.width)


def body_frame(frame: Frame) -> Frame:
    """Shoulders keep still while the head turns and leans."""
    return replace(frame, yaw=0.0, pitch=0.0, roll=frame.roll * 0.25)
