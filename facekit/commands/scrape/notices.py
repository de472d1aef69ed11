"""What a person should know before a long run: whose terms apply, what cannot be asked for, what limits the speed."""

from __future__ import annotations

import logging

import psutil

from facekit.base.parallel import workers
from facekit.base.text import counted
from facekit.commands.scrape.plan import Plan
from facekit.sources.addresses import is_loopback

log = logging.getLogger(__name__)

BOT_MEMORY = 0.4e9
"""Fewest bytes that a browser needs."""

SEARCH_SECONDS = 10.0
"""What one search takes of a bot's time, with scrolling; a guess on the long side."""

_WORDS = {
    "face_only": "to pictures of faces (--face-only)",
    "min_width": "by width (--min-width)",
    "safe": "to safe results (--safe)",
    "since": "by age (--since)",
    "license": "by licence (--license)",
}


def notices_of(plan: Plan, names: int) -> list[str]:
    """Log what there is to know before `names` names are searched for; return it."""
    for name, cls in plan.classes.items():
        if not plan.near:
            log.info("%s: its terms of use apply to your searches: %s", name, cls.terms)
    notices = [*_filters(plan), *_machine(plan, min(plan.options.bots, names)), *_pace(plan, names)]
    if not plan.near and not plan.options.contact:
        notices.append("no --contact is given, so hosts cannot reach you; give an address or a URL")
    if plan.options.ignore_opt_outs:
        notices.append("--ignore-opt-outs is given: pictures are kept against the wish of owners and hosts")
    for notice in notices:
        log.warning(notice)
    return notices


def _filters(plan: Plan) -> list[str]:
    return [
        f"{name} cannot narrow a search {' or '.join(_WORDS[option] for option in about.unfiltered)}"
        for name, about in plan.terms().items()
        if about.unfiltered
    ]


def _machine(plan: Plan, bots: int) -> list[str]:
    grid = plan.options.grid
    if not plan.needs_browser or (grid is not None and not is_loopback(grid)):
        return []
    notices, cores = [], workers(0)
    if bots > 2 * cores:
        notices.append(f"{bots} bots on {counted(cores, 'core')} slow each other down; --bots {2 * cores} is as fast")
    if psutil.virtual_memory().available < BOT_MEMORY * bots:
        need = counted(bots, "bot needs", "bots need")
        notices.append(f"{need} about {BOT_MEMORY * bots / 1e9:.1f} GB of memory, more than is free")
    return notices


def _pace(plan: Plan, names: int) -> list[str]:
    """Return how long the searches take where politeness limits them, and not the number of bots."""
    first = next(iter(plan.classes))
    interval, bots = plan.interval(first), min(plan.options.bots, names)
    if interval <= SEARCH_SECONDS / max(1, bots):
        return []
    enough = max(1, round(SEARCH_SECONDS / interval))
    spare = f"; {enough} of the {counted(bots, 'bot')} would do" if enough < bots else ""
    return [
        f"{counted(names, 'search', 'searches')} of {first}, {interval:g} s apart for all bots together: "
        f"{duration(names * interval)} "
        f"or more: that, and not the bots, limits this run{spare}"
    ]


def duration(seconds: float) -> str:
    """Return a time in words."""
    if seconds < 90:
        return counted(round(seconds), "second")
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
