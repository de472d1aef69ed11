"""What a person is told before a long run: whose terms hold, what cannot be asked for, and what sets the pace."""

from __future__ import annotations

import logging

import psutil

from facekit.base.parallel import workers
from facekit.commands.scrape.choice import Choice
from facekit.sources.engines import is_loopback

log = logging.getLogger(__name__)

BOT_MEMORY = 0.4e9
"""Bytes that a browser needs at the least."""

SEARCH_SECONDS = 10.0
"""What one search takes of a bot's time, with scrolling; a guess on the long side."""

_WORDS = {
    "face_only": "to pictures of faces (--face-only)",
    "min_width": "by width (--min-width)",
    "safe": "to what is for everyone (--safe)",
    "since": "by age (--since)",
    "license": "by licence (--license)",
}


def notices_of(choice: Choice, names: int) -> list[str]:
    """Tell what there is to know before `names` names are searched for; return it."""
    for name, cls in choice.classes.items():
        if not choice.near:
            log.info("%s: you search under its terms of use, %s", name, cls.terms)
    notices = [*_filters(choice), *_machine(choice, min(choice.options.bots, names)), *_pace(choice, names)]
    if not choice.near and not choice.options.contact:
        notices.append("no --contact is given, so that hosts cannot reach you; give an address or a URL")
    for notice in notices:
        log.warning(notice)
    return notices


def _filters(choice: Choice) -> list[str]:
    return [
        f"{name} cannot narrow a search {' or '.join(_WORDS[option] for option in terms.unfiltered)}"
        for name, terms in choice.terms().items()
        if terms.unfiltered
    ]


def _machine(choice: Choice, bots: int) -> list[str]:
    grid = choice.options.grid
    if not choice.needs_browser or (grid is not None and not is_loopback(grid)):
        return []
    notices, cores = [], workers(0)
    if bots > 2 * cores:
        notices.append(f"{bots} bots on {cores} cores hinder each other; --bots {2 * cores} is as fast")
    if psutil.virtual_memory().available < BOT_MEMORY * bots:
        notices.append(f"{bots} bots need about {BOT_MEMORY * bots / 1e9:.1f} GB of memory, more than is free")
    return notices


def _pace(choice: Choice, names: int) -> list[str]:
    """Say how long the searches take where politeness sets the pace, and not the bots."""
    first = next(iter(choice.classes))
    interval, bots = choice.interval(first), min(choice.options.bots, names)
    if interval <= SEARCH_SECONDS / max(1, bots):
        return []
    enough = max(1, round(SEARCH_SECONDS / interval))
    spare = f"; {enough} of the {bots} bots would do" if enough < bots else ""
    return [
        f"{names} searches of {first}, {interval:g} s apart for all bots together, take {duration(names * interval)} "
        f"or more: that, and not the bots, limits this run{spare}"
    ]


def duration(seconds: float) -> str:
    """Return a time as a person says it."""
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
