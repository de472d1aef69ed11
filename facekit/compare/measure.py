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

from facekit import classifier, images, plugins, runs
from facekit.classifier import Classifier
from facekit.compare.contenders import SET
from facekit.contract import BadImage, Image, Record, Track
from facekit.dataset import Dataset
from facekit.options import Evaluate, Train, describe
from facekit.parallel import ordered_map
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
    folder = Path(plugins.load("stage", "evaluate")(options, track).folder)
    found = json.loads((folder / SCORES).read_text())
    page = os.path.relpath(folder / "report.html", home)
    parts = found["apart"] or {None: found}
    return [_score(test, kind, some, page) for kind, some in parts.items()], found["banners"]


def speed(run: Run, dataset: Dataset, records: Sequence[Record], batch: int, jobs: int) -> float | None:
    """Return pictures a second from file to answer, the way `predict` goes: warm, the median of three rounds.

    A round is one full batch. None where no picture can be read.
    """
    model = classifier.load(run)
    files = [dataset.root / record.path for record in records[:batch]]
    looks = ordered_map(partial(_seen, model), files, jobs)
    usable = [file for file, seen in zip(files, looks, strict=True) if seen is not None]
    if not usable:
        return None
    files = list(islice(cycle(usable), batch))
    times = []
    for _ in range(1 + _ROUNDS):
        began = time.perf_counter()
        for _ in model.probabilities(_all_seen(model, files, jobs), batch):
            pass
        times.append(time.perf_counter() - began)
    return len(files) / statistics.median(times[1:])


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


def _seen(model: Classifier, file: Path) -> Image | None:
    try:
        return model.sees(images.read(file))
    except BadImage:
        return None


def _all_seen(model: Classifier, files: Sequence[Path], jobs: int) -> Iterator[Image]:
    return (seen for seen in ordered_map(partial(_seen, model), files, jobs) if seen is not None)
