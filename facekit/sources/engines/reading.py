"""JSON from strangers: read field by field, so that a value of another type than expected is only absent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from facekit.base.plain import Json
from facekit.sources.addresses import is_web
from facekit.sources.engines import Candidate

LONGEST = 4_000_000
"""Characters of JSON that are read: a page of results has some hundred thousand."""

LONGEST_STRING = 4096
"""Characters of one string of a result."""

MOST_VALUES = 500_000
"""Values in one piece of JSON: a list of empty lists takes 20 times its own size in memory."""


LARGEST = 10**9
"""Of a width, a height or a rank."""


class Keys(NamedTuple):
    """Where an engine's JSON object has what is known of a result."""

    url: str
    page_url: str
    thumbnail: str
    title: str
    width: str = "width"


def parse(text: str) -> Json:
    """Return the values in a JSON text; None for what is none, or too long, too deep or too many."""
    if len(text) > LONGEST or is_crowded(text):
        return None
    try:
        values: Json = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return values


def is_crowded(text: str) -> bool:
    """Return whether a JSON text may hold more than `MOST_VALUES` values."""
    return text.count(",") + text.count("[") + text.count("{") > MOST_VALUES


def fields(value: Json) -> Mapping[str, Json]:
    """Return a JSON object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def string(values: Mapping[str, Json], key: str) -> str | None:
    """Return a text that is neither empty nor too long; None for anything else."""
    value = values.get(key)
    return value if isinstance(value, str) and 0 < len(value) <= LONGEST_STRING else None


def whole(values: Mapping[str, Json], key: str) -> int | None:
    """Return a whole number; None for anything else, and for one that neither a picture nor a list is as large as."""
    value = values.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST else None


def candidate(value: Json, keys: Keys, rank: int, engine: str, query: str) -> Candidate | None:
    """Return the picture that one JSON object of a result describes; None for one without a web address."""
    values = fields(value)
    url = string(values, keys.url)
    if url is None or not is_web(url):
        return None
    return Candidate(
        url=url,
        rank=rank,
        engine=engine,
        query=query,
        page_url=string(values, keys.page_url),
        thumbnail=string(values, keys.thumbnail),
        title=string(values, keys.title),
        width=whole(values, keys.width),
    )
