"""One scrape that is killed often, each time run again to go on, beside the same one that nobody kills."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from conftest import read_tree
from plainweb import Plain, many

from facekit.base.contract import Record, Source
from facekit.base.files import read_lines
from facekit.dataset import MANIFEST, SOURCES
from facekit.world.web import Web

KILLING = Path(__file__).with_name("killing.py")

FAULTS = ("404", "html", "truncated", "500", "429", "short", "noai", "tiny", "410", "loop")
"""Faults that answer alike however often they are asked."""


@dataclass
class Outcome:
    """How a run fared that was killed so often."""

    lines: int
    kept: int
    killed: int
    differs: list[str] = field(default_factory=list)
    """Files that are not those of the run that nobody killed."""
    twice: list[str] = field(default_factory=list)
    """Links that were fetched again after their picture had been kept."""


def faulty(names: int, links: int, seed: int = 1) -> Plain:
    """So many names, a tenth of whose links are bad, each time in the same way."""
    rng, content = random.Random(seed), {}
    for number in range(names):
        broken = {k: rng.choice(FAULTS) for k in range(links) if rng.random() < 0.1}
        content[f"Name {number:03d}"] = many(f"n{number}", links, broken)
    return Plain(content)


def run(k: int, output: Path, arguments: Sequence[str]) -> int:
    """Scrape, and die after the k-th written line; with 0 live. Return the exit code, 0 or -9."""
    command = [sys.executable, str(KILLING), str(k or -1), "SIGKILL", "scrape", *arguments, "-o", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in (0, -signal.SIGKILL):
        raise AssertionError(f"scrape failed with {done.returncode}:\n{done.stderr}")
    return done.returncode


def kill_often(web: Web, work: Path, arguments: Sequence[str], kills: int, seed: int = 1) -> Outcome:
    """Scrape once in peace and once with `kills` kills, each run again, and compare the two."""
    whole, out, rng = work / "whole", work / "killed", random.Random(seed)
    run(0, whole, arguments)
    wanted = read_tree(whole)
    lines = 3 * len(wanted[MANIFEST]) + len(wanted["rejected.jsonl"])
    outcome = Outcome(lines, len(wanted[MANIFEST]), 0)
    # On average they share out most of the lines, so that each of them strikes a run that has something to do.
    places = [rng.randint(1, max(2, round(1.6 * lines / kills))) for _ in range(kills)]
    for place in [*places, 0]:
        kept, before = kept_links(out), web.requests.copy()
        outcome.killed += run(place, out, arguments) != 0
        outcome.twice += sorted(kept & (web.requests - before).keys())
    found = read_tree(out)
    outcome.differs = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    return outcome


def kept_links(out: Path) -> set[str]:
    """The paths at the server of the pictures that a folder's manifest vouches for."""
    sources = {source.origin: source for source in read_lines(out / SOURCES, Source)}
    links = (sources[record.origin].url for record in read_lines(out / MANIFEST, Record))
    return {urlsplit(link).path for link in links if link}
