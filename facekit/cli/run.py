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

import logging
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from math import inf
from pathlib import Path

from facekit.base import plain
from facekit.base.contract import FacekitError, Report, StaleError, Track, quiet
from facekit.base.files import read_toml
from facekit.base.objects import url_of
from facekit.options import registry
from facekit.options.base import Options, Value, describe, from_mapping, shown
from facekit.options.finish import finish
from facekit.options.galleries import is_database
from facekit.options.marks import InputPath
from facekit.options.places import placed
from facekit.options.registry import Answers, Command
from facekit.options.run import Run
from facekit.options.typed import typed

log = logging.getLogger(__name__)

MAX_RECIPE = 1 << 20
"""Bytes of a recipe."""

_HEAD = {"output", "seed", "jobs", "stage"}

Scalars = bool | int | float | str
Table = dict[str, Scalars | list[Scalars]]
"""Options as a recipe writes them."""


@dataclass(frozen=True)
class Recipe:
    """A recipe as it was read: no option is checked yet, and no path resolved."""

    path: Path
    output: str
    """The folder of the results, relative to the recipe's."""
    shared: Table
    """What the head says for every stage."""
    stages: list[Table]


@dataclass(frozen=True)
class Step:
    """One stage of a recipe, ready to run."""

    command: Command
    options: Options


def run(options: Run, track: Track = quiet) -> Report:
    """Run a recipe's stages in order; what an earlier run finished is not done again.

    Every stage's options are checked before the first one starts. A dry run says only what would be typed, stage by
    stage. Raises FacekitError for a recipe that cannot be read, and whatever its stages raise.
    """
    began = time.monotonic()
    steps = plan(options, read(options.recipe))
    return preview(steps) if options.dry_run else summary(list(execute(steps, options, track)), began)


def preview(steps: Sequence[Step]) -> Report:
    """Return what would be typed for each step; nothing is computed.

    Raises FacekitError where the first step's input is not there.
    """
    first = steps[0].options
    for option in describe(type(first)):
        paths = getattr(first, option.name) if isinstance(option.path, InputPath) else None
        for path in paths if isinstance(paths, list) else [paths] if paths is not None else []:
            if str(path) != "-" and not is_database(str(path)) and not url_of(path) and not Path(path).exists():
                raise FacekitError(f"no such file or folder: {path}; stage 1 ({steps[0].command.name}) reads it")
    made = [folder for step in steps if (folder := _result(step.options)) is not None]
    lines = [typed(step.options, dry_run=False) for step in steps]
    return Report("run", str(made[-1] if made else Path.cwd()), details={"lines": lines})


def read(path: Path) -> Recipe:
    """Return a recipe as it is written. Raises FacekitError for a file that is none."""
    try:
        values = read_toml(path, dict[str, object], "fix it, or start from one in examples/", MAX_RECIPE)
    except (FileNotFoundError, NotADirectoryError):
        raise FacekitError(f"no such recipe: {path}") from None
    unknown = sorted(values.keys() - _HEAD)
    if unknown:
        raise FacekitError(f"{path}: no setting called {shown(unknown[0])}; choose from {', '.join(sorted(_HEAD))}")
    output, stages = values.pop("output", "."), values.pop("stage", [])
    if not isinstance(output, str) or not output:
        raise FacekitError(f"{path}: output is {shown(output)}; give a folder in quotes")
    if not isinstance(stages, list) or not all(isinstance(stage, dict) for stage in stages):
        raise FacekitError(f"{path}: write each stage as [[stage]], with double brackets")
    if not stages:
        raise FacekitError(f"{path} has no stages; add a [[stage]] with `command = …`")
    tables = [_table(stage, _where(path, number, stage)) for number, stage in enumerate(stages, 1)]
    return Recipe(path, output, _table(values, str(path)), tables)


def plan(options: Run, recipe: Recipe) -> list[Step]:
    """Return the steps of a recipe, every option checked. Raises FacekitError that names the stage at fault."""
    base = recipe.path.parent
    root = options.output or base / os.path.expanduser(recipe.output)  # noqa: PTH111 - Path's own raises for nobody
    steps: list[Step] = []
    before: Path | str | None = None
    first = _first_overwritten(options, recipe)
    for number, table in enumerate(recipe.stages, 1):
        where = _where(recipe.path, number, table)
        command = _command(table.get("command"), where)
        values: dict[str, Value] = {**recipe.shared, **_changed(options), **table}
        del values["command"]
        if number >= first:
            values["overwrite"] = True
        if number == 1 and options.input is not None:
            # Relative to where the command is typed, not to the recipe.
            values[_takes(command)] = str(options.input.absolute())
        chosen = from_mapping(command.options, _filled(command, values, root, base, before), where)
        steps.append(Step(command, chosen))
        before = _result(chosen) or before
    return steps


def execute(steps: Iterable[Step], options: Run, track: Track) -> Iterator[Report]:
    """Run planned stages in order and yield the report of each."""
    planned = list(steps)
    for number, step in enumerate(planned, 1):
        log.info("stage %d of %d: %s", number, len(planned), step.command.name)
        try:
            yield finish(_report(step.command.load()(step.options, track), step.command.name), step.options)
        except StaleError as error:
            again = typed(options, overwrite_from=step.command.name)
            raise StaleError(error.what, again, "give the recipe another output with -o") from None


def summary(reports: list[Report], began: float) -> Report:
    """Return one report of all stages since a moment of `time.monotonic`: the last one's, and what all have made."""
    last = reports[-1]
    seconds = round(time.monotonic() - began, 2)
    made = sum(report.made for report in reports)
    details = dict(last.details)
    return Report("run", last.folder, made, last.kept, last.left, seconds, details, reports, next=last.next)


def _first_overwritten(options: Run, recipe: Recipe) -> float:
    """Return the number of the first stage whose earlier results are deleted. Raises FacekitError for no such stage."""
    if options.overwrite_from is None:
        return inf
    commands = [table.get("command") for table in recipe.stages]
    if options.overwrite_from not in commands:
        names = ", ".join(dict.fromkeys(map(str, commands)))
        raise FacekitError(f"--overwrite-from: {recipe.path} has no stage {options.overwrite_from!r}; it has {names}")
    return commands.index(options.overwrite_from) + 1


def _table(values: Mapping[str, object], where: str) -> Table:
    try:
        return plain.convert(values, Table)
    except ValueError as error:
        raise FacekitError(f"{where}: {error}; give a number, true, false, text in quotes or a list") from None


def _where(path: Path, number: int, table: Mapping[str, object]) -> str:
    name = table.get("command")
    return f"{path}, stage {number} ({name[:80] if isinstance(name, str) and name else 'no command'})"


def _command(name: object, where: str) -> Command:
    """Return the command of a stage. Raises FacekitError for one that no recipe can hold."""
    try:
        command = registry.find(name) if isinstance(name, str) else None
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


def _result(options: Options) -> Path | str | None:
    """Return the folder that a stage hands to the next one, or the address of a gallery."""
    return next((getattr(options, option.name) for option in describe(type(options)) if option.is_result), None)


def _filled(
    command: Command, values: Mapping[str, Value], root: Path, base: Path, before: Path | str | None
) -> dict[str, Value]:
    """Return a stage's options with paths resolved and with what a recipe need not say.

    That is its output, named after the command, and its input, made by the stage before.
    """
    filled = placed(command.options, values, inputs=base, outputs=root)
    for option in describe(command.options):
        if option.is_result:
            filled.setdefault(option.name, root / command.name)
        elif option.takes_result and before is not None:
            filled.setdefault(option.name, before)
    return filled


def _report(result: Report | Answers, name: str) -> Report:
    if not isinstance(result, Report):
        raise TypeError(f"{name} is declared for recipes, and returned no Report")
    return result


def _changed(options: Options) -> dict[str, Value]:
    """Return the options of every command that were given to `run`: they win over the recipe's head."""
    common = fields(Options)
    return {f.name: getattr(options, f.name) for f in common if getattr(options, f.name) != f.default}
