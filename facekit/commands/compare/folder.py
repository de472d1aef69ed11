"""The folder of a comparison: its data set, its one split, and a row for each contender, kept in `compare.json`."""

from __future__ import annotations

import filecmp
import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from facekit import __version__, runs
from facekit.base.contract import FacekitError, Record, StaleError, Track
from facekit.base.files import check_ours, guarded, read_json, replace_lines, write_json
from facekit.commands.compare.contenders import NAME, RUNS
from facekit.dataset import Dataset, changes
from facekit.dataset.records import own_file, read_split, shown
from facekit.identity.split import Split, split_dataset
from facekit.options.base import Setting, recorded
from facekit.options.common import SplitBy
from facekit.options.compare import Compare
from facekit.options.fields import instead
from facekit.options.targets import target_names
from facekit.options.train import Train
from facekit.options.typed import typed
from facekit.report.comparison import Row
from facekit.runs import Run, TrainedOn
from facekit.training import targets

FILE, SPLIT = "compare.json", "split.jsonl"
TABLES = ("compare.md", "compare.csv", "compare.html")

log = logging.getLogger(__name__)

PENDING = "not trained yet"

_MOST = 64 << 20
"""Bytes of a `compare.json`."""


@dataclass(frozen=True, kw_only=True)
class Given:
    """The pictures of `--test`."""

    root: str
    digest: str
    pictures: int


@dataclass(frozen=True, kw_only=True)
class State:
    """The content of `compare.json`."""

    facekit: str = __version__
    options: Mapping[str, Setting]
    """The options that decide the split."""
    dataset: TrainedOn
    protocol: SplitBy
    """How the one split was drawn."""
    test: Given | None = None
    """The pictures of the last `--test`."""
    rows: Mapping[str, Row] = field(default_factory=dict)
    """Name -> row."""

    def __post_init__(self) -> None:
        """Refuse names that lead out of the folder. Raises ValueError."""
        wrong = next((name for name, row in self.rows.items() if name != row.name or not NAME.fullmatch(name)), None)
        if wrong is not None:
            raise ValueError(f"{shown(wrong)} is not the name of a contender")
        for row in self.rows.values():
            _check_links(row)


def _check_links(row: Row) -> None:
    """Refuse a page that is not below the row's own run: the table links to it. Raises ValueError."""
    for link in (score.report for score in row.scores if score.report is not None):
        parts = PurePosixPath(link).parts
        if parts[:2] != (RUNS, row.name) or ".." in parts:
            raise ValueError(f"the report of {row.name} is {shown(link)}, which is not one of its own")


class Comparison:
    """A folder, its split and its state, which is written whenever a row is put."""

    def __init__(self, folder: Path, split: Split, state: State) -> None:
        self.folder, self.split, self.state = folder, split, state

    @property
    def rows(self) -> Mapping[str, Row]:
        """Name -> row, in the order in which they were put."""
        return self.state.rows

    def check_split(self, run: Run) -> None:
        """Refuse a run that was trained on another split than the one of all. Raises FacekitError."""
        own = run.folder / runs.SPLIT
        if not own.is_file() or not filecmp.cmp(own, self.folder / SPLIT, shallow=False):
            raise FacekitError(
                f"{run.folder} was not trained on the split in {self.folder / SPLIT}; "
                f"delete {run.folder} to train it again"
            )

    def take_test(self, given: Dataset) -> None:
        """Score on these pictures too from now on; scores on others given before no longer count."""
        digest = given.digest()
        if self.state.test is not None and self.state.test.digest != digest:
            log.info(
                "%s: the pictures of --test have changed (%d now, %d before); all contenders are scored again",
                *(self.folder, len(given.records), self.state.test.pictures),
            )
        test = Given(root=str(given.root.resolve()), digest=digest, pictures=len(given.records))
        rows = {name: row if row.test == digest else row.without("given") for name, row in self.rows.items()}
        self.state = replace(self.state, test=test, rows=rows)

    def put(self, *rows: Row) -> None:
        """Keep rows, in place of those of the same names."""
        self.state = replace(self.state, rows={**self.rows, **{row.name: row for row in rows}})
        write_json(self.folder / FILE, self.state)

    def ordered(self, first: Iterable[str]) -> list[Row]:
        """Return all rows, those of these names first, then those of earlier calls."""
        return [self.rows[name] for name in dict.fromkeys([*first, *self.rows])]


def begun(options: Compare) -> State | None:
    """Return what earlier calls left in the output folder; None where nothing did, or `--overwrite` is given.

    Raises FacekitError for a folder of something else, and for a comparison with other options.
    """
    folder = options.output
    state = _read(folder)
    if state is None:
        # A call that was killed at once leaves a split.
        check_ours(folder, "compare", is_ours=folder.is_dir() and _visible(folder) <= {SPLIT})
        return None
    if options.overwrite:
        return None
    _check_options(folder, state.options, recorded(options))
    # A folder that somebody deleted is out of the comparison.
    return replace(state, rows={name: row for name, row in state.rows.items() if (folder / RUNS / name).is_dir()})


def open_comparison(options: Compare, state: State | None, dataset: Dataset, first: Train, track: Track) -> Comparison:
    """Return the comparison, with the split that the first call drew, or with a new one.

    What `--overwrite` deletes is deleted once there is a new split. `first` is the training of the first contender.
    Raises FacekitError for pictures that have changed since, or cannot be split, and for targets that cannot be learned
    of them.
    """
    folder, digest = options.output, dataset.digest()
    if state is not None:
        records = read_split(folder / SPLIT)
        _refuse_relabelled(options, dataset, records)
        if not records:
            raise FacekitError(f"{folder / SPLIT} is gone; choose another folder, or use --overwrite")
        if state.dataset.digest != digest:
            changed = changes.of_records(records, dataset.records) or "the groups or parts of its pictures"
            raise StaleError(
                f"{dataset.root} has changed since {folder} was begun ({changed})", typed(options, overwrite=True)
            )
        return Comparison(folder, Split(dataset, records, state.protocol), state)
    split = split_dataset(dataset, options.split, options.split_by, options.seed, track, options.people_from)
    split = targets.labelled(split, target_names(options.targets), options.targets_from)
    if options.targets is not None:
        targets.targets_of(split, first)
    trained_on = TrainedOn(root=str(dataset.root.resolve()), digest=digest)
    if not options.dry_run:
        _clear(folder)
        replace_lines(folder / SPLIT, (record.to_json() for record in split.records))
    return Comparison(folder, split, State(options=recorded(options), dataset=trained_on, protocol=split.protocol))


def _refuse_relabelled(options: Compare, dataset: Dataset, records: Sequence[Record]) -> None:
    """Refuse to go on where pictures have other labels by now than in the one split. Raises StaleError."""
    names = target_names(options.targets)
    if changed := targets.changed(records, dataset, names, options.targets_from):
        raise StaleError(
            f"{dataset.root} has changed since {options.output} was begun ({changed})", typed(options, overwrite=True)
        )


def _read(folder: Path) -> State | None:
    try:
        return read_json(own_file(folder / FILE), State, _MOST, "choose another folder")
    except (FileNotFoundError, NotADirectoryError):
        return None


def _visible(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir() if not entry.name.startswith(".")}


def _check_options(folder: Path, then: Mapping[str, Setting], now: Mapping[str, Setting]) -> None:
    changed = next((name for name in now if name in then and then[name] != now[name]), None)
    if changed:
        raise FacekitError(
            f"{folder} was begun {instead(changed, then[changed], now[changed])}; "
            "choose another folder, or use --overwrite"
        )


def _clear(folder: Path) -> None:
    """Delete what an earlier comparison wrote into its folder, and nothing else."""
    state = _read(folder)
    if state is None:
        return
    runs.refuse_link(folder / RUNS)
    with guarded(folder):
        for name in state.rows:
            runs.refuse_link(folder / RUNS / name)
            runs.clear(folder / RUNS / name)
            with suppress(OSError):  # a folder that still holds something stays
                (folder / RUNS / name).rmdir()
        for file in (*TABLES, SPLIT, FILE):
            (folder / file).unlink(missing_ok=True)
        with suppress(OSError):
            (folder / RUNS).rmdir()
