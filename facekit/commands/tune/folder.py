"""The folder of a search: what it was begun with, its one split, its recipe and its page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from facekit import __version__, runs
from facekit.base.contract import FacekitError, StaleError, Track
from facekit.base.files import check_ours, guarded, locked, read_json, replace_file, replace_lines, write_json
from facekit.dataset import Dataset, changes
from facekit.dataset.lineage import VALIDATION
from facekit.dataset.records import own_file, read_split
from facekit.identity.split import Split, split_dataset
from facekit.options.base import Setting, recorded
from facekit.options.common import SplitBy
from facekit.options.fields import instead
from facekit.options.tune import Tune
from facekit.options.typed import typed
from facekit.runs import TrainedOn
from facekit.training.search.ranges import Space
from facekit.training.search.study import FILE as STUDY
from facekit.training.search.study import TRIALS
from facekit.training.search.trial import search_parts

FILE, SPLIT, RECIPE, PAGE, TABLE, FINAL = "tune.json", "split.jsonl", "best.toml", "report.html", "trials.csv", "final"

_MOST = 1 << 20
"""Bytes of a `tune.json`."""


@dataclass(frozen=True, kw_only=True)
class State:
    """The content of `tune.json`."""

    facekit: str = __version__
    options: Mapping[str, Setting]
    """The options that decide which trials there are."""
    ranges: Mapping[str, str]
    """Option of `train` -> its range, in words."""
    shared: Mapping[str, str] = field(default_factory=dict)
    """Option of `train` -> its value in all trainings."""
    dataset: TrainedOn
    protocol: SplitBy
    """How the one split was drawn."""


@contextmanager
def opening(folder: Path) -> Iterator[None]:
    """Make the folder and hold its lock while a search is opened: processes that begin it at once wait."""
    with guarded(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with locked(folder, wait=True):
        try:
            yield
        finally:
            with suppress(OSError):  # a folder that holds something stays
                folder.rmdir()


def begun(options: Tune, space: Space) -> State | None:
    """Return what earlier calls left in the output folder; None where nothing did, or `--overwrite` is given.

    Raises FacekitError for a folder of something else, and for a search of other options or ranges.
    """
    folder = options.output
    runs.refuse_link(folder / FINAL)
    runs.refuse_link(folder / TRIALS)
    try:
        state = read_json(own_file(folder / FILE), State, _MOST, "choose another folder")
    except (FileNotFoundError, NotADirectoryError):
        check_ours(folder, "tune", is_ours=folder.is_dir() and {entry.name for entry in folder.iterdir()} <= {SPLIT})
        return None
    if options.overwrite:
        return None
    _check(folder, state.options, _decisive(options))
    _check(folder, {**state.shared, **state.ranges}, {**_in_words(space), **_ranges(space)}, typed=False)
    return state


def _check(folder: Path, then: Mapping[str, Setting], now: Mapping[str, Setting], typed: bool = True) -> None:
    """Refuse other options than those of the search; those that are not `typed` are called as their file calls them."""
    changed = next((name for name in {**then, **now} if then.get(name) != now.get(name)), None)
    if changed:
        before, after = then.get(changed), now.get(changed)
        how = instead(changed, before, after) if typed else f"with {changed} = {before!r}, not {after!r}"
        raise FacekitError(f"{folder} was begun {how}; choose another folder, or use --overwrite")


def _decisive(options: Tune) -> dict[str, Setting]:
    """Return the options that decide a search; a file of ranges counts by what it says."""
    return {name: value for name, value in recorded(options).items() if name != "ranges"}


def _in_words(space: Space) -> dict[str, str]:
    # How many workers read the pictures makes no difference to a trial.
    return {name: str(value) for name, value in space.shared.items() if name != "jobs"}


def _ranges(space: Space) -> dict[str, str]:
    return {name: one.said for name, one in space.ranges.items()}


def open_split(options: Tune, space: Space, state: State | None, dataset: Dataset, track: Track) -> Split:
    """Return the split that the first call drew, or a new one. What `--overwrite` deletes is deleted then.

    Raises FacekitError for pictures that have changed since, or cannot be split.
    """
    folder, digest = options.output, dataset.digest()
    if state is not None:
        records = read_split(folder / SPLIT)
        if not records:
            raise FacekitError(f"{folder / SPLIT} is gone; choose another folder, or use --overwrite")
        if state.dataset.digest != digest:
            changed = changes.of_records(records, dataset.records) or "the groups or parts of its pictures"
            raise StaleError(
                f"{dataset.root} has changed since {folder} was begun ({changed})", typed(options, overwrite=True)
            )
        return Split(dataset, records, state.protocol)
    split = split_dataset(dataset, options.split, options.split_by, options.seed, track, options.people_from)
    if options.folds == 1 and not split.counts[VALIDATION]:
        raise FacekitError(f"{options.input} has no validation part to tune on; give --folds 5, or a --split with one")
    search_parts(split, options.folds, options.seed)  # refused before anything is written
    if not options.dry_run:
        clear(folder)
        replace_lines(folder / SPLIT, (record.to_json() for record in split.records))
        write_json(
            folder / FILE,
            State(
                options=_decisive(options),
                ranges=_ranges(space),
                shared=_in_words(space),
                dataset=TrainedOn(root=str(dataset.root.resolve()), digest=digest),
                protocol=split.protocol,
            ),
        )
    return split


def write_recipe(options: Tune, settings: Mapping[str, Setting]) -> Path:
    """Write the recipe that trains with a setting, and return where it is."""
    own = {"input": str(options.input.resolve()), "output": "tuned", **settings}
    lines = [f"{name} = {_toml(value)}" for name, value in own.items()]
    title = "# The best setting that `facekit tune` found. `facekit run` trains with it again, into `tuned`."
    text = "\n".join([title, "", "[[stage]]", 'command = "train"', *lines, ""])
    replace_file(options.output / RECIPE, text.encode())
    return options.output / RECIPE


def _toml(value: Setting) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return '"' + "".join(one if one.isprintable() else f"\\U{ord(one):08x}" for one in escaped) + '"'
    return repr(value)


def clear(folder: Path) -> None:
    """Delete what an earlier search wrote into its folder, and nothing else."""
    if not (folder / FILE).is_file():
        return
    with guarded(folder):
        for run in (folder / FINAL, *(folder / TRIALS).glob("[0-9]*/fold-*")):
            runs.refuse_link(run)
            runs.clear(run)
            with suppress(OSError):  # a folder that still holds something stays
                run.rmdir()
        for home in (*(folder / TRIALS).glob("[0-9]*"), folder / TRIALS):
            with suppress(OSError):
                home.rmdir()
        for name in (STUDY, f"{STUDY}-journal", SPLIT, RECIPE, PAGE, TABLE, FILE):
            (folder / name).unlink(missing_ok=True)
