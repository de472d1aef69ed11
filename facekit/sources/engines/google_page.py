"""What a page of Google Images holds, read by shape: class names there change about once a year, this has not.

A record is the triple `"id", [thumbnail, height, width], [original, height, width]`. The page keeps it in its
state, in the text of its scripts, or, last, in the address that a link gets when the mouse is pressed on it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from facekit.base.plain import Json
from facekit.base.text import whole
from facekit.sources.addresses import is_web
from facekit.sources.engines import Candidate, Search, distinct
from facekit.sources.engines.filters import fits
from facekit.sources.engines.reading import LARGEST

DEEP = 16
"""Levels of lists in lists below which no record lies."""

_TEXT = r'"((?:[^"\\]|\\.)*)"'
_ID = r'"([\w:-]{1,80})"'
_PICTURE = r'\[\s*"(http(?:[^"\\]|\\.)*)"\s*,\s*(\d{1,6})\s*,\s*(\d{1,6})\s*\]'
_TRIPLE = re.compile(rf"{_ID}\s*,\s*{_PICTURE}\s*,\s*{_PICTURE}")
_PLACE = re.compile(rf'"2003"\s*:\s*\[[^\[\]]*?"(http(?:[^"\\]|\\.)*)"\s*,\s*{_TEXT}')
_HEX = re.compile(r"\\x([0-9a-fA-F]{2})")
_ESCAPE = re.compile(r"\\u[0-9a-fA-F]{4}")


class Seen(NamedTuple):
    """What was taken from a page, as plain values."""

    state: Sequence[Json] = ()
    """The values of `window.W_jd`."""
    scripts: Sequence[str] = ()
    cards: Sequence[Sequence[str]] = ()
    """Id and source page of each card, in the order in which they show."""
    links: Sequence[str] = ()
    """Addresses of links, after the mouse was pressed on them."""
    panel: Sequence[Sequence[str]] = ()
    """Id and picture of each card that was opened."""


class Record(NamedTuple):
    """A picture of the page: its id there, the original, and what is said of it."""

    id: str
    url: str
    width: int | None = None
    thumbnail: str | None = None
    page_url: str | None = None
    title: str | None = None


class Harvest(NamedTuple):
    """What could be read of a page, in its order, and which ways of reading gave it."""

    candidates: list[Candidate]
    strategy: str
    records: int
    """Records that could be read, whether asked for or not."""
    pictures: int
    """Different pictures among them."""


def harvest(seen: Seen, search: Search) -> Harvest:
    """Read a page: its state and its scripts, else its links, else what the panel showed.

    A record that cannot be read costs itself alone. A thumbnail is never taken for an original.
    """
    found: dict[str, Record] = {}
    used = []
    for names, records in _ways(seen):
        if found and names in ("links", "panel"):
            break
        new = {record.id: record for record in records if record.id not in found}
        used += [names] if new else []
        found |= new
    places = {card[0]: rank for rank, card in enumerate(seen.cards, 1)}
    pages = {card[0]: card[1] for card in seen.cards if is_web(card[1])}
    behind = (record.id for record in found.values() if record.id not in places)
    places |= {id: rank for rank, id in enumerate(behind, len(seen.cards) + 1)}
    ranked = sorted(found.values(), key=lambda record: places[record.id])
    candidates = distinct(_candidate(record, places[record.id], pages, search) for record in ranked)
    return Harvest([one for one in candidates if fits(one, search)], "+".join(used), len(found), len(candidates))


def is_original(url: str | None) -> bool:
    """Return whether an address may be of an original: on the web, and on no server of thumbnails."""
    if url is None or not is_web(url):
        return False
    host = urlsplit(url).hostname or ""
    return not host.startswith("encrypted-tbn") and not f".{host}".endswith(".gstatic.com")


def in_state(values: Json, deep: int = 0) -> Iterator[Record]:
    """Yield the records in a value of lists and objects, by their shape, wherever they lie."""
    if deep > DEEP or not isinstance(values, list | dict):
        return
    if isinstance(values, list):
        for place in range(len(values) - 2):
            if record := _triple(values[place : place + 3], values[place + 3 :]):
                yield record
    for value in values.values() if isinstance(values, dict) else values:
        yield from in_state(value, deep + 1)


def in_script(script: str) -> Iterator[Record]:
    """Yield the records in the text of a script, whatever it does with them."""
    # In a script that carries its JSON as one text in quotes, the quotes within are written as their codes.
    text = _HEX.sub(lambda found: chr(int(found[1], 16)), script) if r"\x22http" in script else script
    matches = list(_TRIPLE.finditer(text))
    for match, after in zip(matches, [*(m.start() for m in matches[1:]), len(text)], strict=False):
        place = _PLACE.search(text, match.end(), after)
        thumbnail, original = _decoded(match[2]), _decoded(match[5])
        page, title = (_decoded(place[1]), _decoded(place[2])) if place else (None, None)
        if _is_thumbnail(thumbnail) and original and is_original(original):
            yield Record(match[1], original, int(match[7]), thumbnail, page if is_web(page) else None, title)


def in_link(address: str) -> Record | None:
    """Return the record in a link to `/imgres`; None for any other link."""
    parts = urlsplit(address)
    query = parse_qs(parts.query)
    values = {name: query.get(name, [""])[0] for name in ("imgurl", "imgrefurl", "w", "tbnid")}
    if not parts.path.endswith("/imgres") or not is_original(values["imgurl"]):
        return None
    width = whole(values["w"])
    page = values["imgrefurl"] if is_web(values["imgrefurl"]) else None
    return Record(values["tbnid"] or values["imgurl"], values["imgurl"], width, page_url=page)


def _ways(seen: Seen) -> Iterator[tuple[str, Iterable[Record]]]:
    yield "state", in_state(list(seen.state))
    yield "script", (record for script in seen.scripts for record in in_script(script))
    yield "links", (record for link in seen.links if (record := in_link(link)))
    yield "panel", (Record(id, url) for id, url in seen.panel if is_original(url))


class _Picture(NamedTuple):
    url: str
    width: int


def _triple(three: Sequence[Json], rest: Sequence[Json]) -> Record | None:
    id, small, large = three[0], _picture(three[1]), _picture(three[2])
    if not isinstance(id, str) or not id or small is None or large is None:
        return None
    if not _is_thumbnail(small.url) or not is_original(large.url):
        return None
    page, title = next(_places(rest), (None, None))
    return Record(id, large.url, large.width, small.url, page, title)


def _picture(value: Json) -> _Picture | None:
    """Return what `[url, height, width]` describes; None for any other value."""
    if not isinstance(value, list) or len(value) < 3:
        return None
    url, height, width = value[:3]
    if not isinstance(url, str) or not isinstance(height, int | float) or not isinstance(width, int | float):
        return None
    # No larger than this, which neither NaN nor infinity is.
    return _Picture(url, int(width)) if is_web(url) and 0 <= height <= LARGEST and 0 <= width <= LARGEST else None


def _is_thumbnail(url: str | None) -> bool:
    return is_web(url) and (urlsplit(url or "").hostname or "").startswith("encrypted-tbn")


def _places(rest: Iterable[Json]) -> Iterator[tuple[str, str]]:
    """Yield the source page and title that follow a triple: neighbours in one of an object's lists."""
    for values in (value for one in rest if isinstance(one, dict) for value in one.values()):
        for page, title in zip(values, values[1:], strict=False) if isinstance(values, list) else ():
            if isinstance(page, str) and is_web(page) and isinstance(title, str):
                yield page, title


def _decoded(text: str) -> str | None:
    r"""Return what a string in a script says, also where `\\u003d` was written twice; None for a broken one."""
    try:
        once = str(json.loads(f'"{text}"', strict=False))
        return str(json.loads(f'"{once}"', strict=False)) if _ESCAPE.search(once) else once
    except ValueError:
        return None


def _candidate(record: Record, rank: int, pages: dict[str, str], search: Search) -> Candidate:
    return Candidate(
        url=record.url,
        rank=rank,
        engine="google",
        query=search.query,
        page_url=record.page_url or pages.get(record.id),
        thumbnail=record.thumbnail,
        title=record.title,
        width=record.width,
    )
