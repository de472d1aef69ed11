"""The parts of a face: eyes, brows, nose, mouth, beard and glasses."""

import numpy as np

from facekit.base.contract import Image
from facekit.world.paint import Pen, Points, mix, oval, ribbon, ring, smooth
from facekit.world.people import Colour, Person
from facekit.world.shot import Mood, Shot

BLACK: Colour = (18, 14, 16)
WHITE: Colour = (250, 247, 243)
SHADOW: Colour = (52, 22, 18)


def _below(colour: Colour, skin: Colour) -> Colour:
    """The colour, darkened where pale hair would not stand out from the skin."""
    return mix(colour, BLACK, max(0.0, 1 - 0.6 * sum(skin) / sum(colour)))


def draw_eye(pen: Pen, p: Person, shot: Shot, side: int, lids: float) -> None:
    """One eye; ``side`` is -1 or 1, ``lids`` how far open, 1 at rest."""
    half = 0.155 * p.eye_size
    tall = half * p.eye_open * min(max(lids, 0.4), 1.6)
    slope = side * np.sin(p.eye_tilt)
    span = np.linspace(-1, 1, 13)
    arch = (1 - span**2) ** 0.75
    middle = side * p.eye_gap
    x, base = middle + span * half, -slope * span * half
    upper = np.stack([x, base - tall * arch], axis=1)
    lower = np.stack([x, base + 0.75 * tall * arch], axis=1)
    opening = np.vstack([upper, lower[::-1]])
    pen.fill(opening, (216, 207, 200))
    inside = pen.mask(opening)
    iris, look = 0.105 * p.eye_size**0.5, middle + shot.gaze * 0.03
    pen.fill(oval(look, -0.01, iris, iris), mix(p.eye_colour, BLACK, 0.15), clip=inside)
    pen.fill(oval(look, -0.01, iris * 0.55, iris * 0.55), BLACK, clip=inside)
    pen.fill(oval(look - 0.035, -0.045, 0.024, 0.024), WHITE, clip=inside)
    pen.fill(ribbon(upper + (0, 0.02), [0.03, 0.06, 0.03]), SHADOW, alpha=0.45, clip=inside)
    pen.fill(ribbon(upper, [0.012, 0.045, 0.05] if side > 0 else [0.05, 0.045, 0.012]), BLACK)
    pen.fill(ribbon(lower, 0.016), mix(p.skin, SHADOW, 0.55))
    pen.fill(ribbon(upper - (0, 0.055), 0.018), mix(p.skin, SHADOW, 0.5), alpha=0.7)


def draw_brow(pen: Pen, p: Person, side: int, feel: Mood) -> None:
    """One brow; ``side`` is -1 or 1."""
    along = np.array([-1.0, -0.35, 0.35, 1.0])
    tilt = -p.brow_angle * along * 0.2 + feel.inner * along * 0.55
    height = -p.brow_height - feel.brow - p.brow_arch * (1 - (along - 0.3) ** 2) + tilt
    x = side * (p.eye_gap + 0.005 + along * 0.2)
    path = smooth(np.stack([x, height], axis=1), closed=False)
    widths = np.array([0.85, 1.0, 0.8, 0.3]) * p.brow_thickness
    colour = _below(mix(p.hair_colour, BLACK, 0.4), p.skin)
    pen.fill(ribbon(path, list(widths)), colour, alpha=0.93, soft=0.012)


def draw_nose(pen: Pen, p: Person) -> None:
    """The lower edge of the nose; its bridge is part of the relief."""
    end, half = p.nose_length, p.nose_width
    line = mix(p.skin, SHADOW, 0.6)
    pen.fill(oval(0, end + 0.03, half * 1.05, 0.06), line, alpha=0.5, soft=0.035)
    base = smooth(
        [(-half, end - 0.07), (-half * 0.95, end), (-half * 0.4, end + 0.015), (0, end + 0.045),
         (half * 0.4, end + 0.015), (half * 0.95, end), (half, end - 0.07)], closed=False)  # fmt: skip
    pen.fill(ribbon(base, [0.016, 0.026, 0.022, 0.026, 0.016]), line, alpha=0.85)
    for side in (-1, 1):
        pen.fill(oval(side * half * 0.52, end + 0.005, half * 0.26, 0.022), SHADOW, alpha=0.85)
    pen.fill(oval(-0.01, end - 0.06, 0.05, 0.045), mix(p.skin, WHITE, 0.7), alpha=0.6, soft=0.03)


def draw_mouth(pen: Pen, p: Person, feel: Mood, y: float) -> None:
    """Lips, and teeth or tongue where the mouth is open; ``y`` in half faces."""
    t = np.linspace(-1, 1, 17)
    x, arch = t * p.mouth_width * feel.stretch, (1 - t**2) ** 0.65
    line = y + feel.lift * (0.45 - t**2)
    top, low = line - 0.32 * feel.gape * arch, line + 0.68 * feel.gape * arch
    bow = arch * (1 - 0.28 * np.exp(-((t / 0.16) ** 2)))
    lips = mix(mix(p.skin, (176, 58, 62), 0.55), SHADOW, 0.08)

    def strip(above: Points, below: Points) -> Points:
        return np.vstack([np.stack([x, above], axis=1), np.stack([x, below], axis=1)[::-1]])

    dark = mix(p.skin, SHADOW, 0.62)
    pen.fill(oval(0, float(low[8]) + p.lip * 1.1 + 0.07, p.mouth_width * 0.6, 0.035), dark, alpha=0.5, soft=0.04)
    pen.fill(strip(top - p.lip * 0.8 * bow, low + p.lip * 1.15 * arch), lips)
    pen.fill(strip(line, low + p.lip * 1.0 * arch), mix(lips, WHITE, 0.22), alpha=0.8, soft=0.02)
    if feel.gape > 0.02:
        hole = strip(top, low)
        pen.fill(hole, (96, 30, 34))
        inside = pen.mask(hole)
        if feel.lift > 0.05:
            pen.fill(strip(top - 0.02, top + 0.62 * feel.gape * arch), WHITE, clip=inside)
        else:
            pen.fill(oval(0, float(low[8]) - 0.02, 0.12, 0.07), (186, 84, 84), soft=0.02, clip=inside)
    else:
        pen.fill(ribbon(np.stack([x, line], axis=1), [0.016, 0.034, 0.016]), mix(lips, BLACK, 0.66))
    for side in (0, -1):
        pen.fill(oval(float(x[side]), float(line[side]), 0.024, 0.018), dark, alpha=0.7, soft=0.01)


def draw_beard(pen: Pen, p: Person, feel: Mood, y: float, skin: Image) -> None:
    """Beard and moustache around a mouth at ``y``, within the mask ``skin`` (h, w)."""
    if p.beard == "none":
        return
    colour = _below(mix(p.hair_colour, BLACK, 0.2), p.skin)
    wide, low = p.mouth_width * feel.stretch, p.chin + 0.35 * feel.gape
    lip = y - 0.32 * feel.gape - p.lip * 0.6
    moustache = smooth([
        (-wide * 1.1, y + 0.04 - 0.3 * feel.lift), (-wide * 0.6, lip - 0.07), (0, lip - 0.085),
        (wide * 0.6, lip - 0.07), (wide * 1.1, y + 0.04 - 0.3 * feel.lift), (wide * 0.5, lip + 0.005),
        (0, lip - 0.01), (-wide * 0.5, lip + 0.005),
    ])  # fmt: skip
    under = y + 0.68 * feel.gape + p.lip * 1.5 + 0.04
    if p.beard in ("full", "stubble"):
        half = [(p.width * 1.05, 0.26), (p.width * 0.84, 0.47), (wide * 1.5, y - 0.1), (wide * 1.25, y + 0.1),
                (wide * 0.6, under)]  # fmt: skip
        edge = smooth([*half, (0, under + 0.01), *[(-a, b) for a, b in reversed(half)]], closed=False)
        bottom = np.array([(-p.width * 1.2, 0.5), (-p.width, low + 0.3), (p.width, low + 0.3), (p.width * 1.2, 0.5)])
        alpha = 0.78 if p.beard == "full" else 0.28
        edge_blur = 0.03 if p.beard == "full" else 0.1
        pen.fill(np.vstack([edge, bottom]), colour, alpha=alpha, soft=edge_blur, clip=skin)
        pen.fill(moustache, colour, alpha=alpha, soft=0.015)
    if p.beard == "goatee":
        patch = smooth([(-0.1, under), (0.1, under), (0.24, low - 0.1), (0, low + 0.06), (-0.24, low - 0.1)])
        pen.fill(patch, colour, alpha=0.85, soft=0.03)
    if p.beard in ("goatee", "moustache"):
        pen.fill(moustache, colour, alpha=0.95, soft=0.012)


def _lens(p: Person, side: int) -> Points:
    x, half = side * max(p.eye_gap, 0.31), 0.25
    if p.glasses == "round":
        return oval(x, 0.0, half * 0.95, half * 0.92)
    if p.glasses == "half":
        return smooth(np.array([
            (x - half, -0.1), (x, -0.13), (x + half, -0.1), (x + half * 0.85, 0.13), (x - half * 0.85, 0.13),
        ]))  # fmt: skip
    return smooth(np.array([
        (x - half, -0.15), (x, -0.16), (x + half, -0.15), (x + half, 0.0), (x + half * 0.9, 0.15), (x, 0.17),
        (x - half * 0.9, 0.15), (x - half, 0.0),
    ]))  # fmt: skip


def draw_glasses(pen: Pen, p: Person) -> None:
    """Glasses, over everything else."""
    if p.glasses == "none":
        return
    colour, gap = (36, 30, 34), max(p.eye_gap, 0.31)
    for side in (-1, 1):
        lens = _lens(p, side)
        pen.fill(lens, (44, 40, 50), alpha=0.2, soft=0.03)
        pen.fill(ring(lens, 0.9), colour)
        if p.glasses == "half":
            bar = [(side * (gap - 0.27), -0.11), (side * gap, -0.14), (side * (gap + 0.27), -0.11)]
            pen.fill(ribbon(bar, 0.075), colour)
        pen.fill(ribbon([(side * (gap + 0.24), -0.07), (side * (p.width + 0.02), -0.05)], 0.045), colour, depth=0.2)
    pen.fill(ribbon(smooth([(0.24 - gap, -0.03), (0, -0.08), (gap - 0.24, -0.03)], closed=False), 0.032), colour)
