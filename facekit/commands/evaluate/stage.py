"""Evaluate: what a trained model is worth on pictures it has not learned from, as JSON and as a page."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facekit import runs
from facekit.base.contract import Report, Track, quiet
from facekit.base.files import guarded, replace_file
from facekit.commands.evaluate import by, places
from facekit.commands.evaluate.held import DRAWN as DRAWN
from facekit.commands.evaluate.held import Held, Seen, held, look
from facekit.commands.evaluate.places import PAGE as PAGE
from facekit.commands.evaluate.places import SCORES as SCORES
from facekit.commands.evaluate.result import result
from facekit.dataset import protocol
from facekit.options.evaluate import Evaluate
from facekit.report import page
from facekit.runs import Run
from facekit.scores.classes import TOP

STAGE = "evaluate"
MOST_MISTAKES = 12


def evaluate(options: Evaluate, track: Track = quiet) -> Report:
    """Score a run on a part of its own split, or on other pictures; write `scores.json` and `report.html`.

    Raises FacekitError: not a trained run, its pictures gone, labels the model does not know, a split by
    group that does not keep photos apart, a column that nobody knows.
    """
    began = time.monotonic()
    run = runs.load(options.run)
    protocol.check(run.split, run.protocol, str(run.folder))
    pictures = held(run, options, track)
    output = places.place(options, pictures.data, pictures.own)
    places.check(output, pictures.data)
    if options.by is not None:
        by.values(options, pictures.dataset, pictures.records)  # before the model has looked at anything
    if options.dry_run:
        return report(output, pictures, began, {"pictures": len(pictures.records)})
    seen = look(run, pictures, options, track)
    found = result(run, pictures, seen, options)
    write(output, run, found, pictures, seen, _history(run))
    return report(output, pictures, began, details(found, output))


def write(
    output: Path, run: Run, found: dict[str, Any], held: Held, seen: Seen, history: list[dict[str, float]]
) -> None:
    """Write the scores and their page."""
    with guarded(output):
        output.mkdir(parents=True, exist_ok=True)
    replace_file(output / SCORES, (json.dumps(found, indent=2, ensure_ascii=False) + "\n").encode())
    replace_file(output / PAGE, page.render(run, found, history, _mistakes(run, held, seen)).encode())


def details(found: Mapping[str, Any], output: Path) -> dict[str, Any]:
    """Return what the closing table says of the scores."""
    said: dict[str, Any] = {"scored": found["scored"], "pictures": found["pictures"]}
    said |= {name: round(found[name], 4) for name in ("accuracy", "balanced_accuracy")}
    if len(found["labels"]) > TOP:  # among so few names each is among the first
        said |= {"top5": round(found["top5"], 4)}
    said |= {f"{kind}_f1": round(found[kind]["f1"], 4) for kind in ("macro", "weighted")}
    said |= {"calibration_error": round(found["calibration"]["ece"], 4)}
    for name, interval in found["intervals"].items():
        said[f"{name}_interval"] = interval and [round(end, 4) for end in interval]
    for name, some in found["apart"].items():
        said[f"accuracy on {some['pictures']} {name}"] = round(some["accuracy"], 4)
        said[f"accuracy on {some['pictures']} {name}_interval"] = some["intervals"].get("accuracy")
    if "groups" in found:
        said |= _said_of_groups(found["groups"])
    return {**said, "protocol": found["protocol"], "banners": found["banners"], "report": str(output / PAGE)}


def report(output: Path, held: Held, began: float, details: dict[str, Any]) -> Report:
    """Return what was done, since `began`."""
    kept = int(details["pictures"])
    return Report(STAGE, str(output), 0, kept, held.left, round(time.monotonic() - began, 2), details)


def _said_of_groups(found: Mapping[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for row in found["values"]:
        name = f"accuracy of {found['by']} {row['value']} ({row['pictures']} pictures)"
        said[name] = round(row["accuracy"], 4)
        said[f"{name}_interval"] = row["intervals"].get("accuracy")
    if found["unknown"]:
        said[f"pictures without {found['by']}"] = found["unknown"]
    return {**said, "gap": page.gap(found)}


def _mistakes(run: Run, held: Held, seen: Seen) -> list[page.Mistake]:
    """Return the wrong answers of which the model was surest, surest first."""
    found = seen.probabilities.argmax(axis=1)
    sure = seen.probabilities.max(axis=1)
    wrong = [place for place, record in enumerate(seen.records) if run.labels[found[place]] != record.label]
    worst = sorted(wrong, key=lambda place: -sure[place])[:MOST_MISTAKES]
    return [
        page.Mistake(
            held.dataset.root / seen.records[place].path,
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
