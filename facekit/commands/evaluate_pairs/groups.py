"""Pairs by group of people: what a column says of both photos."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from facekit.base.contract import FacekitError
from facekit.commands.evaluate_pairs.faces import Compared
from facekit.dataset import tables
from facekit.scores.pairs import Group

MIXED = " / "


def grouped(compared: Compared, by: str, table: Path | None) -> list[Group]:
    """Return the groups of pairs, sorted, those within one group of people first.

    The list's own column is what the pair is; else a table, or what the folder knows of the photos, says what
    each person is, and a pair of two values is a group of its own, as in `female / male`. A pair of which
    nothing is known is in none. Raises FacekitError where nothing says anything.
    """
    values = _of_pairs(compared, by) if by in compared.listed.columns else _of_photos(compared, by, table)
    known = np.array([value or "" for value in values])[compared.there]
    groups = [
        Group(str(name), known == name, MIXED in name or not compared.same[known == name].any())
        for name in np.unique(known[known != ""])
    ]
    if not groups:
        raise FacekitError(
            f"--by {by}: no value is known for any pair of {compared.listed.file}; add them to the list or the table"
        )
    return sorted(groups, key=lambda group: (group.mixed, group.name))


def _of_pairs(compared: Compared, by: str) -> list[str]:
    return [pair.more[by] for pair in compared.listed.pairs]


def _of_photos(compared: Compared, by: str, table: Path | None) -> list[str | None]:
    photos = compared.photos
    if table is not None:
        values = tables.column(tables.read(table), by, photos)
    else:
        values = [(record.targets or {}).get(by) for record in photos.records]
        if not any(values):
            raise FacekitError(
                f"--by {by} is not a column of {compared.listed.file}, and the photos in {photos.root} have none; "
                "give --table"
            )
    of = {record.path: value for record, value in zip(photos.records, values, strict=True)}
    return [_both(of[pair.first], of[pair.second]) for pair in compared.listed.pairs]


def _both(first: str | None, second: str | None) -> str | None:
    if first is None or second is None:
        return None
    return first if first == second else MIXED.join(sorted((first, second)))
