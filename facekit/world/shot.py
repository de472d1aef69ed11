"""What changes from photo to photo of one person: pose, light, expression, place and camera."""

from dataclasses import dataclass

import numpy as np

from facekit.base.contract import EXPRESSIONS
from facekit.world.paint import mix
from facekit.world.people import Colour

CLOTHES = ("crew", "vee", "shirt", "hood", "stripes")
BACKGROUNDS = ("wall", "bokeh", "hills", "city", "shelf", "curtain")


@dataclass(frozen=True)
class Shot:
    """One photo's circumstances; angles in radians, places as shares (0..1) of the room that is left."""

    expression: str
    intensity: float
    yaw: float
    pitch: float
    roll: float
    gaze: float
    face_size: float
    place_x: float
    place_y: float
    light_x: float
    light_y: float
    light: float
    brightness: float
    contrast: float
    tint: Colour
    background: str
    scene: int
    clothes: str
    cloth: Colour
    noise: float
    blur: float
    quality: int


def _tint(rng: np.random.Generator) -> Colour:
    """The colour that white takes: from lamp light to shade."""
    warmth = float(rng.uniform(-1, 1))
    towards: Colour = (255, 226, 188) if warmth > 0 else (214, 232, 255)
    return mix((255, 255, 255), towards, abs(warmth))


def _cloth(rng: np.random.Generator) -> Colour:
    red, green, blue = (int(c) for c in rng.integers(30, 226, 3))
    return mix((red, green, blue), (128, 128, 136), 0.25)


def shot(rng: np.random.Generator) -> Shot:
    """Random circumstances for one photo; use ``dataclasses.replace`` to settle some of them."""
    return Shot(
        expression=str(rng.choice(EXPRESSIONS)),
        intensity=float(rng.uniform(0.85, 1.2)),
        yaw=float(np.clip(rng.normal(0, 0.14), -0.27, 0.27)),
        pitch=float(np.clip(rng.normal(0, 0.08), -0.16, 0.16)),
        roll=float(np.clip(rng.normal(0, 0.06), -0.14, 0.14)),
        gaze=float(rng.uniform(-1, 1)),
        face_size=float(rng.uniform(0.28, 0.56)),
        place_x=float(rng.beta(1.6, 1.6)),
        place_y=float(rng.beta(1.6, 1.6)),
        light_x=float(rng.uniform(-1, 1)),
        light_y=float(rng.uniform(-0.9, 0.1)),
        light=float(rng.uniform(0.2, 0.62)),
        brightness=float(rng.uniform(0.84, 1.16)),
        contrast=float(rng.uniform(0.8, 1.15)),
        tint=_tint(rng),
        background=str(rng.choice(BACKGROUNDS)),
        scene=int(rng.integers(2**31)),
        clothes=str(rng.choice(CLOTHES)),
        cloth=_cloth(rng),
        noise=float(rng.uniform(0, 6)),
        blur=float(max(0.0, rng.uniform(-0.6, 1.1))),
        quality=int(rng.integers(60, 96)),
    )


@dataclass(frozen=True)
class Mood:
    """An expression as moves in half faces: of mouth, brows and lids."""

    lift: float
    gape: float
    stretch: float
    brow: float
    inner: float
    lids: float
    cheek: float


_MOODS = {
    "happy": Mood(lift=0.22, gape=0.13, stretch=1.28, brow=0.03, inner=0.0, lids=0.8, cheek=0.35),
    "neutral": Mood(lift=0.03, gape=0.0, stretch=1.0, brow=0.0, inner=0.0, lids=1.0, cheek=0.12),
    "sad": Mood(lift=-0.2, gape=0.0, stretch=0.88, brow=0.01, inner=0.14, lids=0.7, cheek=0.08),
    "surprise": Mood(lift=0.0, gape=0.26, stretch=0.68, brow=0.09, inner=0.02, lids=1.24, cheek=0.12),
}


def mood(shot: Shot) -> Mood:
    """The shot's expression at its intensity."""
    full, rest, share = _MOODS[shot.expression], _MOODS["neutral"], shot.intensity
    return Mood(**{name: still + (getattr(full, name) - still) * share for name, still in vars(rest).items()})
