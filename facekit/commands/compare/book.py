"""What a folder of a comparison knows: its pictures, its one split, a row for each contender."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

from facekit import __version__, runs
from facekit.base.contract import FacekitError, Record, Track
from facekit.base.files import guarded, read_lines, replace_file, replace_lines
from facekit.commands.compare.contenders import RUNS
from facekit.dataset import Dataset
from facekit.identity.split import split_dataset
from facekit.options.base import settled
from facekit.options.common import SplitBy
from facekit.options.compare import Compare
from facekit.report.comparison import Row

BOOK, SPLIT = "compare.json", "split.jsonl"
TABLES = ("compare.md", "compare.csv", "compare.html")

PENDING = "not trained yet"


@dataclass
class Book:
    """The folder, and its `compare.json` as read."""

    folder: Path
    info: dict[str, Any]
    rows: dict[str, Row] = field(default_factory=dict)
    stale: list[str] = field(default_factory=list)
    """Contenders of an earlier comparison, to be deleted with it."""

    @classmethod
    def open(cls, options: Compare) -> Book:
        """Read what earlier calls left, or begin; with `--overwrite` that is deleted once the new split stands.

        Raises FacekitError for a folder of something else, and for a comparison with another split.
        """
        folder = options.output
        info = _read(folder)
        if info is None:
            _refuse_foreign(folder)
            return cls(folder, {})
        if options.overwrite:
            return cls(folder, {}, stale=list(info["rows"]))
        _check_options(folder, info["options"], settled(options))
        # A folder that somebody deleted is out of the comparison.
        there = (Row.from_dict(row) for row in info["rows"].values() if (folder / RUNS / row["name"]).is_dir())
        return cls(folder, info, {row.name: row for row in there})

    @property
    def split_by(self) -> SplitBy:
        """How the one split was drawn."""
        return cast(SplitBy, self.info["protocol"])

    @property
    def test(self) -> dict[str, Any] | None:
        """The pictures of the last `--test`: where they are, their digest and number."""
        found: dict[str, Any] | None = self.info.get("test")
        return found

    def settle(self, dataset: Dataset, options: Compare, track: Track) -> list[Record]:
        """Return the pictures with their parts: as they were settled for the first contender, or now.

        Raises FacekitError for pictures that have changed since, or cannot be split.
        """
        digest = dataset.digest()
        if self.info:
            if self.info["dataset"]["digest"] != digest:
                raise FacekitError(
                    f"{dataset.root} has changed since {self.folder} was begun; "
                    "choose another folder, or --overwrite it"
                )
            return read_lines(self.folder / SPLIT, Record)
        how = options.split, options.split_by, options.seed
        records, split_by = split_dataset(dataset, *how, track, options.people_from)
        self.info = {
            "facekit": __version__,
            "options": settled(options),
            "dataset": {"root": str(dataset.root.resolve()), "digest": digest},
            "protocol": split_by,
        }
        if not options.dry_run:
            if self.stale:
                _clear(self.folder, self.stale)
            replace_lines(self.folder / SPLIT, (record.to_json() for record in records))
        return records

    def check_split(self, run: runs.Run) -> None:
        """Refuse a run that was trained on another split than the one of all. Raises FacekitError."""
        if (run.folder / runs.SPLIT).read_bytes() != (self.folder / SPLIT).read_bytes():
            raise FacekitError(
                f"{run.folder} was trained on another split than {self.folder / SPLIT}; "
                "delete that folder, and it is trained again"
            )

    def take_test(self, given: Dataset) -> None:
        """Score on these pictures too from now on; scores on others given before no longer count."""
        digest = given.digest()
        self.info["test"] = {
            "root": str(given.root.resolve()),
            "digest": digest,
            "pictures": len(given.records),
        }
        self.rows = {name: row if row.test == digest else row.without("given") for name, row in self.rows.items()}

    def put(self, *rows: Row) -> None:
        """Keep rows, in place of those of the same names."""
        self.rows |= {row.name: row for row in rows}
        info = {**self.info, "rows": {name: asdict(row) for name, row in self.rows.items()}}
        replace_file(self.folder / BOOK, (json.dumps(info, indent=2, ensure_ascii=False) + "\n").encode())

    def ordered(self, first: Iterable[str]) -> list[Row]:
        """Return all rows, those of these names first, then those of earlier calls."""
        return [self.rows[name] for name in dict.fromkeys([*first, *self.rows])]


def _read(folder: Path) -> dict[str, Any] | None:
    try:
        info = json.loads((folder / BOOK).read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError:
        info = None
    if not isinstance(info, dict) or not {"options", "dataset", "protocol", "rows"} <= info.keys():
        raise FacekitError(f"{folder / BOOK} is not what facekit writes; choose another folder")
    return info


def _refuse_foreign(folder: Path) -> None:
    held = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
    if {name for name in held if not name.startswith(".")} - {SPLIT}:  # of a call that was killed at once
        raise FacekitError(f"{folder} is not empty and no compare made it; choose another folder")


def _check_options(folder: Path, then: dict[str, Any], now: dict[str, Any]) -> None:
    changed = next((name for name in now if name in then and then[name] != now[name]), None)
    if changed:
        raise FacekitError(
            f"{folder} was begun with {changed} = {then[changed]!r}, not {now[changed]!r}; "
            "choose another folder, or --overwrite it"
        )


def _clear(folder: Path, names: Iterable[str]) -> None:
    """Delete what `compare` writes into its folder, and nothing else."""
    with guarded(folder):
        for name in names:
            runs.clear(folder / RUNS / name)
            with suppress(OSError):  # one that still holds something stays
                (folder / RUNS / name).rmdir()
        for file in (*TABLES, SPLIT, BOOK):
            (folder / file).unlink(missing_ok=True)
        with suppress(OSError):
            (folder / RUNS).rmdir()
