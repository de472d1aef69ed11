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

from facekit.base.contract import FacekitError, Report, Track, quiet
from facekit.base.files import read_toml
from facekit.options import registry
from facekit.options.base import Options, describe, from_mapping
from facekit.options.places import placed
from facekit.options.registry import Answers, Command
from facekit.options.run import Run

log = logging.getLogger(__name__)

_HEAD = {"output", "seed", "jobs", "stage"}


@dataclass(frozen=True)
class Step:
    """One stage of a recipe, ready to run."""

    command: Command
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
        name = str(table.get("command", ""))
        where = f"{options.recipe}, stage {number} ({name or 'no command'})"
        command = _stage(name, where)
        values = {**shared, **{key: value for key, value in table.items() if key != "command"}}
        if number == 1 and options.input is not None:
            # Relative to where the command is typed, not to the recipe.
            values[_takes(command)] = str(options.input.absolute())
        chosen = from_mapping(command.options, _filled(command, values, root, base, before), where)
        steps.append(Step(command, chosen))
        before = _result(chosen) or before
    if not steps:
        raise FacekitError(f"{options.recipe} names no stage; add a [[stage]] with `command = …`")
    return steps


def _stage(name: str, where: str) -> Command:
    """Return the command of a stage. Raises FacekitError for one that no recipe can hold."""
    try:
        command = registry.find(name)
    except FacekitError:
        command = None
    if command is None or not command.options.in_recipes:
        stages = [known.name for known in registry.catalogue().commands if known.options.in_recipes]
        raise FacekitError(f"{where}: command must be one of {', '.join(stages)}")
    return command


def _takes(command: Command) -> str:
    """Return the option that takes a folder from outside the recipe: the one for the stage before, or the first."""
    options = describe(command.options)
    return next((option for option in options if option.takes_result), options[0]).name


def _result(options: Options) -> Path | None:
    """Return the folder that a stage hands to the next one."""
    return next((getattr(options, option.name) for option in describe(type(options)) if option.is_result), None)


def _filled(command: Command, values: dict[str, Any], root: Path, base: Path, before: Path | None) -> dict[str, Any]:
    """Return a stage's options with paths resolved and with what a recipe need not say.

    That is its output, named after the command, its input, made by the stage before, and that it resumes.
    """
    filled = placed(command.options, values, inputs=base, outputs=root)
    for option in describe(command.options):
        if option.is_result:
            filled.setdefault(option.name, root / command.name)
        elif option.takes_result and before is not None:
            filled.setdefault(option.name, before)
        elif option.resumes:
            filled.setdefault(option.name, True)
    return filled


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
        name = step.command.name
        log.info("stage %d of %d: %s", number, len(steps), name)
        reports.append(_report(step.command.load()(step.options, track), name))
        if after and name in after and not options.dry_run:
            after[name](reports[-1])
        if options.dry_run:
            break  # the next stage's input is not there
    last = reports[-1]
    details = {"stages": [report.to_dict() for report in reports], **last.details}
    seconds = round(time.monotonic() - began, 2)
    return Report("run", last.folder, sum(r.made for r in reports), last.kept, last.left, seconds, details)


def _report(result: Report | Answers, name: str) -> Report:
    if not isinstance(result, Report):
        raise TypeError(f"{name} is declared for recipes, and returned no Report")
    return result


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
