"""Demo: a small world, drawn and served on this machine, through every stage to a scored model."""

from __future__ import annotations

import socket
import time
from dataclasses import replace
from importlib import resources
from pathlib import Path

from facekit.base.contract import Report, Track, quiet
from facekit.cli.run import execute, plan, read, summary
from facekit.dataset import annotate
from facekit.options.demo import Demo
from facekit.options.run import Run
from facekit.sources.browser import find
from facekit.world.content import World
from facekit.world.web import serve

_PORT = 28711


def demo(options: Demo, track: Track = quiet) -> Report:
    """Draw a small world, serve it, and run the demo's recipe on it with real browsers.

    Raises FacekitError where no browser can be had, before anything is drawn.
    """
    find()
    began = time.monotonic()
    recipe = read(Path(str(resources.files("facekit.cli") / "demo.toml")))
    world = World(people=8, photos=66, seed=options.seed)
    whole = Run(
        recipe=recipe.path,
        output=options.output,
        seed=options.seed,
        jobs=options.jobs,
        overwrite=options.overwrite,
        dry_run=options.dry_run,
    )
    reports = []
    with serve(world, port=_free_port()) as web:
        scrape = next(stage for stage in recipe.stages if stage["command"] == "scrape")
        scrape.update(names=list(world.names), base_url=web.base_url, bots=options.bots)
        for report in execute(plan(whole, recipe), whole, track):
            if report.stage == "scrape" and not options.dry_run:
                # Its faces are drawn, so that every score from them says so too.
                annotate(Path(report.folder), drawn=True)
            reports.append(report)
    return replace(summary(reports, began), stage="demo")


def _free_port() -> int:
    """Return the demo's own port where nobody has it: a demo run again finds the addresses that it noted."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", _PORT))
        except OSError:
            return 0
    return _PORT
