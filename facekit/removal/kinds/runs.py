"""A trained model: its split, its names, what it learned, and the reports inside its folder."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from facekit import runs
from facekit.base import files
from facekit.base.contract import PARTS, FacekitError, Record
from facekit.dataset.lineage import TRAIN
from facekit.dataset.made_from import FILE as MADE_FROM
from facekit.dataset.records import read_split
from facekit.dataset.targets import value
from facekit.removal.kinds.base import Doing, Gone, Kind, Part
from facekit.removal.kinds.trees import clean
from facekit.removal.targets import Targets
from facekit.runs import CHECKPOINT, EVALUATION, GALLERY, HEAD, INSPECTED, MODEL, PACK, SPLIT, WEIGHTS, Counts, Run
from facekit.runs.info import Forgotten
from facekit.runs.narrowing import narrow
from facekit.runs.renewal import command
from facekit.runs.run import read
from facekit.training.refit import refit

REFITTED = "fitted again without what was removed"
REFUSES = "refuses to answer until it is trained again"
KEPT = "kept, although it has learned from what was removed; its card says so"
DELETED = "deleted"

log = logging.getLogger(__name__)


class Runs(Kind):
    """The folders of trained models."""

    name = "model"
    written_by: ClassVar = (
        *("facekit.runs.folder", "facekit.runs.run", "facekit.runs.head", "facekit.runs.known_faces"),
        *("facekit.runs.arrays", "facekit.runs.narrowing", "facekit.runs.history", "facekit.training.checkpoint"),
        *("facekit.training.pack", "facekit.training.network", "facekit.training.refit", "facekit.training.linear"),
        *("facekit.training.callbacks", "facekit.training.ending", "facekit.runs.projection"),
    )
    order = 5

    def places(self, folder: Path, entries: Collection[str]) -> Iterator[Path]:
        """A folder with a `model.json`."""
        if MODEL in entries:
            yield folder

    def names(self, place: Path) -> Iterator[str]:
        """Yield names and labels."""
        run = _run(place)
        yield from () if run is None else (*run.labels, *run.info.names.values())

    def spread(self, place: Path, targets: Targets) -> None:
        """Add the pictures that the split knows by its origins: their folder may be gone."""
        for record in _split(place):
            targets.add(record)

    def stays(self, place: Path, targets: Targets) -> Iterator[str]:
        """Yield the pictures of the split that stay: a head is fitted again on their embeddings."""
        yield from (record.sha256 for record in _split(place) if not targets.of(record))

    def plan(self, place: Path, doing: Doing) -> Part | None:
        """Return the pictures that the model was trained or scored on and that go, and what will become of it."""
        run, targets = _run(place), doing.targets
        if run is None:
            return None
        records = _split(place)
        gone = [record for record in records if targets.of(record)]
        named = [label for label in run.labels if targets.has_name(label, run.name(label))]
        before = _learned_before(run, doing)
        hashes = sum(one in targets.files for one in run.info.in_no_part)
        if not (gone or named or before or hashes):
            return None
        if gone or named or before:
            doing.learned.add(os.path.realpath(place))
            doing.trained_on.add(run.info.dataset.digest)
        counts = {"pictures of its split": len(gone), "names": len(named), "hashes": hashes}
        return Part(
            self.name,
            str(place),
            {what: count for what, count in counts.items() if count} or {"networks before it": 1},
            [Gone(record.path, record.sha256, record.origin) for record in gone],
            _becomes(run, [record for record in records if not targets.of(record)], doing),
        )

    def remove(self, place: Path, doing: Doing) -> None:
        """Fit a head again; mark a network; delete what has too little left, and the reports of what it was."""
        run, targets = _run(place), doing.targets
        if run is None:  # a kill came while it was deleted, which begins with `model.json`
            _delete(place)
            return
        stay = [clean(record, targets) for record in _split(place) if not targets.of(record)]
        _delete_reports(place)
        what = self._changed(run, stay, doing)
        if what:
            doing.models[str(place)] = what
            if what == REFUSES:
                doing.told[f"{place} {REFUSES}: {command(run)}"] += 1
            log.info("%s: %s", place, what)

    def locked(self, place: Path) -> AbstractContextManager[None]:
        """Hold the folder as training does."""
        return files.locked(place)

    def _changed(self, run: Run, stay: list[Record], doing: Doing) -> str:
        if _too_little(run, stay):
            _delete(run.folder)
            return DELETED
        _drop_work(run.folder)
        if _is_head(run):
            with suppress(FacekitError):
                return self._refitted(run, stay, doing)
        return self._marked(run, stay, doing)

    @staticmethod
    def _refitted(run: Run, stay: list[Record], doing: Doing) -> str:
        """Fit a head again. Raises FacekitError, which is said, where that cannot be done."""
        try:
            again = refit(run, stay, doing.track, doing.jobs)
        except FacekitError as error:
            doing.told[f"{run.folder} cannot be fitted again: {error}"] += 1
            raise
        again.save(_info(again, stay, again.labels, doing))
        return REFITTED

    @staticmethod
    def _marked(run: Run, stay: list[Record], doing: Doing) -> str:
        """Note that a network has learned from what goes, and take names out of it of which nothing is left."""
        left = {value(record, run.targets[0].name) for record in stay}
        labels = [label for label in run.labels if label in left]
        learned, known = _learned(run, stay), run.info.forgotten
        if known is None:  # else it was counted before a kill
            learned += _learned_before(run, doing)
        gone = Forgotten(
            pictures=learned + (known.pictures if known else 0),
            names=len(run.labels) - len(labels) + (known.names if known else 0),
            at=doing.at,
            kept=doing.keep_models,
        )
        if not _narrowed(run, labels):
            gone = replace(gone, kept=False)
            doing.told[f"the weights of {run.folder} cannot be kept without its names, and were deleted"] += 1
        for file in (GALLERY, HEAD):  # a head that could not be fitted again has learned from what goes
            (run.folder / file).unlink(missing_ok=True)
        files.replace_lines(run.folder / SPLIT, (record.to_json() for record in stay))
        kept = gone.kept and not _is_head(run)
        info = replace(_info(run, stay, labels, doing), open_set=None)
        if gone.pictures or gone.names:
            info = replace(info, forgotten=replace(gone, kept=kept))
        run.save(info)
        return "" if info.forgotten is None else KEPT if kept else REFUSES


def _info(run: Run, stay: list[Record], labels: Collection[str], doing: Doing) -> runs.ModelInfo:
    """Return what `model.json` says without what goes."""
    parts = Counter(record.split for record in stay)
    info = run.info
    digest = doing.digests.get(info.dataset.digest, info.dataset.digest)
    return replace(
        info.with_labels(labels),
        names={label: run.name(label) for label in labels},
        split=Counts(**{part: parts[part] for part in PARTS}),
        in_no_part=tuple(one for one in info.in_no_part if one not in doing.targets.files),
        dataset=replace(info.dataset, digest=digest),
    )


def _narrowed(run: Run, labels: list[str]) -> bool:
    """Take the outputs of names that go out of a network; where that is not possible its weights are deleted."""
    file = run.folder / WEIGHTS
    # An embedder has no output for a name.
    if run.backbone is not None or run.embeds or len(labels) == len(run.labels) or not file.exists():
        return True
    with suppress(OSError, ValueError):
        # Which head of several is that of the names does not follow from the file.
        if not run.more and narrow(file, [run.labels.index(label) for label in labels], len(run.labels)):
            return True
    file.unlink()
    return False


def _becomes(run: Run, stay: list[Record], doing: Doing) -> str:
    if _too_little(run, stay):
        return DELETED
    return REFITTED if _is_head(run) else KEPT if doing.keep_models else REFUSES


def _is_head(run: Run) -> bool:
    """Whether a run is a linear head, which is fitted in seconds; a projection learns like a network."""
    return run.backbone is not None and not run.embeds


def _too_little(run: Run, stay: list[Record]) -> bool:
    """Whether nothing is left to be used: a training that was interrupted, or a model of fewer than two names."""
    return not run.complete or len({value(record, run.targets[0].name) for record in stay} & set(run.labels)) < 2


def _learned(run: Run, stay: list[Record]) -> int:
    """Return how many pictures that go the run was trained on."""
    return max(0, run.info.split.train - sum(record.split == TRAIN for record in stay))


def _learned_before(run: Run, doing: Doing) -> bool:
    """Whether a network that learned from what goes is what this run began with, or stands on."""
    before = (run.backbone or "", str(run.info.options.get("weights", "")))
    return any(os.path.isabs(one) and os.path.realpath(one) in doing.learned for one in before)  # noqa: PTH117


def _delete(folder: Path) -> None:
    """Delete what facekit wrote into the folder of a run, and the folder, if that empties it."""
    runs.clear(folder)
    with suppress(OSError):  # something else is in it, or it is gone
        folder.rmdir()


def _drop_work(folder: Path) -> None:
    """Delete what is kept of a training under way: packed pictures, and weights of single epochs."""
    (folder / PACK).unlink(missing_ok=True)
    checkpoint = folder / CHECKPOINT
    if checkpoint.is_dir() and not checkpoint.is_symlink():
        for file in (checkpoint / "state.json", *checkpoint.glob("*.weights.h5")):
            file.unlink(missing_ok=True)
        with suppress(OSError):
            checkpoint.rmdir()


def _delete_reports(folder: Path) -> None:
    """Delete the reports on a model in its own folder: they are of another model than it will be."""
    for report in (*folder.glob(f"{EVALUATION}*"), folder / INSPECTED):
        if report.is_dir() and not report.is_symlink():
            for file in report.iterdir():
                ours = file.name in ("scores.json", "report.html", MADE_FROM, "inspection.json")
                if (ours or file.suffix == ".png") and file.is_file() and not file.is_symlink():
                    file.unlink()
            with suppress(OSError):  # folds are runs of their own
                report.rmdir()


def _run(place: Path) -> Run | None:
    return read(place)


def _split(place: Path) -> list[Record]:
    file = place / SPLIT
    return read_split(file) if file.exists() else []
