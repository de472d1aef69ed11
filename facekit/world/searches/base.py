"""What the drawn search engines have in common: a request, a reply, and the results that a page is made of."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from string import Template
from typing import NamedTuple, Protocol

from facekit.base.plain import Json
from facekit.world.content import Content, Link

BAD = {4: "malformed", 9: "unusable"}
"""Ranks at which every result has a record that is cut short, and one that leads to no picture."""

WIDTH, HEIGHT = 1600, 1200
NARROW = 5
"""Every so many results one says that it is a quarter as wide."""

_FILTERS = re.compile(r"\b[a-z]+:\S+\s*")


class Site(Protocol):
    """What a page must know of the server that it is on."""

    content: Content

    @property
    def base_url(self) -> str:
        """The address of the search engines."""
        ...

    def url(self, path: str, host: int = 0) -> str:
        """Return where a picture lies."""
        ...

    def variant(self, engine: str, words: str) -> str:
        """Return how a search for these words is to end; empty for as it should."""
        ...


@dataclass(frozen=True)
class Request:
    """What a browser or a script asked for. Header names are in lower case."""

    site: Site
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str] = field(default_factory=dict)
    seen: int = 0
    """How often this was asked for before."""

    @property
    def words(self) -> str:
        """The words that are searched for."""
        return words(self.query)

    @property
    def cookies(self) -> str:
        """The request's cookies, as one line."""
        return self.headers.get("cookie", "")


class Reply(NamedTuple):
    """A whole answer."""

    status: int
    body: str = ""
    kind: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = {}


Route = Callable[[Request], Reply]


class Hit(NamedTuple):
    """One result of a search, as an engine knows it. `bad` says what is wrong with it."""

    rank: int
    url: str
    page: str
    title: str
    link: Link
    width: int = WIDTH
    height: int = HEIGHT
    bad: str = ""


def words(query: Mapping[str, str]) -> str:
    """Return the words of a search, without filters among them such as `filetype:bitmap`."""
    return query["q"] if "q" in query else _FILTERS.sub("", query.get("gsrsearch", "")).strip()


def hits(request: Request) -> list[Hit]:
    """Return the results for a request's words, best first, the bad ones among them."""
    return list(_ranked(request.site, request.site.content.links(request.words)))


def html(text: str, status: int = 200, **headers: str) -> Reply:
    """Return a page; in a header's name `_` stands for `-`."""
    return Reply(status, text, headers={name.replace("_", "-"): value for name, value in headers.items()})


def json_reply(values: Json, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """Return an answer of JSON."""
    return Reply(status, json.dumps(values), "application/json; charset=utf-8", headers or {})


def page(name: str, **values: str | int) -> str:
    """Return the page of an engine with its `$names` filled in."""
    return _template(name).substitute(values)


def redirect(to: str, **headers: str) -> Reply:
    """Return a 302."""
    return html("", 302, Location=to, **headers)


@lru_cache
def _template(name: str) -> Template:
    return Template((resources.files("facekit.world.searches") / f"{name}.html").read_text(encoding="utf-8"))


def _ranked(site: Site, links: Iterable[Link]) -> Iterator[Hit]:
    rank = 1
    for link in links:
        hit = Hit(rank, site.url(link.path, link.host), f"{site.base_url}/pages/{rank}.html", link.title, link)
        while rank in BAD:
            yield hit._replace(rank=rank, bad=BAD[rank])
            rank += 1
        narrow = rank % NARROW == 0
        yield hit._replace(
            rank=rank,
            page=f"{site.base_url}/pages/{rank}.html",
            width=WIDTH // 4 if narrow else WIDTH,
            height=HEIGHT // 4 if narrow else HEIGHT,
        )
        rank += 1
