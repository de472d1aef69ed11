"""One drawn web for an engine's tests: a query for each way in which a search may end, and one that goes well."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import requests
from plainweb import Plain, many

from facekit.world.searches import ENGINES
from facekit.world.web import Web, serve

GOOD = "Ada"
LINKS = 140
FIRST_RANKS = [1, 2, 3, 5, 6, 7, 8, 10, 11]
"""Every result has a record that is cut short at 4, and one that leads to no picture at 9."""


@contextmanager
def web_of(engine: str, more: Mapping[str, list[str]] | None = None) -> Iterator[Web]:
    """Serve a result of 140 links to `Ada` and to each variant's own name; `more` is query -> paths."""
    variants = {name: name for name in ENGINES[engine].VARIANTS}
    names = {name: many(name.lower(), LINKS) for name in (GOOD, *variants)}
    with serve(Plain({**names, **(more or {})}), variants=variants) as web:
        yield web


def links(web: Web, count: int, name: str = GOOD) -> list[str]:
    """The addresses of a result's first pictures."""
    return [web.url(path, k) for k, path in enumerate(many(name.lower(), count))]


def twice() -> list[str]:
    """80 paths to 60 pictures: half of the second 40 are, at the same hosts, among the first."""
    return many("once", 40) + [
        path.replace("once", "once" if k % 2 else "new") for k, path in enumerate(many("once", 40))
    ]


def session() -> requests.Session:
    """A session as an engine without a browser gets it."""
    one = requests.Session()
    one.headers["User-Agent"] = "facekit-test/1 (+https://example.org)"
    return one
