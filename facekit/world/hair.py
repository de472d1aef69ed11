"""Hair styles, each a set of outlines behind and before the face, in face units."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from facekit.world.paint import Points, mirror, oval, smooth
from facekit.world.people import Person


@dataclass(frozen=True)
class Hair:
    """Closed outlines (n, 2): ``back`` lies behind the head, ``front`` over it."""

    back: tuple[Points, ...] = ()
    front: tuple[Points, ...] = ()


def _arc(p: Person, grow: float, end: float, lift: float = 0.0, count: int = 17) -> Points:
    """Round the skull from its left side at y = ``end`` over the crown to the right side, ``grow`` outside it."""
    angles = np.linspace(np.pi, 2 * np.pi, count)
    x = (p.width + grow) * np.cos(angles)
    y = -0.12 + (p.crown - 0.12 + grow + lift) * np.sin(angles)
    side = np.array([[p.width + grow * 0.7, end]])
    return np.vstack([mirror(side), np.stack([x, y], axis=1), side])


def _cap(p: Person, outer: Points, hairline: list[tuple[float, float]]) -> Points:
    """The hair between the outer outline and the hairline, which is given from right to left in widths."""
    line = np.array(hairline) * (p.width, 1.0)
    return np.vstack([outer, smooth(line, closed=False)])


def _ripple(outline: Points, waves: int, height: float) -> Points:
    """The outline with bumps or spikes outward from its middle."""
    centre = outline.mean(axis=0)
    fine = smooth(outline, 8)
    away = fine - centre
    turn = np.arctan2(away[:, 1], away[:, 0])
    scale = 1 + height * np.abs(np.sin(turn * waves / 2))
    rippled: Points = centre + away * scale[:, None]
    return rippled


def _round_line(p: Person, temple: float = 0.9, end: float = 0.1) -> list[tuple[float, float]]:
    top = -p.hairline
    return [
        (1.0, end), (temple, -0.28), (0.78, top + 0.16), (0.4, top - 0.02), (0.0, top - 0.06),
        (-0.4, top - 0.02), (-0.78, top + 0.16), (-temple, -0.28), (-1.0, end),
    ]  # fmt: skip


def _side_of(p: Person, line: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Parted on the person's own side."""
    return line if p.hair_part > 0 else [(-x, y) for x, y in reversed(line)]


def _bald(p: Person) -> Hair:
    return Hair()


def _buzz(p: Person) -> Hair:
    return Hair(front=(_cap(p, _arc(p, 0.03, 0.0), _round_line(p, 0.88, 0.0)),))


def _side(p: Person) -> Hair:
    top = -p.hairline
    line = [
        (1.0, 0.12), (0.92, -0.2), (0.84, -0.5), (0.62, top - 0.16), (0.45, top - 0.14), (0.1, top + 0.1),
        (-0.45, top + 0.24), (-0.84, -0.26), (-1.0, 0.12),
    ]  # fmt: skip
    return Hair(front=(_cap(p, _arc(p, 0.1 * p.hair_volume, 0.12, 0.06), _side_of(p, line)),))


def _quiff(p: Person) -> Hair:
    tall, lean = 0.42 * p.hair_volume, 0.16 * np.sign(p.hair_part)
    tuft = smooth([
        (-0.74 * p.width, -0.62), (-0.72 * p.width - lean, -p.crown - 0.1), (lean - 0.15, -p.crown - tall * 0.9),
        (0.3 + lean, -p.crown - tall), (0.8 * p.width + lean, -p.crown - 0.12), (0.74 * p.width, -0.62),
        (0.0, -p.hairline - 0.06),
    ])  # fmt: skip
    return Hair(front=(_cap(p, _arc(p, 0.02, 0.0), _round_line(p, 0.9, 0.02)), tuft))


def _afro(p: Person) -> Hair:
    radius = 1.16 * p.hair_volume
    cloud = _ripple(oval(0, -0.36, radius, radius * 0.92), 26, 0.04)
    return Hair(back=(cloud,), front=(_cap(p, _arc(p, 0.12, 0.1, 0.1), _round_line(p, 0.86, 0.1)),))


def _bob(p: Person) -> Hair:
    end, wide = 0.72, p.width + 0.2 * p.hair_volume
    back = smooth([
        (-wide, 0.0), (-wide * 0.92, -0.75), (0, -p.crown - 0.16), (wide * 0.92, -0.75), (wide, 0.0),
        (wide * 1.06, end), (wide * 0.7, end + 0.12), (-wide * 0.7, end + 0.12), (-wide * 1.06, end),
    ])  # fmt: skip
    line = [
        (1.04, end), (0.9, end - 0.02), (0.86, 0.1), (0.84, -0.32), (0.4, -0.36), (0.0, -0.37), (-0.4, -0.36),
        (-0.84, -0.32), (-0.86, 0.1), (-0.9, end - 0.02), (-1.04, end),
    ]  # fmt: skip
    return Hair(back=(back,), front=(_cap(p, _arc(p, 0.17 * p.hair_volume, end), line),))


def _long(p: Person) -> Hair:
    wide = p.width + 0.16 * p.hair_volume
    back = smooth([
        (-wide, 0.0), (-wide * 0.9, -0.75), (0, -p.crown - 0.13), (wide * 0.9, -0.75), (wide, 0.0),
        (wide * 1.08, 1.0), (wide * 1.1, 2.0), (-wide * 1.1, 2.0), (-wide * 1.08, 1.0),
    ])  # fmt: skip
    line = [
        (1.1, 1.1), (0.96, 0.5), (0.9, 0.05), (0.76, -0.4), (0.34, -0.72), (0.0, -p.crown + 0.12),
        (-0.34, -0.72), (-0.76, -0.4), (-0.9, 0.05), (-0.96, 0.5), (-1.1, 1.1),
    ]  # fmt: skip
    return Hair(back=(back,), front=(_cap(p, _arc(p, 0.13 * p.hair_volume, 1.1), line),))


def _wavy(p: Person) -> Hair:
    wide = p.width + 0.3 * p.hair_volume
    back = _ripple(smooth([
        (-wide, 0.1), (-wide * 0.85, -0.85), (0, -p.crown - 0.18), (wide * 0.85, -0.85), (wide, 0.1),
        (wide * 1.12, 0.9), (wide, 1.5), (-wide, 1.5), (-wide * 1.12, 0.9),
    ], 3), 18, 0.05)  # fmt: skip
    line = [
        (1.05, 0.8), (0.9, 0.35), (0.95, 0.0), (0.8, -0.5), (0.55, -p.crown + 0.16), (0.1, -0.62),
        (-0.5, -0.46), (-0.84, -0.15), (-0.88, 0.35), (-1.05, 0.8),
    ]  # fmt: skip
    return Hair(back=(back,), front=(_cap(p, _arc(p, 0.2 * p.hair_volume, 0.8, 0.02), _side_of(p, line)),))


def _bun(p: Person) -> Hair:
    knot = oval(0, -p.crown - 0.2, 0.34 * p.hair_volume, 0.3 * p.hair_volume)
    return Hair(back=(knot,), front=(_cap(p, _arc(p, 0.04, 0.05), _round_line(p, 0.93, 0.05)),))


def _curly(p: Person) -> Hair:
    mop = _ripple(np.vstack([_arc(p, 0.2 * p.hair_volume, 0.0, 0.08)]), 22, 0.07)
    line = _round_line(p, 0.86, 0.1)
    wavy = [(x, y + (0.09 if index % 2 else -0.02)) for index, (x, y) in enumerate(line)]
    return Hair(back=(mop,), front=(_cap(p, _arc(p, 0.16 * p.hair_volume, 0.1, 0.08), wavy),))


def _ring(p: Person) -> Hair:
    wide = p.width
    tuft = smooth([
        (wide * 0.9, -0.62), (wide + 0.12 * p.hair_volume, -0.4), (wide + 0.16 * p.hair_volume, 0.0),
        (wide + 0.04, 0.26), (wide * 0.95, 0.1), (wide * 0.86, -0.3),
    ])  # fmt: skip
    return Hair(front=(tuft, mirror(tuft)))


def _spiky(p: Person) -> Hair:
    outer = _arc(p, 0.1, 0.0, 0.04, 23)
    outer[2:-2:2] += (outer[2:-2:2] - (0, -0.2)) * 0.26 * p.hair_volume
    line = [(x, y + (0.12 if index % 2 else -0.04)) for index, (x, y) in enumerate(_round_line(p, 0.9, 0.0))]
    return Hair(front=(np.vstack([outer, np.array(line) * (p.width, 1.0)]),))


def _tails(p: Person) -> Hair:
    top = -p.crown
    tail = smooth([
        (p.width - 0.05, -0.35), (p.width + 0.3, -0.5), (p.width + 0.55 * p.hair_volume, 0.0),
        (p.width + 0.45 * p.hair_volume, 0.75), (p.width + 0.22, 1.0), (p.width + 0.14, 0.4),
    ])  # fmt: skip
    line = [
        (1.0, 0.0), (0.92, -0.25), (0.7, -0.55), (0.3, -0.74), (0.0, top + 0.12), (-0.3, -0.74),
        (-0.7, -0.55), (-0.92, -0.25), (-1.0, 0.0),
    ]  # fmt: skip
    return Hair(back=(tail, mirror(tail)), front=(_cap(p, _arc(p, 0.06, 0.0), line),))


_STYLES: dict[str, Callable[[Person], Hair]] = {
    "bald": _bald, "buzz": _buzz, "side": _side, "quiff": _quiff, "afro": _afro, "bob": _bob, "long": _long,
    "wavy": _wavy, "bun": _bun, "curly": _curly, "ring": _ring, "spiky": _spiky, "tails": _tails,
}  # fmt: skip


def hair(person: Person) -> Hair:
    """The person's hair as outlines in face units."""
    return _STYLES[person.hair](person)
