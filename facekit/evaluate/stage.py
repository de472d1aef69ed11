"""Evaluate: what a trained model is worth on pictures it has not learned from, as JSON and as a page."""

from __future__ import annotations

import csv
import json
import logging
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit import classifier, protocol, runs
from facekit.contract import BadImage, FacekitError, Record, Report, Track, quiet
from facekit.dataset import Dataset, check_places
from facekit.dataset.lines import guarded, replace_file
from facekit.options import Evaluate
from facekit.report import page
from facekit.runs import Run
from facekit.scores import classes as scores

STAGE = "evaluate"
SCORES, PAGE = "scores.json", "report.html"
GONE = "gone or changed since training"
MOST_MISTAKES = 12

TRAINED_ON = "the model was trained on {} of these {} pictures: this score does not say how it does on new ones"
DRAWN = "these faces are drawn by facekit: the score proves nothing about real faces"

log = logging.getLogger(__name__)


@dataclass
class Held:
    """The pictures to be scored, and what must be said of them."""

    dataset: Dataset
    records: list[Record]
    title: str
    banners: list[str] = field(default_factory=list)
    left: Counter[str] = field(default_factory=Counter)

    @property
    def root(self) -> Path:
        """The folder that they lie in."""
        return self.dataset.root


@dataclass(frozen=True)
class Seen:
    """The pictures that could be read, in order, with the model's probabilities, shape (n, labels)."""

    records: list[Record]
    probabilities: NDArray[np.float32]


def evaluate(options: Evaluate, track: Track = quiet) -> Report:
    """Score a run on a part of its own split, or on another folder; write `scores.json` and `report.html`.

    Raises FacekitError: not a trained run, its pictures gone, labels the model does not know, a split by
    group that does not keep photos apart.
    """
    began = time.monotonic()
    run = runs.load(options.run)
    protocol.check(run.split, run.protocol, str(run.folder))
    held = _held(run, options, track)
    output = options.output or run.folder / runs.EVALUATION
    _check_output(output, held)
    if options.dry_run:
        return _report(output, held, began, {"pictures": len(held.records)})
    seen = _look(run, held, options, track)
    result = _result(run, held, seen)
    with guarded(output):
        output.mkdir(parents=True, exist_ok=True)
    replace_file(output / SCORES, (json.dumps(result, indent=2, ensure_ascii=False) + "\n").encode())
    html = page.render(run, result, _history(run), _mistakes(run, held, seen))
    replace_file(output / PAGE, html.encode())
    return _report(output, held, began, _details(result, output))


def _held(run: Run, options: Evaluate, track: Track) -> Held:
    """Choose the pictures: a part of the run's own split, also where its folder has moved to, or others."""
    if options.data is None and not run.root.is_dir():
        raise FacekitError(
            f"{run.root}, which {run.folder} was trained on, is gone; say with --data where its pictures are now"
        )
    dataset = Dataset.open(options.data or run.root, track)
    same = dataset.digest() == run.info["dataset"]["digest"]
    if options.data is None or (same and options.part is not None):
        return _own(run, dataset, options.part or "test", same)
    return _others(run, dataset, options.part or "all")


def _own(run: Run, dataset: Dataset, part: str, same: bool) -> Held:
    wanted = run.part(part)
    if not wanted:
        raise FacekitError(f"the split of {run.folder} has no {part} part; choose another with --part")
    there = {(record.path, record.id) for record in dataset.records}
    records = [record for record in wanted if (record.path, record.id) in there]
    gone = len(wanted) - len(records)
    if not records:
        raise FacekitError(
            f"{dataset.root}: every {part} picture is gone since {run.folder} was trained; "
            "put them back, or train again"
        )
    if not same:
        counts = len(records), len(wanted)
        log.warning("%s has changed since training; %d of %d pictures are as they were", dataset.root, *counts)
    held = Held(dataset, records, f"the {part} part of its own split" if part != "all" else "its own pictures")
    held.left += Counter({GONE: gone})
    if run.protocol == protocol.IMAGE:
        held.banners.append(protocol.BANNER)
    _warn(run, held, sum(record.split == "train" for record in records), bool(run.info.get("drawn")))
    return held


def _others(run: Run, dataset: Dataset, part: str) -> Held:
    unknown = sorted(set(dataset.labels) - set(run.labels))
    if unknown:
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        raise FacekitError(
            f"{dataset.root} holds names that {run.folder} was not trained on: {', '.join(unknown[:5])}{more}; "
            "take their folders out"
        )
    records = [record for record in dataset.records if part in ("all", record.split)]
    if not records:
        raise FacekitError(f"{dataset.root} has no {part} part; leave --part out to score all its pictures")
    held = Held(dataset, records, str(dataset.root))
    known = {id for record in run.part("train") for id in (record.id, record.origin)}
    trained_on = sum(record.id in known or record.origin in known for record in records)
    _warn(run, held, trained_on, bool(dataset.info.get("drawn")))
    return held


def _warn(run: Run, held: Held, trained_on: int, drawn: bool) -> None:
    if trained_on:
        held.banners.append(TRAINED_ON.format(trained_on, len(held.records)))
    if drawn:
        held.banners.append(DRAWN)
    for banner in held.banners:
        log.warning("%s: %s", run.folder, banner)


def _check_output(output: Path, held: Held) -> None:
    check_places(output, held.root)
    if output.is_dir() and any(output.iterdir()) and not (output / SCORES).exists():
        raise FacekitError(f"{output} is not empty and no evaluate made it; choose another folder")


def _look(run: Run, held: Held, options: Evaluate, track: Track) -> Seen:
    """Run the model over the pictures; the unreadable are counted."""
    model = classifier.load(run)
    readable: list[Record] = []
    found: list[NDArray[np.float32]] = []
    for record, row in model.look(held.dataset, held.records, options.batch, options.jobs, track):
        if isinstance(row, BadImage):
            held.left[row.reason] += 1
            continue
        readable.append(record)
        found.append(row)
    if not found:
        raise FacekitError(f"{held.root}: none of {len(held.records)} pictures can be read; give pictures that can")
    return Seen(readable, np.stack(found))


def _result(run: Run, held: Held, seen: Seen) -> dict[str, Any]:
    number = {label: place for place, label in enumerate(run.labels)}
    truth = np.array([number[record.label] for record in seen.records])
    return {
        "run": str(run.folder),
        "data": str(held.root),
        "scored": held.title,
        "protocol": run.protocol,
        "banners": held.banners,
        "left": dict(held.left),
        **scores.score(truth, seen.probabilities, run.labels),
        "apart": _apart(truth, seen),
    }


def _apart(truth: NDArray[np.int64], seen: Seen) -> dict[str, dict[str, float]]:
    """Score photos as found and their copies and children apart: a score over both hides what a leak does."""
    synthetic = np.array([record.synthetic is not None for record in seen.records])
    if not synthetic.any():
        return {}
    kinds = {"photos as found": ~synthetic, "copies and children": synthetic}
    return {
        name: {"pictures": int(which.sum()), "accuracy": scores.accuracy(truth[which], seen.probabilities[which])}
        for name, which in kinds.items()
        if which.any()
    }


def _mistakes(run: Run, held: Held, seen: Seen) -> list[page.Mistake]:
    """Return the wrong answers of which the model was surest, surest first."""
    found = seen.probabilities.argmax(axis=1)
    sure = seen.probabilities.max(axis=1)
    wrong = [place for place, record in enumerate(seen.records) if run.labels[found[place]] != record.label]
    worst = sorted(wrong, key=lambda place: -sure[place])[:MOST_MISTAKES]
    return [
        page.Mistake(
            held.root / seen.records[place].path,
            run.name(seen.records[place].label),
            run.name(run.labels[found[place]]),
            float(sure[place]),
        )
        for place in worst
    ]


def _history(run: Run) -> list[dict[str, float]]:
    file = run.folder / runs.HISTORY
    if not file.exists():
        return []
    with file.open(newline="") as lines:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(lines)]


def _details(result: dict[str, Any], output: Path) -> dict[str, Any]:
    found = {name: round(result[name], 4) for name in ("accuracy", "top5")}
    found |= {f"{kind}_f1": round(result[kind]["f1"], 4) for kind in ("macro", "weighted")}
    for name, some in result["apart"].items():
        found[f"accuracy on {some['pictures']} {name}"] = round(some["accuracy"], 4)
    return {
        "scored": result["scored"],
        "pictures": result["pictures"],
        **found,
        "protocol": result["protocol"],
        "banners": result["banners"],
        "report": str(output / PAGE),
    }


def _report(output: Path, held: Held, began: float, details: dict[str, Any]) -> Report:
    kept = int(details["pictures"])
    return Report(STAGE, str(output), 0, kept, held.left, round(time.monotonic() - began, 2), details)
