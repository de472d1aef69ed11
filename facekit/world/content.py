"""What the drawn web holds for each invented person: mostly photos of them, and what real collections have too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal, NamedTuple, Protocol, TypeVar

import numpy as np

from facekit.base import images
from facekit.base.contract import Image
from facekit.dataset import derive_id
from facekit.world.draw import blurred, dark, empty_photo, group_photo, photo, reencode, tiny
from facekit.world.people import Person, people
from facekit.world.shot import Shot, shot

K = TypeVar("K", bound=str)

Kind = Literal["single", "wrong", "group", "repeat", "copy", "blurred", "tiny", "dark", "empty"]

SHARES: dict[Kind, float] = {
    "wrong": 0.015,
    "group": 0.05,
    "repeat": 0.05,
    "copy": 0.03,
    "blurred": 0.04,
    "tiny": 0.03,
    "dark": 0.03,
    "empty": 0.04,
}
"""How much of a collection is something else than a good photo of the person alone."""

BROKEN = {"404": 0.03, "html": 0.02, "truncated": 0.02, "slow": 0.02}
"""How many of the links lead to no picture, or to one only after a while."""

LICENCES: dict[str, float] = {"by": 0.3, "by-nc": 0.15, "by-nd": 0.1, "cc0": 0.1, "pdm": 0.05}
"""How many pictures have which licence; the others have `by-sa`."""

SIZES = ((480, 640), (480, 640), (600, 480), (540, 540))
HOSTS = 40

_QUALITY = 92


class Link(NamedTuple):
    """One result of a search: a picture on one of the web's hosts."""

    path: str
    title: str
    host: int = 0
    licence: str = "by-sa"
    """As Openverse writes it: `by`, `by-sa`, `by-nc`, `by-nd`, `cc0` or `pdm`."""
    creator: str = "Nobody Known"


class Content(Protocol):
    """What a drawn web serves."""

    def links(self, query: str) -> Sequence[Link]:
        """Return the results for a query, best first."""
        ...

    def picture(self, path: str) -> bytes | None:
        """Return the bytes of the picture at a path; None is 404. Called from many threads."""
        ...


@dataclass(frozen=True)
class Item:
    """One picture of a person's collection. `of` is an earlier picture, or the person who is really shown."""

    index: int
    kind: Kind
    of: int | None = None
    broken: str | None = None


@dataclass(frozen=True)
class World:
    """Invented people with `photos` results each; the same numbers give the same world."""

    people: int = 6
    photos: int = 60
    seed: int = 42
    faults: bool = True

    @cached_property
    def persons(self) -> list[Person]:
        """The people, in order."""
        return people(self.people, self.seed)

    @property
    def names(self) -> list[str]:
        """The people's names, in order: what a scrape of this world asks for."""
        return [person.name for person in self.persons]

    def plan(self, who: int) -> list[Item]:
        """Return what the web holds for a person, best-ranked first."""
        return _planned(self, who)

    def targets(self, who: int, item: Item) -> dict[str, str]:
        """Return expression and gender of the one face in a picture; empty where there is not one face.

        The face of a `wrong` picture is that of somebody else, and so is its gender.
        """
        if item.kind in ("copy", "repeat"):
            return self.targets(who, self.plan(who)[item.of or 0])
        if item.kind in ("group", "empty"):
            return {}
        shown = self.persons[_shown(who, item)]
        return {"expression": _circumstances(self, who, item)[1].expression, "gender": shown.gender}

    def draw(self, who: int, item: Item) -> bytes:
        """Return the JPEG bytes of a picture; drawn on the first call, then kept for a while."""
        return _drawn(self, who, item)

    def links(self, query: str) -> list[Link]:
        """Return the links for a query that holds a person's name; a stranger has none."""
        who = next((i for i, name in enumerate(self.names) if name.casefold() in query.casefold()), None)
        if who is None:
            return []
        links = []
        rng = np.random.default_rng([self.seed, who, 1])
        for item in self.plan(who):
            broken = f"/x/{item.broken}" if item.broken else ""
            path = f"{broken}/{who}/{item.index}.jpg"
            # Spread, so that neighbours in the results are on different hosts.
            host = (7 * item.index + 3 * who) % HOSTS
            licence, creator = _pick(LICENCES, rng) or "by-sa", self.names[int(rng.integers(self.people))]
            links.append(Link(path, f"{self.names[who]}, picture {item.index}", host, licence, creator))
        return links

    def picture(self, path: str) -> bytes | None:
        """Return the bytes of `/<person>/<index>.jpg`."""
        who, _, index = path.strip("/").removesuffix(".jpg").partition("/")
        if not (who.isdigit() and index.isdigit() and int(who) < self.people and int(index) < self.photos):
            return None
        return self.draw(int(who), self.plan(int(who))[int(index)])


def photo_id(world: World, who: int, item: Item) -> str:
    """Return an id that depends on how a picture is drawn, never on the JPEG library that encodes it."""
    return derive_id(f"world {world.seed}", "draw", [world.people, world.photos, world.faults, who], item.index)


@lru_cache(maxsize=512)
def _planned(world: World, who: int) -> list[Item]:
    rng = np.random.default_rng([world.seed, who])
    items: list[Item] = []
    for index in range(world.photos):
        items.append(_item(world, index, items, who, rng))
    return items


@lru_cache(maxsize=4096)
def _drawn(world: World, who: int, item: Item) -> bytes:
    if item.kind == "copy":
        return world.draw(who, world.plan(who)[item.of or 0])
    return images.encode(_pixels(world, who, item), _QUALITY)


def _circumstances(world: World, who: int, item: Item) -> tuple[np.random.Generator, Shot, tuple[int, int]]:
    rng = np.random.default_rng([world.seed, who, item.index])
    return rng, shot(rng), SIZES[int(rng.integers(len(SIZES)))]


def _pixels(world: World, who: int, item: Item) -> Image:
    rng, taken, size = _circumstances(world, who, item)
    if item.kind == "empty":
        return empty_photo(rng, size)
    if item.kind == "group":
        return group_photo([world.persons[who], world.persons[item.of or 0]], rng, (480, 640))[0]
    if item.kind == "repeat":
        return reencode(_pixels(world, who, world.plan(who)[item.of or 0]), rng)
    pixels, _ = photo(world.persons[_shown(who, item)], taken, size)
    spoil = {"blurred": blurred, "tiny": tiny, "dark": dark}.get(item.kind)
    return spoil(pixels) if spoil else pixels


def _shown(who: int, item: Item) -> int:
    """Return whose face is in a picture of one face."""
    return item.of if item.kind == "wrong" and item.of is not None else who


def _item(world: World, index: int, before: list[Item], who: int, rng: np.random.Generator) -> Item:
    kind, broken = _pick(SHARES, rng), _pick(BROKEN, rng)
    pick = int(rng.integers(2**31))  # drawn in any case, so that one item does not shift the others
    singles = [item.index for item in before if item.kind == "single" and item.broken in (None, "slow")]
    if not world.faults:
        return Item(index, "single")
    if kind in ("repeat", "copy"):
        return Item(index, kind, singles[pick % len(singles)], broken) if singles else Item(index, "single")
    if kind in ("wrong", "group"):
        if world.people < 2:
            return Item(index, "single", None, broken)
        return Item(index, kind, (who + 1 + pick % (world.people - 1)) % world.people, broken)
    return Item(index, kind or "single", None, broken)


def _pick(shares: Mapping[K, float], rng: np.random.Generator) -> K | None:
    """Draw one of the shares' names; None for what they leave of the whole."""
    place = float(rng.random())
    for name, share in shares.items():
        place -= share
        if place < 0:
            return name
    return None
