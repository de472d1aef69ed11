"""The epochs of a training, and `history.csv`, which has one row for each."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from math import isfinite
from pathlib import Path

from facekit.base.contract import FacekitError
from facekit.base.files import read_bytes, write_csv
from facekit.dataset.records import own_file

_LONGEST_HEADER = 10_000
"""Characters; facekit writes a hundredth of it, and more with many targets."""

_MOST_COLUMNS = 64

_MOST = 64 << 20
"""Bytes of a `history.csv`: some 600,000 epochs."""


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """One epoch. What a training without a validation part does not measure is None."""

    epoch: int
    """Counted from 1."""
    accuracy: float
    loss: float
    val_accuracy: float | None = None
    val_loss: float | None = None
    learning_rate: float = 0.0
    pictures_per_second: float = 0.0
    """In training alone."""
    seconds: float = 0.0
    """Validation included."""
    by_target: Mapping[str, float] = field(default_factory=dict)
    """Of several targets the accuracy of each, by column: `accuracy of gender`, `val_accuracy of gender`. `accuracy` is
    their mean then."""

    def __post_init__(self) -> None:
        """Refuse what no training measures, and no clock or plot can show. Raises ValueError."""
        check_measures(self)
        for name, value in self.by_target.items():
            if not (name.startswith(_OF_TARGET) and 0 <= value <= _SHARE[1]):
                raise ValueError(f"{name[:100]!r} is {value:g}")

    def measured(self, monitor: str) -> float:
        """Return the accuracy that a training goes by: `accuracy` or `val_accuracy`."""
        value = self.accuracy if monitor == "accuracy" else self.val_accuracy
        return 0.0 if value is None else value


def check_measures(of: object) -> None:
    """Raise ValueError, which names the field, for a share, a loss, a rate or seconds that no training measures."""
    for name, (low, high) in _LIMITS.items():
        value = getattr(of, name, None)
        if value is not None and not low <= value <= high:
            raise ValueError(f"{name} is {value:g}")


_SHARE, _LOSS = (0, 1 + 1e-6), (-1e39, 1e39)
_LIMITS = {
    **dict.fromkeys(("accuracy", "val_accuracy"), _SHARE),
    **dict.fromkeys(("loss", "val_loss"), _LOSS),
    **dict.fromkeys(("learning_rate", "pictures_per_second"), (0, 1e12)),
    "seconds": (0, 1e7),
}

_COLUMNS = [f.name for f in fields(Epoch) if f.name != "by_target"]

_OF_TARGET = ("accuracy of ", "val_accuracy of ")


def column_of(target: str, part: str = "") -> str:
    """Return the column of a target's accuracy in training, or with `val_` in validation."""
    return f"{part}accuracy of {target}"


def write_history(file: Path, epochs: Sequence[Epoch]) -> None:
    """Write a row for each epoch, whole or not at all; without a validation part its columns are left out.

    Raises FacekitError when the disk is full.
    """
    columns = [name for name in _COLUMNS if any(getattr(epoch, name) is not None for epoch in epochs)]
    targets = list(dict.fromkeys(name for epoch in epochs for name in epoch.by_target))
    rows = [[*(getattr(one, name) for name in columns), *map(one.by_target.get, targets)] for one in epochs]
    write_csv(file, [*columns, *targets], rows)


def read_history(file: Path) -> list[Epoch]:
    """Return the epochs of a `history.csv`; none where there is no such file.

    Raises FacekitError, which names line and column, for one that facekit did not write.
    """
    try:
        text = read_bytes(own_file(file), _MOST).decode()
    except (FileNotFoundError, NotADirectoryError):
        return []
    except UnicodeDecodeError:
        raise FacekitError(f"{file} is not CSV; delete it") from None
    header = text.partition("\n")[0]
    if (
        len(header) > _LONGEST_HEADER or header.count(",") > _MOST_COLUMNS or '"' in header
    ):  # of which each row would get a value for each name
        raise FacekitError(f"{file} is not in facekit's format; delete it")
    rows = csv.DictReader(io.StringIO(text, newline=""))
    try:
        return [_epoch(row) for row in rows]
    except (ValueError, TypeError, csv.Error) as error:
        raise FacekitError(
            f"{file}, line {rows.line_num} is not in facekit's format ({error}); delete that line or the file"
        ) from None


def _epoch(row: dict[str, str]) -> Epoch:
    values = {name: _number(name, row[name]) for name in _COLUMNS if row.get(name)}
    missing = [name for name in ("epoch", "accuracy", "loss") if name not in values]
    if missing:
        raise ValueError(f"{missing[0]} is missing")
    targets = {name: _number(name, text) for name, text in row.items() if name and name.startswith(_OF_TARGET) and text}
    return Epoch(epoch=int(values.pop("epoch")), by_target=targets, **values)


def _number(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise ValueError(f"{name} is {text!r}, not a number")
    return value
