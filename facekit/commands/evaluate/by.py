"""What group of people each picture belongs to: a target of the pictures, or a column of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from facekit.base.contract import FacekitError, Record
from facekit.dataset import Dataset, tables
from facekit.options.evaluate import Evaluate

MOST = 50
"""Values that groups of people may have: more are no groups."""


def values(options: Evaluate, dataset: Dataset, records: Sequence[Record]) -> list[str | None]:
    """Return what `--by` says of each picture, in order; None where nothing does.

    Raises FacekitError, with the columns that there are, for one that is unknown, and for one of too many values.
    """
    assert options.by is not None
    if options.table is not None:
        found = tables.column(tables.read(options.table), options.by, replace(dataset, records=list(records)))
    else:
        found = [(record.targets or {}).get(options.by) for record in records]
    if not any(found):
        known = sorted({name for record in records for name in record.targets or {}})
        there = f"choose from {', '.join(known)}" if known else "they say nothing; give --table FILE.csv"
        raise FacekitError(f"--by {options.by}: no picture says it; {there}")
    count = len({value for value in found if value})
    if count > MOST:
        raise FacekitError(f"--by {options.by}: it has {count} values; choose a column of at most {MOST} groups")
    return found
