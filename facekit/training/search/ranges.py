"""What a search may vary: ranges of options of `train`, from a TOML file or the defaults of a network.

A file says what all trainings share and what varies::

    [train]
    light_augment = true

    [ranges]
    learning_rate = { low = 1e-4, high = 1e-2, log = true }
    dropout = { low = 0.0, high = 0.5, step = 0.1 }
    batch = [32, 64, 128]
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from facekit.base import plain
from facekit.base.contract import FacekitError
from facekit.base.files import read_toml
from facekit.options.base import Setting, Value, describe, from_mapping
from facekit.options.objectives import refuse_embedding
from facekit.options.places import placed
from facekit.options.train import Train
from facekit.options.tune import Tune

FIXED = {
    *("seed", "jobs", "labels", "split", "split_by", "people_from", "input", "output", "overwrite", "dry_run"),
    *("resume", "tensorboard", "fpir"),
}
"""Options of `train` that are one for all trainings, or no choice."""

_OWN = ("network", "backbone", "color", "size", "epochs")
"""Options that `tune` has itself."""

_MOST = 10_000
"""Settings of a grid."""


@dataclass(frozen=True)
class Choice:
    """Values of which one is taken."""

    values: tuple[Setting, ...]

    def suggest(self, trial: Any, name: str) -> Setting:
        """Return the trial's value."""
        chosen: Setting = trial.suggest_categorical(name, self.values)
        return chosen

    def ends(self) -> tuple[Setting, ...]:
        """Return values which are allowed if all between are."""
        return self.values

    @property
    def said(self) -> str:
        """The range in words."""
        return ", ".join(map(str, self.values))

    def grid(self) -> list[Setting]:
        """Return all values."""
        return list(self.values)


@dataclass(frozen=True)
class Span:
    """Numbers from `low` to `high`, both included."""

    low: float
    high: float
    log: bool = False
    """Whether each factor is as likely as another of the same size, not each difference."""
    step: float | None = None
    whole: bool = False
    """Whether the option takes whole numbers alone."""

    def suggest(self, trial: Any, name: str) -> Setting:
        """Return the trial's value."""
        if self.whole:
            count: int = trial.suggest_int(name, int(self.low), int(self.high), step=int(self.step or 1), log=self.log)
            return count
        number: float = trial.suggest_float(name, self.low, self.high, step=self.step, log=self.log)
        return number

    def ends(self) -> tuple[Setting, ...]:
        """Return the ends."""
        return (int(self.low), int(self.high)) if self.whole else (self.low, self.high)

    @property
    def said(self) -> str:
        """The range in words."""
        more = (f" by {self.step:g}" if self.step else "") + (", by factors" if self.log else "")
        return f"{self.low:g} to {self.high:g}{more}"

    def grid(self) -> list[Setting]:
        """Return all values; empty where they cannot be counted."""
        step = self.step or (1 if self.whole and not self.log else None)
        if step is None:
            return []
        count = math.floor((self.high - self.low) / step + 1e-9) + 1
        values = (self.low + place * step for place in range(count))
        return [int(value) if self.whole else round(value, 12) for value in values]


Range = Choice | Span


@dataclass(frozen=True)
class Space:
    """What varies and what does not."""

    ranges: Mapping[str, Range]
    """Option of `train` -> its range."""
    shared: Mapping[str, Value] = field(default_factory=dict)
    """Option of `train` -> its value in all trainings."""

    def options(self, values: Mapping[str, Value], places: Mapping[str, Value]) -> Train:
        """Return the options of a training. Raises FacekitError for values that do not go together."""
        return from_mapping(Train, {**self.shared, **values, **places}, "this setting")

    def suggest(self, trial: Any) -> dict[str, Setting]:
        """Return the trial's values; those that it has already stay."""
        return {name: one.suggest(trial, name) for name, one in self.ranges.items()}

    def grid(self) -> dict[str, list[Setting]]:
        """Return all values of each option. Raises FacekitError where there are too many, or they cannot be counted."""
        values = {name: one.grid() for name, one in self.ranges.items()}
        endless = next((name for name, all_ in values.items() if not all_), None)
        if endless:
            raise FacekitError(f"--sampler grid cannot count the values of {endless}; give it a list or a step")
        count = math.prod(map(len, values.values()))
        if count > _MOST:
            raise FacekitError(f"the grid has {count:,} settings; give fewer values, or --sampler random")
        return values


def read_space(options: Tune) -> Space:
    """Return what a search varies, every end checked. Raises FacekitError that names the file and the fix."""
    if options.ranges is None:
        space, where = Space(_default(options), _shared(options, {})), "the default ranges"
    else:
        space, where = _read(options, options.ranges), str(options.ranges)
    if options.sampler == "grid":
        space.grid()
    for values in _corners(space):
        refuse_embedding(
            from_mapping(Train, {**space.shared, **values, "input": options.input, "output": options.output}, where)
        )
    return space


def _corners(space: Space) -> Iterator[dict[str, Value]]:
    """Yield settings in which each option is at each end once, the others at their first value."""
    first: dict[str, Value] = {name: one.ends()[0] for name, one in space.ranges.items()}
    for name, one in space.ranges.items():
        yield from ({**first, name: value} for value in one.ends())


def _shared(options: Tune, own: Mapping[str, Value]) -> dict[str, Value]:
    """Return what all trainings share: what `tune` was told, and what the file says."""
    given = {name: getattr(options, name) for name in (*_OWN, "seed", "jobs", "labels")}
    given |= {name: getattr(options, name) for name in ("split", "split_by", "people_from")}
    usual: dict[str, Value] = {"stop_at": 1.01, "schedule": "cosine"}
    if options.ranges is None and options.backbone is None:
        usual["light_augment"] = True
    return {**usual, **{name: value for name, value in given.items() if value is not None}, **own}


_SMALL = ("cnn3", "cnn4", "cnn5", "alexnet")
_DROPS = (*_SMALL, "vgg16", "efficientnet_b0", "mobilenet_v2", "inception_resnet_v1")
"""The networks with dropout layers."""


def _default(options: Tune) -> dict[str, Range]:
    """Return the ranges of a network where no file gives any."""
    if options.backbone is not None:  # what is fitted is fitted exactly: nothing else is left to choose
        return {"class_weights": Choice(("auto", "none"))}
    if options.sampler == "grid":
        rates = (1e-5, 1e-4) if options.network == "vgg16" else (3e-4, 1e-3, 3e-3)
        return {"learning_rate": Choice(rates), "batch": Choice((32, 64)), "label_smoothing": Choice((0.0, 0.1))}
    # Without batch normalisation a network that begins with a large rate never learns anything.
    low, high = (1e-5, 1e-3) if options.network == "vgg16" else (1e-4, 1e-2 if options.network in _SMALL else 3e-3)
    ranges: dict[str, Range] = {
        "learning_rate": Span(low, high, log=True),
        "batch": Choice((32, 64, 128)),
        "weight_decay": Span(1e-4, 1.0, log=True),
        "label_smoothing": Span(0.0, 0.2),
        "augment_strength": Span(0.3, 2.0),
    }
    return {**ranges, "dropout": Span(0.0, 0.5)} if options.network in _DROPS else ranges


def _read(options: Tune, path: Path) -> Space:
    try:
        held = read_toml(path, dict[str, object])
    except (FileNotFoundError, NotADirectoryError):
        raise FacekitError(f"no such file of ranges: {path}") from None
    unknown = sorted(held.keys() - {"train", "ranges"})
    if unknown:
        raise FacekitError(f"{path}: unknown table {unknown[0]!r}; use [train] and [ranges]")
    own = _table(held.get("train", {}), path, dict[str, Setting])
    tables = _table(held.get("ranges", {}), path, dict[str, object])
    if not tables:
        raise FacekitError(f"{path} varies nothing; add a table [ranges], as in `batch = [32, 64]`")
    fixed = next((name for name in (*own, *tables) if name in FIXED), None)
    if fixed:
        raise FacekitError(f"{path}: {fixed} applies to all trainings; give it to `tune` instead")
    if twice := sorted(own.keys() & tables.keys()):
        raise FacekitError(f"{path}: {twice[0]} is in [train] and in [ranges]; remove one of them")
    ranges = {name: _range(name, value, path) for name, value in tables.items()}
    folder = path.parent.resolve()
    return Space(ranges, _shared(options, placed(Train, own, folder, folder)))


def _table(value: object, path: Path, kind: Any) -> Any:
    try:
        return plain.convert(value, kind)
    except ValueError as error:
        raise FacekitError(f"{path}: {error}; write options in [train] and ranges in [ranges]") from None


def _range(name: str, value: object, path: Path) -> Range:
    where = f"{path}, {name}"
    if isinstance(value, list):
        if len({repr(one) for one in value}) < 2 or not all(isinstance(one, bool | int | float | str) for one in value):
            raise FacekitError(f"{where}: give two different values or more, or move it to [train]")
        return Choice(tuple(value))
    if not isinstance(value, dict) or not {"low", "high"} <= value.keys() <= {"low", "high", "log", "step"}:
        raise FacekitError(f"{where}: give a list of values, or {{ low = …, high = …, log = true }}")
    return _span(name, value, where)


def _span(name: str, value: Mapping[str, object], where: str) -> Span:
    numbers = {key: value[key] for key in ("low", "high", "step") if key in value}
    wrong = next((key for key, one in numbers.items() if type(one) not in (int, float)), None)
    if wrong or not isinstance(value.get("log", False), bool):
        raise FacekitError(f"{where}: {wrong or 'log'} is {value[wrong or 'log']!r}; give {_KINDS[wrong is None]}")
    option = next((one for one in describe(Train) if one.name == name), None)
    made = Span(whole=option is not None and option.kind is int, log=bool(value.get("log")), **_floats(numbers))
    problem = next((said for said, holds in _PROBLEMS.items() if holds(made)), None)
    if problem:
        raise FacekitError(f"{where}: {problem}")
    return made


_KINDS = ("a number", "true or false")


def _floats(numbers: Mapping[str, Any]) -> dict[str, Any]:
    return {key: float(value) for key, value in numbers.items()}


def _parted(one: Span) -> bool:
    return one.whole and any(value != int(value) for value in (one.low, one.high, one.step or 1))


_PROBLEMS: Mapping[str, Callable[[Span], bool]] = {
    "low, high and step must be finite": lambda one: not all(map(math.isfinite, (one.low, one.high, one.step or 1))),
    "low must be less than high": lambda one: one.low >= one.high,
    "the option takes whole numbers; give low, high and step as such": _parted,
    "step must be above 0": lambda one: one.step is not None and one.step <= 0,
    "step does not go with log": lambda one: one.step is not None and one.log,
    "log needs a low above 0": lambda one: one.log and one.low <= 0,
}
"""What is wrong with a span -> whether it is."""
