"""What a trained run is worth: its scores on the pictures held out, and its speed."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from facekit import runs
from facekit.base import images, plugins
from facekit.base.contract import BadImage, Face, Image, Record, Track
from facekit.base.parallel import ordered_map
from facekit.commands.compare.contenders import SET
from facekit.dataset import Dataset
from facekit.identity import classifier
from facekit.identity.classifier import Classifier
from facekit.identity.embedders import face_in
from facekit.options.base import describe
from facekit.options.evaluate import Evaluate
from facekit.options.train import Train
from facekit.report.comparison import Interval, Row, Score, Test
from facekit.runs import Run

SCORES = "scores.json"

_ROUNDS = 3


def described(name: str, options: Train, **more: Any) -> Row:
    """Return a contender's row before there is anything to say of how good it is."""
    defaults = {option.name: option.default for option in describe(Train) if option.name not in SET}
    settings = {key: getattr(options, key) for key in defaults if getattr(options, key) != defaults[key]}
    if options.backbone:
        return Row(name, f"{options.backbone}, frozen", settings, **more)
    parts = [options.network, f"{options.size} px", "gray" if options.color == "gray" else ""]
    weights = "" if options.weights == "none" else f"from {options.weights}"
    return Row(name, ", ".join(filter(None, [*parts, weights])), settings, **more)


def trained(name: str, options: Train, run: Run, **more: Any) -> Row:
    """Return a row with what the run itself says of its training."""
    info = run.info
    return described(
        name,
        options,
        train=info["scores"].get("accuracy"),
        validation=info["scores"].get("val_accuracy"),
        parameters=info["parameters"],
        epochs=info["epochs"],
        best_epoch=int(info["scores"]["epoch"]),
        seconds_per_epoch=_seconds(run),
        training_seconds=info["training_seconds"],
        **more,
    )


def scored(options: Evaluate, test: Test, home: Path, track: Track) -> tuple[list[Score], list[str]]:
    """Evaluate a run, and return its scores on these pictures with what must be said of them.

    Photos as found, and their copies and children, are scored apart where there are both: a score over all
    of them hides what a leak does.
    """
    folder = Path(plugins.resolve("facekit.commands.evaluate:evaluate", "compare")(options, track).folder)
    found = json.loads((folder / SCORES).read_text())
    page = os.path.relpath(folder / "report.html", home)
    parts = found["apart"] or {None: found}
    return [_score(test, kind, some, page) for kind, some in parts.items()], found["banners"]


def speed(run: Run, dataset: Dataset, records: Sequence[Record], batch: int, jobs: int) -> float | None:
    """Return pictures a second from file to answer, the way `predict` goes: warm, the median of three rounds.

    A round is one full batch. Where a face is in a picture that was cropped is known; no detector looks for it.
    None where no picture can be read.
    """
    model = classifier.load(run)
    some = list(records[:batch])
    looks = ordered_map(partial(_seen, model, dataset), some, jobs)
    usable = [record for record, seen in zip(some, looks, strict=True) if seen is not None]
    if not usable:
        return None
    some = list(islice(cycle(usable), batch))
    times = []
    for _ in range(1 + _ROUNDS):
        began = time.perf_counter()
        for _ in model.probabilities(_all_seen(model, dataset, some, jobs), batch):
            pass
        times.append(time.perf_counter() - began)
    return len(some) / statistics.median(times[1:])


def identity(run: Run) -> str:
    """Return what changes when a run is trained again."""
    return hashlib.sha256((run.folder / runs.MODEL).read_bytes()).hexdigest()


def _score(test: Test, kind: str | None, found: Mapping[str, Any], page: str) -> Score:
    intervals = found.get("intervals", {})
    return Score(
        test,
        kind,
        found["pictures"],
        found["accuracy"],
        _interval(intervals, "accuracy"),
        found["macro"]["f1"] if "macro" in found else None,
        _interval(intervals, "macro_f1"),
        page,
    )


def _interval(found: Mapping[str, Any], name: str) -> Interval | None:
    pair = found.get(name)
    return None if pair is None else (float(pair[0]), float(pair[1]))


def _seconds(run: Run) -> float | None:
    """Return the usual seconds of an epoch; the first, in which the network is compiled, counts only if alone."""
    file = run.folder / runs.HISTORY
    if not file.exists():
        return None
    with file.open(newline="") as lines:
        seconds = [float(row["seconds"]) for row in csv.DictReader(lines)]
    return statistics.median(seconds[1:] or seconds)


def _seen(model: Classifier, dataset: Dataset, record: Record) -> Image | None:
    try:
        image = images.read(dataset.root / record.path)
        box = face_in(image, record, dataset.info)
        return model.sees(image, None if box is None else Face(box, 0.0))
    except BadImage:
        return None


def _all_seen(model: Classifier, dataset: Dataset, records: Sequence[Record], jobs: int) -> Iterator[Image]:
    looks = ordered_map(partial(_seen, model, dataset), records, jobs)
    return (seen for seen in looks if seen is not None)
