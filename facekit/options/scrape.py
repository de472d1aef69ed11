"""Options of `facekit scrape`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from facekit.options.base import Aside, Limits, Options, PathOrName, Positional
from facekit.options.common import OutputFolder

License = Literal["any", "open", "commercial"]


@dataclass(frozen=True, kw_only=True)
class Scrape(Options):
    """Search for each name with browser bots and download pictures, a folder a name."""

    group = "collect"
    in_recipes = True

    names: Annotated[
        list[str],
        "Names, or a file with one a line, or `-` for stdin.",
        Aside(),
        Positional(),
        PathOrName(lists=(".txt", ".csv", ".tsv", ".lst")),
    ] = field(default_factory=list)
    output: OutputFolder = field(default=Path("raw"))
    per_name: Annotated[int, "Pictures to keep for each name.", Limits(1, 1000)] = 100
    bots: Annotated[int, "Browsers that search at the same time.", Limits(1, 200), Aside()] = 10
    engine: Annotated[
        str, "Where to search; of several, as in `bing,commons`, each fills what those before left.", Aside()
    ] = "bing"
    base_url: Annotated[str | None, "Another address of the engine, as for a test server.", Aside()] = None
    query: Annotated[str, "What to search for; {name} is the name."] = "{name}"
    face_only: Annotated[bool, "Ask the engine for pictures of faces alone."] = False
    min_width: Annotated[int, "Narrowest original to ask the engine for, in pixels; 0 asks for any.", Limits(0)] = 0
    safe: Annotated[bool, "Ask the engine to leave out what is not for everyone."] = True
    since: Annotated[
        str | None, "Only pictures as new as `day`, `week`, `month`, `year` or a date like 2024-01-31."
    ] = None
    license: Annotated[License, "Licences to ask the engine for: `any`, `open`, or open to `commercial` use."] = "any"
    min_side: Annotated[int, "Shortest side of a picture worth keeping, in pixels.", Limits(1, 10_000)] = 100
    search_interval: Annotated[
        float,
        "Seconds between two searches of all bots together; none on loopback.",
        Limits(0, 3600),
        Aside(),
    ] = 5.0
    contact: Annotated[str, "Address or URL that the user agent names, so that a host can reach you.", Aside()] = ""
    grid: Annotated[str | None, "Address of a Selenium Grid to run the browsers on.", Aside()] = None
    probe: Annotated[
        str | None, "Search this engine once, say what its page held and how it was read, and keep nothing.", Aside()
    ] = None
