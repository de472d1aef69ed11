"""Invented people: a person is a handful of numbers, chosen so that a set of them is told apart by shape."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST_NAMES = _words(
    "Adair Alexis Amari Ariel Aubrey Avery Bailey Blair Cameron Casey Charlie Cleo Dakota Devon Drew Eden "
    "Ellis Emery Finley Frankie Harley Hayden Indigo Jamie Jules Kai Kendall Kerry Lane Lennon Marlow Mika "
    "Morgan Noor Odell Parker Quinn Reese Remy Robin Rowan Sacha Skyler Tatum Toby Vale Winter Yuri"
)
LAST_NAMES = _words(
    "Abara Alder Banerji Bellweather Castellan Corvin Delacroix Dunmore Eriksen Fairholt Farouk Galloway "
    "Hakimi Hollis Ibarra Ivanova Jansen Juarez Kessler Kimura Lindqvist Lomax Marchetti Mbeki Nakano "
    "Novak Okafor Ostrander Pereira Pemberton Quill Rasmussen Rosewood Saito Santoro Tanaka Thorne Ueda "
    "Umberto Vance Varga Whitlock Wren Xiang Yamada Yarrow Zamora Zeller"
)

HAIR = (
    "bald", "buzz", "side", "quiff", "afro", "bob", "long", "wavy", "bun", "curly", "ring", "spiky", "tails",
)  # fmt: skip
LONG_HAIR = ("bob", "long", "wavy", "bun", "curly", "tails")
GLASSES = ("none", "round", "square", "half")
BEARDS = ("none", "moustache", "goatee", "full", "stubble")

SKINS: tuple[Colour, ...] = (
    (250, 222, 200), (242, 205, 176), (232, 188, 152), (216, 168, 128), (196, 146, 106), (166, 116, 80),
    (138, 94, 66), (116, 78, 56),
)  # fmt: skip
HAIR_COLOURS: tuple[Colour, ...] = (
    (34, 28, 28), (58, 40, 30), (92, 60, 38), (130, 84, 46), (178, 132, 76), (146, 66, 36), (120, 116, 114),
    (196, 190, 184),
)  # fmt: skip
EYE_COLOURS: tuple[Colour, ...] = ((70, 46, 30), (96, 66, 36), (66, 100, 76), (70, 110, 150), (96, 104, 112))

# Lengths are in half faces: the eye line is y = 0, the chin near y = 1.1, the crown near y = -1.05.
RANGES: dict[str, tuple[float, float]] = {
    "width": (0.68, 0.88),
    "crown": (1.00, 1.14),
    "cheek": (0.92, 1.05),
    "jaw": (0.64, 0.95),
    "chin": (1.00, 1.22),
    "point": (0.14, 0.40),
    "ear": (0.75, 1.30),
    "eye_size": (0.80, 1.16),
    "eye_gap": (0.29, 0.39),
    "eye_tilt": (-0.20, 0.20),
    "eye_open": (0.48, 0.70),
    "brow_thickness": (0.030, 0.082),
    "brow_angle": (-0.24, 0.14),
    "brow_arch": (0.00, 0.08),
    "brow_height": (0.21, 0.31),
    "nose_width": (0.10, 0.22),
    "nose_length": (0.34, 0.52),
    "mouth_width": (0.21, 0.36),
    "mouth_drop": (0.22, 0.30),
    "lip": (0.030, 0.085),
    "hairline": (0.50, 0.72),
    "hair_volume": (0.80, 1.25),
    "hair_part": (-1.0, 1.0),
    "lines": (0.0, 1.0),
}


@dataclass(frozen=True)
class Person:
    """What stays the same in all photos of someone; lengths in half faces, angles in radians, RGB colours."""

    name: str
    hair: str
    glasses: str
    beard: str
    skin: Colour
    hair_colour: Colour
    eye_colour: Colour
    width: float
    crown: float
    cheek: float
    jaw: float
    chin: float
    point: float
    ear: float
    eye_size: float
    eye_gap: float
    eye_tilt: float
    eye_open: float
    brow_thickness: float
    brow_angle: float
    brow_arch: float
    brow_height: float
    nose_width: float
    nose_length: float
    mouth_width: float
    mouth_drop: float
    lip: float
    hairline: float
    hair_volume: float
    hair_part: float
    lines: float

    @property
    def gender(self) -> str:
        """The value of the `gender` target: `female` people are drawn with long hair and no beard, `male` otherwise.

        It is an attribute of the drawing, which a network can learn to see. It says nothing of anybody.
        """
        return "female" if self.hair in LONG_HAIR else "male"


def _pick(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[int(rng.integers(len(options)))]


def _tone(rng: np.random.Generator, options: tuple[Colour, ...]) -> Colour:
    base = options[int(rng.integers(len(options)))]
    red, green, blue = (int(np.clip(c + rng.integers(-8, 9), 0, 255)) for c in base)
    return red, green, blue


def _invent(rng: np.random.Generator) -> Person:
    numbers: dict[str, Any] = {name: float(rng.uniform(*limits)) for name, limits in RANGES.items()}
    return Person(
        name=f"{_pick(rng, FIRST_NAMES)} {_pick(rng, LAST_NAMES)}",
        hair=_pick(rng, HAIR),
        glasses=_pick(rng, GLASSES) if rng.random() < 0.6 else "none",
        beard=_pick(rng, BEARDS) if rng.random() < 0.6 else "none",
        skin=_tone(rng, SKINS),
        hair_colour=_tone(rng, HAIR_COLOURS),
        eye_colour=_tone(rng, EYE_COLOURS),
        **numbers,
    )


def person(seed: int) -> Person:
    """One random person; the same seed gives the same person."""
    return _as_drawn(_invent(np.random.default_rng(seed)))


def _as_drawn(someone: Person) -> Person:
    """Take the beard off long-haired people: hair and beard together show the gender target."""
    return replace(someone, beard="none") if someone.hair in LONG_HAIR else someone


def _choice(value: str, options: tuple[str, ...], weight: float) -> list[float]:
    return [weight * (value == option) for option in options]


def _traits(someone: Person) -> list[float]:
    """The shape of a person as a point; colours are left out, because light and grey pictures hide them."""
    numbers = [(getattr(someone, name) - low) / (high - low) for name, (low, high) in RANGES.items()]
    return [
        *numbers,
        *_choice(someone.hair, HAIR, 1.8),
        *_choice(someone.glasses, GLASSES, 1.3),
        *_choice(someone.beard, BEARDS, 1.3),
    ]


def _spread(points: NDArray[np.float64], count: int) -> list[int]:
    """Farthest-point sampling: each next point is the one farthest from all that are chosen."""
    chosen = [0]
    nearest = np.linalg.norm(points - points[0], axis=1)
    while len(chosen) < count:
        chosen.append(int(np.argmax(nearest)))
        nearest = np.minimum(nearest, np.linalg.norm(points - points[chosen[-1]], axis=1))
    return chosen


def _names(count: int, rng: np.random.Generator) -> list[str]:
    firsts, lasts = rng.permutation(FIRST_NAMES), rng.permutation(LAST_NAMES)
    most = len(firsts) * len(lasts)
    if count > most:
        raise ValueError(f"there are names for {most} people only")
    rounds = [divmod(number, len(firsts)) for number in range(count)]
    return [f"{firsts[place]} {lasts[(place + turn) % len(lasts)]}" for turn, place in rounds]


def people(count: int, seed: int) -> list[Person]:
    """``count`` persons with unique names, spread out in shape so that any two differ clearly."""
    rng = np.random.default_rng(seed)
    names = _names(count, rng)
    candidates = [_invent(rng) for _ in range(max(300, 25 * count))]
    chosen = _spread(np.array([_traits(one) for one in candidates]), count) if count else []
    return [replace(_as_drawn(candidates[index]), name=name) for index, name in zip(chosen, names, strict=True)]
