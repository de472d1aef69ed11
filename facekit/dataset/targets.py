"""What a picture is labelled with: its folder says who is on it, and its record's `targets` what else is known.

A target is a question that every picture may answer: `identity`, which is the folder and stands in no record, and
others such as `expression` and `gender`, whose answers come from the manifest or from a CSV file. A picture without an
answer has no label for that target.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from facekit.base.contract import FacekitError, Record, replace
from facekit.base.names import fold, one_each
from facekit.base.text import counted, listed
from facekit.dataset import tables
from facekit.dataset.tree import Dataset
from facekit.options.targets import IDENTITY as IDENTITY

_NO_TARGETS = frozenset({tables.GROUP})
"""Columns that say something of a picture, but not what is seen on it."""

log = logging.getLogger(__name__)


def value(record: Record, target: str) -> str | None:
    """Return what a picture is labelled with; None where it has no label for the target."""
    return record.label if target == IDENTITY else (record.targets or {}).get(target)


def known(records: Iterable[Record]) -> list[str]:
    """Return the targets that some picture has a label for, `identity` first and the others sorted."""
    return [IDENTITY, *sorted({name for record in records for name in record.targets or {}} - {IDENTITY})]


def read_targets(dataset: Dataset, file: Path | None = None, names: Collection[str] | None = None) -> Dataset:
    """Return a dataset whose records have their targets: those of the manifest, and those of a CSV file over them.

    The file has a column `image` or `label`, which says whose a row is (see `tables.column`), and a column a target;
    an empty value says nothing. With `names` only these columns are read, as far as they are there. Spellings of one
    value that differ in case, outer spaces or composition become one. Raises FacekitError: no target in the file, two
    lines that disagree, no line that fits a picture, and an `identity` that is not the picture's folder.
    """
    records = dataset.records if file is None else _with_table(dataset, tables.read(file), names)
    return replace(dataset, records=_one_spelling_each(records, dataset.root if file is None else file))


def _with_table(dataset: Dataset, table: tables.Table, names: Collection[str] | None) -> list[Record]:
    table.need(tables.IMAGE, tables.LABEL)
    columns = [name for name in tables.other_columns(table) if name not in _NO_TARGETS]
    wanted = [name for name in columns if (names is None or name in names) and any(row[name] for row in table.rows)]
    if not wanted:
        what = "a target" if names is None else listed([name for name in names if name != IDENTITY])
        raise FacekitError(f"{table.file} has no column of {what} with values; it has {listed(table.columns)}")
    records = list(dataset.records)
    for name in wanted:
        found = tables.column(table, name, dataset)
        if name == IDENTITY:
            _refuse_other_identity(table, dataset, found)
            continue
        _tell_replaced(table, name, records, found)
        records = tables.with_target(records, name, found)
    return records


def _refuse_other_identity(table: tables.Table, dataset: Dataset, found: Sequence[str | None]) -> None:
    for record, name in zip(dataset.records, found, strict=True):
        if name is not None and fold(name) not in (fold(record.label), fold(record.name)):
            raise FacekitError(
                f"{table.file} says that {record.path} is {name}, but a picture's identity is its folder; move the "
                "picture, or rename the column"
            )


def _tell_replaced(table: tables.Table, name: str, records: Sequence[Record], found: Sequence[str | None]) -> None:
    count = sum(
        new is not None and (old := value(record, name)) is not None and fold(old) != fold(new)
        for record, new in zip(records, found, strict=True)
    )
    if count:
        log.info("%s: its %s replaces that of the manifest for %s", table.file, name, counted(count, "picture"))


def _one_spelling_each(records: Sequence[Record], where: Path) -> list[Record]:
    values: dict[str, set[str]] = defaultdict(set)
    for record in records:
        for name, text in (record.targets or {}).items():
            values[name].add(text)
    used = {name: one_each(found) for name, found in values.items()}
    for name, spellings in used.items():
        _tell_joined(name, spellings, where)
    if all(text == one for spellings in used.values() for text, one in spellings.items()):
        return list(records)
    return [
        replace(record, targets={name: used[name][text] for name, text in record.targets.items()})
        if record.targets
        else record
        for record in records
    ]


def _tell_joined(name: str, spellings: dict[str, str], where: Path) -> None:
    of: dict[str, list[str]] = defaultdict(list)
    for text, one in spellings.items():
        of[one].append(text)
    joined = [f"{listed(list(map(repr, found)))} count as {one!r}" for one, found in of.items() if len(found) > 1]
    if joined:
        log.warning("%s: of %s, %s", where, name, "; ".join(joined))
