"""Label: write the targets of a CSV file into the manifest of a tree."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from facekit.base import files
from facekit.base.contract import FacekitError, Record, Report, Track, quiet, replace
from facekit.base.opening import no_folder
from facekit.base.text import counted, listed
from facekit.dataset import INFO, MANIFEST, Dataset, DatasetInfo, key, read_info
from facekit.dataset.folder import Key, check_files
from facekit.dataset.listing import read_manifest
from facekit.dataset.records import read_records
from facekit.dataset.targets import IDENTITY, read_targets
from facekit.options.label import Label

STAGE = "label"


def label(options: Label, track: Track = quiet) -> Report:
    """Write the targets of a table into a tree's manifest; a value replaces the one that a picture had.

    Raises FacekitError for a folder that facekit did not make or that is not complete, and as `read_targets` does. Then
    nothing is written.
    """
    began = time.monotonic()
    _checked(options.input)
    with files.locked(options.input):
        info = _checked(options.input)  # as it is now that nobody else writes
        labelled = read_targets(Dataset.open(options.input, track), options.table, options.target or None)
        wanted = {record.path: record.targets for record in labelled.records}
        held = read_manifest(options.input)
        targets = {key(record): wanted[record.path] for record in held.records if record.path in wanted}
        lines = read_records(options.input / MANIFEST, held.listing.outside)
        after = [_with(line, targets) for line in lines]
        changed = sum(a.targets != b.targets for a, b in zip(lines, after, strict=True))
        if not options.dry_run:
            _write(options.input, info, lines, after)
    there = [record for record in after if key(record) in targets]
    report = Report(STAGE, str(options.input), seconds=round(time.monotonic() - began, 2), counts=False)
    report.details |= {"pictures": len(there), "changed": changed, **_counts(there)}
    if held.unlisted:
        report.details["not_in_manifest"] = counted(
            len(held.unlisted), "picture that was added by hand is not labelled"
        )
    return report


def _checked(root: Path) -> DatasetInfo:
    """Return what a tree says of itself. Raises FacekitError for one without a manifest, or left in the middle."""
    if not root.is_dir():
        raise FacekitError(f"{no_folder(root)}; give a folder that facekit made")
    info = read_info(root)
    if info is None or info.stage is None or not os.path.lexists(root / MANIFEST):
        raise FacekitError(
            f"{root} was not made by facekit, so it has no manifest to write into; give the table to "
            "`facekit train --targets-from` instead"
        )
    check_files(root)
    if not info.complete:
        raise FacekitError(f"{root} is not complete; run the same `facekit {info.stage}` again first")
    return info


def _with(line: Record, targets: Mapping[Key, Mapping[str, str] | None]) -> Record:
    """Return a line of the manifest with its targets; one whose picture was removed by hand stays as it is."""
    return replace(line, targets=targets[key(line)] or None) if key(line) in targets else line


def _write(root: Path, info: DatasetInfo, before: list[Record], after: list[Record]) -> None:
    """Write the lines at once, after the names of the targets, which the stage that made the tree then leaves alone."""
    new = {
        name
        for a, b in zip(before, after, strict=True)
        for name, value in (b.targets or {}).items()
        if (a.targets or {}).get(name) != value
    }
    if new:
        info = replace(info, labelled=tuple(sorted({*info.labelled, *new})))
        files.replace_file(root / INFO, info.to_bytes())
        files.replace_lines(root / MANIFEST, (record.to_json() for record in after))


def _counts(records: list[Record]) -> dict[str, str]:
    """Return target -> its values with how many pictures have each, and how many have none."""
    values: dict[str, Counter[str]] = {}
    for record in records:
        for name, value in (record.targets or {}).items():
            values.setdefault(name, Counter())[value] += 1
    found = {}
    for name, counts in sorted(values.items()):
        none = len(records) - counts.total()
        parts = [f"{count:,} {value}" for value, count in counts.most_common()]
        found[name] = listed(parts) + (f"; {none:,} without" if none else "")
    found.pop(IDENTITY, None)
    return found
