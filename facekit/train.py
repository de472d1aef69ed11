"""Train: a network on a folder-per-person tree, until it is as good as asked or the epochs are over."""

from __future__ import annotations

import csv
import io
import logging
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from facekit import plugins, protocol, runs
from facekit.backend import keras
from facekit.checkpoint import Checkpoint, Row
from facekit.contract import FacekitError, Record, Report, Track, quiet
from facekit.dataset import Dataset, check_places
from facekit.dataset.lines import replace_file
from facekit.fitting import Ledger, Steps, Watch
from facekit.models import PREPROCESSING, parameters
from facekit.options import SplitBy, Train
from facekit.pack import Feed, Pack, pack
from facekit.report.plots import history_plot
from facekit.runs import Run

STAGE = "train"
TRAIN, VALIDATION = "train", "validation"

log = logging.getLogger(__name__)


def train(options: Train, track: Track = quiet) -> Report:
    """Train a network into a run folder, which keeps the weights of the best epoch.

    Killed at any moment, it goes on with `resume=True` from its last whole epoch. Raises FacekitError for
    data that cannot be trained on, a folder that may not be touched, and a training that diverges.
    """
    began = time.monotonic()
    check_places(options.output, options.input)
    if options.tensorboard:
        plugins.need("tensorboard", "--tensorboard")
    with nullcontext() if options.dry_run else runs.claimed(options.output):
        run = runs.found(options)
        if run is not None and run.complete:
            log.info("%s is trained already", options.output)
            return _report(run, began)
        dataset = Dataset.open(options.input, track)
        records, split_by = _records(run, dataset, options, track)
        _check_parts(records, options)
        network = plugins.load("network", options.network)
        if options.dry_run:
            return _plan(records, options, began)
        keras.utils.set_random_seed(options.seed)
        model = network(options.size, len({record.label for record in records}))
        run = run or runs.begin(options, dataset, records, split_by)
        return _report(_fit(run, model, dataset, records, options, track), began)


def _records(run: Run | None, dataset: Dataset, options: Train, track: Track) -> tuple[list[Record], SplitBy]:
    """Return the pictures with their parts: as the run to be resumed had them, else as they are settled now."""
    if run is None:
        return protocol.settle(dataset, options.split, options.split_by, options.seed, track)
    if dataset.digest() != run.info["dataset"]["digest"]:
        raise FacekitError(
            f"{dataset.root} has changed since {run.folder} was begun; choose another folder, or --overwrite it"
        )
    return run.split, run.protocol


def _check_parts(records: Sequence[Record], options: Train) -> None:
    parts = Counter(record.split for record in records)
    if not parts[VALIDATION] and options.monitor.startswith("val_"):
        raise FacekitError(
            f"{options.input} has no validation part to monitor; "
            "give --monitor accuracy, or a --split whose last share is above 0"
        )
    trained = {record.label for record in records if record.split == TRAIN}
    missing = sorted({record.label for record in records} - trained)
    if missing:
        raise FacekitError(
            f"{options.input}: {missing[0]} has no picture in the training part ({len(missing)} such names); "
            "draw the split again with `balance`, or take the folder out"
        )


def _fit(run: Run, model: Any, dataset: Dataset, records: Sequence[Record], options: Train, track: Track) -> Run:
    checkpoint = Checkpoint.open(run.folder / runs.CHECKPOINT)
    optimizer = keras.optimizers.Adam(options.learning_rate)
    model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    checkpoint.restore(model)
    if not _finished(checkpoint.rows, options):
        if checkpoint.epochs:
            log.info("%s goes on after epoch %d", run.folder, checkpoint.epochs)
        with _packed(run, dataset, records, options, track) as packed:
            used = Counter(record.split for record in packed.records)
            run = run.save(left=dict(packed.left), used={part: used[part] for part in (TRAIN, VALIDATION)})
            _epochs(run, model, packed, checkpoint, options, track)
    return _complete(run, model, checkpoint, options)


@contextmanager
def _packed(run: Run, dataset: Dataset, records: Sequence[Record], options: Train, track: Track) -> Iterator[Pack]:
    """Lay the pictures of training and validation in one memory map, for as long as it is needed."""
    wanted = [record for part in (TRAIN, VALIDATION) for record in records if record.split == part]
    file = run.folder / runs.PACK
    try:
        packed = pack(dataset.root, wanted, options.size, file, options.jobs, track)
        _check_parts_again(packed, run.labels, options)
        yield packed
    finally:
        file.unlink(missing_ok=True)


def _check_parts_again(packed: Pack, labels: Sequence[str], options: Train) -> None:
    """Refuse pictures whose unreadable ones leave a part or a name without any."""
    if packed.left:
        log.warning("%d pictures cannot be read and are left out", packed.left.total())
    trained = {record.label for record in packed.records if record.split == TRAIN}
    empty = sorted(set(labels) - trained)
    if empty:
        raise FacekitError(f"{options.input}: no training picture of {empty[0]} can be read; give ones that can")
    _check_parts(packed.records, options)


def _epochs(run: Run, model: Any, packed: Pack, checkpoint: Checkpoint, options: Train, track: Track) -> None:
    feed = _feed(packed, TRAIN, run.labels, options, options.seed)
    held = _feed(packed, VALIDATION, run.labels, options, None)
    steps = Steps(feed, track, options.epochs - checkpoint.epochs)
    ledger = Ledger(checkpoint, options, feed.pictures, lambda rows: _write_history(run.folder, rows))
    callbacks = [steps, Watch(len(run.labels), options.learning_rate), ledger]
    if options.tensorboard:
        callbacks.append(keras.callbacks.TensorBoard(str(run.folder / runs.LOGS), write_graph=False))
    with steps.shown():
        model.fit(
            feed,
            initial_epoch=checkpoint.epochs,
            epochs=options.epochs,
            validation_data=held if held.pictures else None,
            callbacks=callbacks,
            shuffle=False,  # the feed draws its own order
            verbose=0,
        )


def _feed(packed: Pack, part: str, labels: Sequence[str], options: Train, seed: int | None) -> Feed:
    number = {label: place for place, label in enumerate(labels)}
    places = [place for place, record in enumerate(packed.records) if record.split == part]
    return Feed(packed, places, [number[packed.records[p].label] for p in places], options.batch, seed)


def _complete(run: Run, model: Any, checkpoint: Checkpoint, options: Train) -> Run:
    """Keep the best epoch's weights; only then is the run complete, and its checkpoint no longer needed."""
    checkpoint.export(run.folder / runs.WEIGHTS)
    _write_history(run.folder, checkpoint.rows)
    replace_file(run.folder / runs.PLOT, history_plot(checkpoint.rows, checkpoint.best))
    run = run.save(
        complete=True,
        preprocessing=PREPROCESSING,
        parameters=parameters(model),
        epochs=checkpoint.epochs,
        scores=checkpoint.rows[checkpoint.best - 1],
        stopped=_why_stopped(checkpoint.rows, options),
        training_seconds=round(sum(row["seconds"] for row in checkpoint.rows), 1),
        pictures_per_second=_rate(checkpoint.rows),
    )
    checkpoint.delete()
    return run


def _finished(rows: Sequence[Row], options: Train) -> bool:
    return bool(rows) and (len(rows) >= options.epochs or rows[-1][options.monitor] >= options.stop_at)


def _why_stopped(rows: Sequence[Row], options: Train) -> str:
    if rows[-1][options.monitor] >= options.stop_at:
        return f"reached {options.stop_at:g}"
    return "all epochs"


def _rate(rows: Sequence[Row]) -> float:
    """Return the usual pictures/s; the first epoch, in which the network is compiled, counts only if alone."""
    return round(statistics.median(row["pictures_per_second"] for row in rows[1:] or rows), 1)


def _write_history(folder: Path, rows: Sequence[Row]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    replace_file(folder / runs.HISTORY, text.getvalue().encode())


def _plan(records: Sequence[Record], options: Train, began: float) -> Report:
    parts = Counter(record.split for record in records)
    details = {
        "labels": len({record.label for record in records}),
        "train_pictures": parts[TRAIN],
        "val_photos": parts[VALIDATION],
        "test_photos": parts["test"],
    }
    seconds = round(time.monotonic() - began, 2)
    return Report(STAGE, str(options.output), 0, len(records), Counter(), seconds, details)


def _report(run: Run, began: float) -> Report:
    info = run.info
    scores = {name: round(info["scores"][name], 4) for name in ("accuracy", "val_accuracy") if name in info["scores"]}
    details = {
        "network": info["network"],
        "labels": len(run.labels),
        "epochs": info["epochs"],
        "best_epoch": int(info["scores"]["epoch"]),
        **scores,
        "val_photos": info["used"][VALIDATION],
        "train_pictures": info["used"][TRAIN],
        "protocol": run.protocol,
        "parameters": info["parameters"],
        "training_seconds": info["training_seconds"],
        "pictures_per_second": info["pictures_per_second"],
        "stopped": info["stopped"],
        "history": str(run.folder / runs.PLOT),
    }
    kept = sum(info["used"].values())
    left = Counter(info["left"])
    return Report(STAGE, str(run.folder), info["epochs"], kept, left, round(time.monotonic() - began, 2), details)
