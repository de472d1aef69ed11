"""The output folder of a training: create, continue, lock and clear it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from facekit.base.contract import PARTS, FacekitError, Record
from facekit.base.files import check_ours, guarded, locked, replace_lines
from facekit.dataset import Dataset
from facekit.dataset.changes import of_records
from facekit.dataset.lineage import TRAIN
from facekit.dataset.made_from import FILE as MADE_FROM
from facekit.options.base import describe, recorded
from facekit.options.common import SplitBy
from facekit.options.fields import instead
from facekit.options.targets import IDENTITY
from facekit.options.train import Train
from facekit.runs import provenance
from facekit.runs.info import Backbone, Counts, Embeds, ModelInfo, TrainedOn
from facekit.runs.run import (
    CHECKPOINT,
    EVALUATION,
    FOLD,
    GALLERY,
    HEAD,
    HISTORY,
    INSPECTED,
    LOGS,
    MODEL,
    PACK,
    PLOT,
    PROJECTION,
    SPLIT,
    WEIGHTS,
    Run,
    read,
    refuse_link,
)
from facekit.runs.target import Target

_OURS = (
    *(MODEL, WEIGHTS, HEAD, PROJECTION, GALLERY, SPLIT, HISTORY, PLOT, PACK, ".*.part", f".part-{WEIGHTS}"),
    *(f"{CHECKPOINT}/state.json", f"{CHECKPOINT}/*.weights.h5", f"{LOGS}/*/events.out.tfevents.*"),
    *(f"{EVALUATION}*/{name}" for name in ("scores.json", "report.html", MADE_FROM)),
    *(f"{INSPECTED}/{name}" for name in ("[0-9][0-9]-*.png", "inspection.json", "report.html", MADE_FROM)),
)


def begun(options: Train) -> Run | None:
    """Return the run in the output folder, complete or interrupted; None where a fresh one is to begin.

    Raises FacekitError for a folder of something else, and for a run that was begun with other options.
    """
    folder = options.output
    run = read(folder)
    if run is None:
        check_ours(folder, "train", is_ours=False)
    for inner in (CHECKPOINT, LOGS, f"{LOGS}/train", f"{LOGS}/validation"):
        refuse_link(folder / inner)
    if run is None or options.overwrite:
        return None
    _check_options(run, options)
    return run


def begin(
    options: Train,
    dataset: Dataset,
    records: Sequence[Record],
    protocol: SplitBy,
    network: str,
    backbone: Backbone | None = None,
    left: Mapping[str, int] | None = None,
    targets: Sequence[Target] = (),
    embeds: Embeds | None = None,
) -> Run:
    """Write what a fresh run knows before its first step: an incomplete `model.json`, and the split.

    `left` says how many pictures of the data set are not in the split, by reason; `targets` is what the model will
    answer, where that is not identity alone. The labels of an embedder are the people it learns from: those in the
    other parts are others.
    """
    clear(options.output)
    parts = Counter(record.split for record in records)
    learned = [record for record in records if embeds is None or record.split == TRAIN]
    info = ModelInfo(
        network=network,
        backbone=backbone,
        embeds=embeds,
        color=options.color,
        size=options.size,
        labels=targets[0].labels if targets else tuple(sorted({record.label for record in learned})),
        targets=tuple(targets),
        names={record.label: record.name for record in learned} if IDENTITY in options.learns else {},
        crop=dataset.info.crop,
        kind=options.kind(protocol) if embeds is None else "people",
        drawn=dataset.info.drawn,
        knew=provenance.of_training(options),
        cleaned_with=dataset.info.recognised_by,
        dataset=TrainedOn(root=str(dataset.root.resolve()), digest=dataset.digest()),
        protocol=protocol,
        split_given=dataset.info.split_given,
        matchers=dataset.info.matchers,
        left=left or {},
        split=Counts(**{part: parts[part] for part in PARTS}),
        options=recorded(options),
        in_no_part=_in_no_part(dataset, records),
    )
    replace_lines(options.output / SPLIT, (record.to_json() for record in records))
    return Run(options.output, info).save(info)


def changes(run: Run, dataset: Dataset) -> str | None:
    """Return in words how a data set differs from what a run was trained on; None where it does not."""
    if dataset.digest() == run.info.dataset.digest:
        return None
    return str(of_records(run.split, _of_parts(run, dataset)) or "the groups or parts of its pictures")


def _in_no_part(dataset: Dataset, records: Sequence[Record]) -> tuple[str, ...]:
    parted = {record.path for record in records}
    return tuple(record.sha256 for record in dataset.records if record.path not in parted)


def _of_parts(run: Run, dataset: Dataset) -> Iterator[Record]:
    """Yield the pictures but those that were in no part, of which each copy of a picture in a part is one."""
    left_out = Counter(run.info.in_no_part)
    parted = {record.path for record in run.split}
    for record in dataset.records:
        if record.path not in parted and left_out[record.sha256]:
            left_out[record.sha256] -= 1
        else:
            yield record


def clear(folder: Path) -> None:
    """Delete what facekit writes into a run folder, and nothing else; a folder that is a link is not entered."""
    for pattern in _OURS:
        for file in _own(folder, pattern):
            if file.is_symlink() or not file.is_dir():  # facekit makes no folder of these names
                file.unlink()
    for fold in _own(folder, f"{EVALUATION}*/{FOLD}-*"):
        if not fold.is_symlink():
            clear(fold)
    logs = (f"{LOGS}/train", f"{LOGS}/validation", LOGS)
    for inner in (CHECKPOINT, *logs, f"{EVALUATION}*/{FOLD}-*", f"{EVALUATION}*", INSPECTED):
        for emptied in _own(folder, inner):
            with suppress(OSError):  # one that still holds something stays
                emptied.rmdir()


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Make a folder and hold its lock; delete it again if nothing was written to it.

    Raises FacekitError where another process writes into it.
    """
    with guarded(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        try:
            yield
        finally:
            with suppress(OSError):  # a folder that holds something stays
                folder.rmdir()


def _own(folder: Path, pattern: str) -> list[Path]:
    """Return the paths of a pattern to which no link in the folder leads."""
    return [
        path
        for path in folder.glob(pattern)
        if not any(parent.is_symlink() for parent in path.parents if folder in parent.parents)
    ]


def _check_options(run: Run, options: Train) -> None:
    """Refuse to go on with other options, and with a run that is not of its own options.

    A run from before an option existed had its default.
    """
    then, now = run.info.options, recorded(options)
    for option in describe(type(options)):
        before = then.get(option.name, option.default)
        if option.name in now and before != now[option.name]:
            raise FacekitError(
                f"{run.folder} was {'trained' if run.complete else 'begun'} "
                f"{instead(option.name, before, now[option.name])}; choose another folder, or use --overwrite"
            )
    info = run.info
    is_network = (info.network, info.size, info.color) == (options.network, options.size, options.color)
    if (info.backbone is None) != (options.backbone is None) or not (info.backbone or is_network):
        raise FacekitError(f"{run.folder / MODEL} does not match its options; use --overwrite")
