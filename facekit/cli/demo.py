"""Demo: draw a small world, serve it on this machine, and run every stage up to a scored model."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path

from facekit.base import images
from facekit.base.contract import Report, StaleError, Track, quiet
from facekit.cli.bars import duration
from facekit.cli.estimate import Cost, Pace, pace
from facekit.cli.run import Recipe, Step, execute, plan, preview, read, summary
from facekit.dataset import annotate
from facekit.faces import detectors
from facekit.identity import embedders
from facekit.options.balance import Balance
from facekit.options.clean import Clean
from facekit.options.common import Stage
from facekit.options.crop import FaceCrop
from facekit.options.demo import Demo
from facekit.options.following import command
from facekit.options.run import Run
from facekit.options.scrape import Scrape
from facekit.options.train import Train
from facekit.options.typed import typed
from facekit.sources.browser import find
from facekit.world.content import World
from facekit.world.web import serve

log = logging.getLogger(__name__)

_PORT = 28711
_EMBEDDERS = ("sface", "dlib")

COSTS: dict[str, Cost] = {
    "scrape": Cost(photos=290, seconds=12),
    "crop": Cost(photos=160),
    "clean": Cost(photos=95),
    "first": Cost(photos=4),
    "first score": Cost(photos=45, seconds=3),
    "balance": Cost(seconds=1),
    "augment": Cost(photos=12, seconds=2),
    "train": Cost(steps=200, seconds=8),
    "evaluate": Cost(photos=4, seconds=2),
}
"""What each stage was measured to cost, with a training that stops early, as it usually does (benchmarks/demo.py)."""


def demo(options: Demo, track: Track = quiet) -> Report:
    """Draw a small world, serve it, and run the demo's recipe on it with real browsers.

    Raises FacekitError where no browser can be had, before anything is drawn.
    """
    find()
    began = time.monotonic()
    recipe = read(Path(str(resources.files("facekit.cli") / "demo.toml")))
    world = World(people=6, photos=50, seed=options.seed)
    if options.dry_run:
        return replace(preview(steps(options, recipe, world, f"http://127.0.0.1:{_PORT}")), stage="demo")
    with serve(world, port=_free_port()) as web:
        planned = steps(options, recipe, world, web.base_url)
        reports = list(_reports(planned, options, world, track))
    photos, model = (_folder(planned, kind) for kind in (Scrape, Train))
    following = command("predict", model, photos, "--grid", options.output / "faces.png")
    return replace(summary(reports, began), stage="demo", next=following)


def steps(options: Demo, recipe: Recipe, world: World, base_url: str) -> list[Step]:
    """Return the steps of the demo, every option checked; those to the first score only where an embedder can run."""
    backbone = next((name for name in _EMBEDDERS if embedders.available(name)), None)
    for stage in recipe.stages:
        if stage["command"] == "scrape":
            stage.update(names=list(world.names), base_url=base_url, bots=options.bots)
        if "backbone" in stage and backbone is not None:
            stage["backbone"] = backbone
    planned = plan(_as_run(options, recipe.path), recipe)
    again = next(place for place, step in enumerate(planned) if isinstance(step.options, Balance))
    balance = replace(planned[again].options, input=_folder(planned, Clean))  # type: ignore[call-arg]
    planned[again] = replace(planned[again], options=balance)
    head = next(place for place, step in enumerate(planned) if isinstance(step.options, Train))
    return planned if backbone is not None else [*planned[:head], *planned[again:]]


def _reports(planned: Sequence[Step], options: Demo, world: World, track: Track) -> Iterator[Report]:
    """Run the steps, and say at the start and after each how long the rest takes."""
    clock = None if options.output.exists() else Clock.measured(planned, world)
    if clock is None:
        log.info("%s already exists: finished stages are not run again", options.output)
    else:
        log.info("%s", clock.forecast())
    try:
        for report in execute(planned, _as_run(options, Path("demo.toml")), track):
            if report.stage == "scrape":
                # Its faces are drawn, so that every score from them says so too.
                annotate(Path(report.folder), drawn=True)
            if clock is not None:
                clock.tick(report)
            yield report
    except StaleError as error:
        raise StaleError(error.what, typed(options, overwrite=True), "choose another folder with -o") from None


class Clock:
    """Says how long the demo takes: counted from a measured pace, and corrected by what the stages took so far."""

    def __init__(self, costs: Sequence[Cost], speed: Pace) -> None:
        self._seconds = [speed.seconds([cost]) for cost in costs]
        self._first = next((place for place, cost in enumerate(costs) if cost is COSTS["first score"]), None)
        self._began, self._done = time.monotonic(), 0

    @classmethod
    def measured(cls, planned: Sequence[Step], world: World) -> Clock:
        """Return a clock for these steps on this machine."""
        networks = [step.options for step in planned if isinstance(step.options, Train) and not step.options.backbone]
        items = [item for item in world.plan(0) if item.kind == "single"]

        def photo(number: int) -> None:
            detectors.find(images.decode(world.draw(0, items[number])), FaceCrop())

        return cls(list(_costs(planned)), pace(photo, networks[-1], len(world.names)))

    def forecast(self) -> str:
        """Return the line for the start."""
        first = f"{duration(sum(self._seconds[: self._first + 1]))} to a first score and " if self._first else ""
        measured = "estimated from a measured training step; training usually stops early"
        return f"about {first}{duration(sum(self._seconds))} to the end on this machine ({measured})"

    def left(self) -> float:
        """Return the seconds that the steps to come take, if they are as much slower or faster as those before."""
        expected, took = sum(self._seconds[: self._done]), time.monotonic() - self._began
        slower = min(4.0, max(0.25, took / expected)) if expected else 1.0
        return slower * sum(self._seconds[self._done :])

    def tick(self, report: Report) -> None:
        """Count a step, and log its score, where it has one, and how long the rest takes."""
        self._done += 1
        accuracy = report.details.get("accuracy")
        if report.stage == "evaluate" and isinstance(accuracy, float):
            which = "first score" if self._done < len(self._seconds) else "score"
            after = duration(time.monotonic() - self._began)
            log.info(
                "%s after %s: %.1f%% of the test photos (%s)", which, after, 100 * accuracy, report.details["pictures"]
            )
        if self._done < len(self._seconds):
            log.info("about %s left", duration(self.left()))


def _costs(planned: Sequence[Step]) -> Iterator[Cost]:
    """Yield what each step costs; those to the first score come before `balance`."""
    again = False
    for step in planned:
        again = again or isinstance(step.options, Balance)
        first = {"train": "first", "evaluate": "first score"}.get(step.command.name)
        yield COSTS[step.command.name if again or first is None else first]


def _folder(planned: Sequence[Step], kind: type[Stage] | type[Scrape]) -> Path:
    """Return the folder of the last step of a kind."""
    return [step.options.output for step in planned if isinstance(step.options, kind)][-1]


def _as_run(options: Demo, recipe: Path) -> Run:
    return Run(recipe=recipe, output=options.output, seed=options.seed, jobs=options.jobs, overwrite=options.overwrite)


def _free_port() -> int:
    """Return the demo's own port where nobody has it: a demo run again finds the addresses that it noted."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", _PORT))
        except OSError:
            return 0
    return _PORT
