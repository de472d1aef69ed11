"""Options of `facekit scrape`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from facekit.base.reporting import Report
from facekit.options.base import Aside, Limits, Options, PathOrName, Positional, Section
from facekit.options.common import License, OutputFolder
from facekit.options.following import beside, command

SEARCH, SPEED = Section("Search"), Section("Browsers and rate limits")


@dataclass(frozen=True, kw_only=True)
class Scrape(Options):
    """Search for each name with browser bots and download pictures, one folder per name."""

    group = "collect"
    in_recipes = True
    goes_on = True

    names: Annotated[
        list[str],
        "Names, or a file with one name per line, or `-` to read names from stdin.",
        Aside(),
        Positional(),
        PathOrName(lists=(".txt", ".csv", ".tsv", ".lst")),
    ] = field(default_factory=list)
    output: OutputFolder = field(default=Path("raw"))
    per_name: Annotated[int, "Pictures to keep for each name.", Limits(1, 1000)] = 100
    bots: Annotated[int, "Browsers that search in parallel.", Limits(1, 200), Aside(), SPEED] = 10
    engine: Annotated[
        str,
        "Search engine, or several separated by commas, as in `bing,commons`; each adds what those before it did not "
        "find.",
        Aside(),
        SEARCH,
    ] = "bing"
    base_url: Annotated[str | None, "Base URL of the engine, for example of a test server.", Aside(), SEARCH] = None
    query: Annotated[str, "Search query; {name} stands for the name.", SEARCH] = "{name}"
    face_only: Annotated[bool, "Ask the engine for pictures of faces only.", SEARCH] = False
    min_width: Annotated[int, "Minimum width to ask the engine for, in pixels; 0 asks for any.", Limits(0), SEARCH] = 0
    safe: Annotated[bool, "Ask the engine for safe search.", SEARCH] = True
    since: Annotated[
        str | None,
        "Only pictures of the last `day`, `week`, `month` or `year`, or since a date like 2024-01-31.",
        SEARCH,
    ] = None
    license: Annotated[
        License, "Licences to ask the engine for: `any`, `open`, or open to `commercial` use.", SEARCH
    ] = "any"
    min_side: Annotated[int, "Minimum side of a picture to keep, in pixels.", Limits(1, 10_000)] = 100
    ignore_opt_outs: Annotated[
        bool,
        "Also keep pictures that their owner or host does not want to be used for training, and ask no robots.txt; you "
        "need their permission.",
    ] = False
    search_interval: Annotated[
        float,
        "Minimum seconds between two searches, over all bots; ignored on loopback.",
        Limits(0, 3600),
        Aside(),
        SPEED,
    ] = 5.0
    contact: Annotated[str, "Contact address or URL to put into the user agent.", Aside(), SPEED] = ""
    grid: Annotated[str | None, "Address of a Selenium Grid to run the browsers on.", Aside(), SPEED] = None
    probe: Annotated[
        str | None,
        "Search this engine once and report what its page held and how it was parsed; no pictures are saved.",
        Aside(),
        SEARCH,
    ] = None

    def next_command(self, report: Report) -> str | None:
        """Return the command that finds the faces; nothing after a probe, which saves no pictures."""
        if self.probe is not None:
            return None
        return command("crop", self.output, "-o", beside(self.output, "faces"))
