"""Recipes: stages in order, from one TOML file and the same option classes as the command line.

A recipe names its stages; each one's input is the folder that the stage before it made, unless it says
otherwise::

    output = "work"

    [[stage]]
    command = "crop"
    input = "photos"

    [[stage]]
    command = "train"
    stop_at = 0.97

Paths of inputs are relative to the recipe, those of outputs to its `output`.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facekit.base import plugins
from facekit.base.contract import FacekitError, Report, Track, quiet
from facekit.base.files import read_toml
from facekit.options.augment import Augment
from facekit.options.balance import Balance
from facekit.options.base import Options, describe, from_mapping
from facekit.options.clean import Clean
from facekit.options.crop import Crop
from facekit.options.cross_validate import CrossValidate
from facekit.options.draw import Draw
from facekit.options.evaluate import Evaluate
from facekit.options.evaluate_pairs import EvaluatePairs
from facekit.options.run import Run
from facekit.options.scrape import Scrape
from facekit.options.train import Train

log = logging.getLogger(__name__)

STAGES: dict[str, type[Options]] = {
    "scrape": Scrape,
    "draw": Draw,
    "crop": Crop,
    "clean": Clean,
    "balance": Balance,
    "augment": Augment,
    "train": Train,
    "evaluate": Evaluate,
    "cross-validate": CrossValidate,
    "evaluate-pairs": EvaluatePairs,
}

_HEAD = {"output", "seed", "jobs", "stage"}


@dataclass(frozen=True)
class Step:
    """One stage of a recipe, ready to run."""

    command: str
    options: Options


def run(options: Run, track: Track = quiet) -> Report:
    """Run a recipe's stages in order; what an earlier run finished is not done again.

    Every stage's options are checked before the first one starts. Raises FacekitError for a recipe that
    cannot be read, and whatever its stages raise.
    """
    head, tables = read(options.recipe)
    steps = plan(options, head, tables, options.recipe.parent)
    return run_steps(steps, options, track)


def plan(options: Run, head: Mapping[str, Any], tables: Iterable[Mapping[str, Any]], base: Path) -> list[Step]:
    """Return the steps of a recipe, every option checked. Raises FacekitError that names the stage at fault."""
    root = options.output or Path(head.get("output", "."))
    if options.output is None and not root.is_absolute():
        root = base / root
    shared = {**{key: head[key] for key in ("seed", "jobs") if key in head}, **_changed(options)}
    steps: list[Step] = []
    before: Path | None = None
    for number, table in enumerate(tables, 1):
        command = str(table.get("command", ""))
        where = f"{options.recipe}, stage {number} ({command or 'no command'})"
        if command not in STAGES:
            raise FacekitError(f"{where}: command must be one of {', '.join(STAGES)}")
        values = {**shared, **{key: value for key, value in table.items() if key != "command"}}
        if number == 1 and options.input is not None:
            # As given, not beside the recipe: whoever types a path means it from where they stand.
            values["names" if command == "scrape" else "input"] = str(options.input.absolute())
        chosen = from_mapping(STAGES[command], _placed(command, values, root, base, before), where)
        steps.append(Step(command, chosen))
        before = getattr(chosen, "output", None) or before
    if not steps:
        raise FacekitError(f"{options.recipe} names no stage; add a [[stage]] with `command = …`")
    return steps


def _placed(command: str, values: dict[str, Any], root: Path, base: Path, before: Path | None) -> dict[str, Any]:
    """Resolve a stage's paths: outputs under the root, inputs beside the recipe or from the stage before."""
    placed = dict(values)
    takes = {field.name for field in describe(STAGES[command])}
    if command in ("evaluate", "cross-validate", "evaluate-pairs") and "output" not in placed:
        takes.discard("output")
    if "output" in takes:
        placed["output"] = root / str(values.get("output", command))
    for name in {"input", "run", "data", "table", "people_from", "pairs", "threshold_from"} & takes:
        if name in values:
            placed[name] = base / str(values[name])
        elif name in ("input", "run") and before is not None:
            placed[name] = before
    if isinstance(values.get("names"), str) and values["names"] != "-":
        placed["names"] = [str(base / values["names"])]
    if command == "train":
        placed.setdefault("resume", True)  # a recipe run again goes on
    return placed


def run_steps(
    steps: list[Step],
    options: Options,
    track: Track,
    after: Mapping[str, Callable[[Report], None]] | None = None,
) -> Report:
    """Run planned stages in order, and after one of them what `after` holds for its command."""
    began = time.monotonic()
    reports: list[Report] = []
    for number, step in enumerate(steps, 1):
        log.info("stage %d of %d: %s", number, len(steps), step.command)
        reports.append(plugins.load("stage", step.command)(step.options, track))
        if after and step.command in after and not options.dry_run:
            after[step.command](reports[-1])
        if options.dry_run:
            break  # the next stage's input is not there
    last = reports[-1]
    details = {"stages": [report.to_dict() for report in reports], **last.details}
    seconds = round(time.monotonic() - began, 2)
    return Report("run", last.folder, sum(r.made for r in reports), last.kept, last.left, seconds, details)


def read(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a recipe's head and the tables of its stages. Raises FacekitError for what is no recipe."""
    try:
        recipe = read_toml(path, dict[str, Any], "fix it, or start from one in examples/")
    except (FileNotFoundError, NotADirectoryError):
        raise FacekitError(f"no such recipe: {path}") from None
    unknown = sorted(recipe.keys() - _HEAD)
    if unknown:
        raise FacekitError(f"{path}: no setting called {unknown[0]!r}; choose from {', '.join(sorted(_HEAD))}")
    if not isinstance(recipe.get("output", ""), str):
        raise FacekitError(f"{path}: output is {recipe['output']!r}; give a folder in quotes")
    tables = recipe.get("stage", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise FacekitError(f"{path}: stages are written [[stage]], with two brackets")
    return recipe, tables


def _changed(options: Options) -> dict[str, Any]:
    """Return the common options that were given: they win over the recipe's head."""
    common = dataclasses.fields(Options)
    return {f.name: getattr(options, f.name) for f in common if getattr(options, f.name) != f.default}
