"""A trained model is a folder: what it is, its weights, the split it was trained on, its history.

Nothing is unpickled: `model.json` names the network, facekit's own code builds it, and the weights are
plain arrays. Training works in the folder, and a folder that a kill left says so itself.
"""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

from facekit import __version__
from facekit.base.contract import PARTS, FacekitError, Record
from facekit.base.files import guarded, read_lines, replace_file, replace_lines
from facekit.dataset import Dataset, lock
from facekit.networks import build
from facekit.options.base import describe, settled
from facekit.options.common import SplitBy
from facekit.options.train import Train

MODEL = "model.json"
WEIGHTS = "model.weights.h5"
HEAD = "head.npz"
SPLIT = "split.jsonl"
HISTORY = "history.csv"
PLOT = "history.png"
CHECKPOINT = "checkpoint"
PACK = "pack.u8"
LOGS = "tensorboard"
EVALUATION = "evaluation"
INSPECTED = "inspection"
FOLD = "fold"

_OURS = (
    *(MODEL, WEIGHTS, HEAD, SPLIT, HISTORY, PLOT, PACK, ".*.part", f".part-{WEIGHTS}"),
    *(f"{CHECKPOINT}/state.json", f"{CHECKPOINT}/*.weights.h5", f"{LOGS}/*/events.out.tfevents.*"),
    *(f"{EVALUATION}*/scores.json", f"{EVALUATION}*/report.html"),
    *(f"{INSPECTED}/{name}" for name in ("[0-9][0-9]-*.png", "inspection.json", "report.html")),
)


@dataclass(frozen=True)
class Run:
    """A run folder and its `model.json`."""

    folder: Path
    info: dict[str, Any]

    @property
    def complete(self) -> bool:
        """Whether the training came to its end."""
        return bool(self.info.get("complete"))

    @property
    def labels(self) -> list[str]:
        """The labels, in the order of the model's outputs."""
        return list(self.info["labels"])

    @property
    def network(self) -> str:
        """The network's name."""
        return str(self.info["network"])

    @property
    def backbone(self) -> str | None:
        """The embedder that the run is a linear head on, by name or folder; None for a network of its own."""
        found = self.info.get("backbone")
        return None if found is None else str(found["name"])

    @property
    def color(self) -> str:
        """What the network sees, `rgb` or `gray`."""
        return str(self.info.get("color", "rgb"))

    @property
    def size(self) -> int:
        """The side of the model's input, in pixels."""
        return int(self.info["size"])

    @property
    def protocol(self) -> SplitBy:
        """How the split was drawn."""
        found = self.info["protocol"]
        return found if found in get_args(SplitBy) else "group"

    @property
    def root(self) -> Path:
        """The folder of pictures that the run was trained on, as it was called then."""
        return Path(self.info["dataset"]["root"])

    @cached_property
    def split(self) -> list[Record]:
        """Every picture of the data set as it was, with its part."""
        return read_lines(self.folder / SPLIT, Record)

    def part(self, part: str) -> list[Record]:
        """Return the pictures of one part of the split, or of `all`."""
        return [record for record in self.split if part in ("all", record.split)]

    def name(self, label: str) -> str:
        """Return the name that a label stands for, as it was asked for."""
        return str(self.info.get("names", {}).get(label, label))

    def build(self) -> Any:
        """Return the network, with random weights. Raises FacekitError for a network nobody registered."""
        return build(self.network, self.size, len(self.labels), self.color)

    def model(self) -> Any:
        """Return the trained Keras model. Raises FacekitError when its weights are gone, do not fit, or are none."""
        if self.backbone:
            raise FacekitError(f"{self.folder} is a linear head on {self.backbone}; give that, or another run")
        model, file = self.build(), self.folder / WEIGHTS
        if not file.is_file():
            raise FacekitError(f"{file} is gone; train again with --overwrite")
        try:
            model.load_weights(file)
        except (ValueError, OSError, KeyError) as error:
            reason = str(error).partition("\n")[0]
            raise FacekitError(f"{file} does not fit its {MODEL} ({reason}); train again with --overwrite") from error
        return model

    def save(self, **facts: Any) -> Run:
        """Write `model.json` whole or not at all, with these facts added; return the run that it says."""
        info = {**self.info, **facts}
        replace_file(self.folder / MODEL, (json.dumps(info, indent=2, ensure_ascii=False) + "\n").encode())
        return Run(self.folder, info)


def load(folder: Path) -> Run:
    """Read a trained run.

    Raises FacekitError: no such folder, not a run, not yet complete.
    """
    if not folder.is_dir():
        raise FacekitError(f"no such folder: {folder}; give the folder that `train -o` wrote")
    run = _read(folder)
    if run is None:
        raise FacekitError(f"{folder} is not a trained model: it has no {MODEL}; give the folder that `train -o` wrote")
    if not run.complete:
        raise FacekitError(f"{folder} is not trained to the end; go on with `train --resume` first")
    return run


def found(options: Train) -> Run | None:
    """Return the run to go on with, None for a fresh folder; complete ones come back only to `--resume`.

    Raises FacekitError for a folder of something else, and for a run that the options do not allow to touch.
    """
    folder = options.output
    run = _read(folder)
    if run is None:
        if folder.is_dir() and any(not entry.name.startswith(".") for entry in folder.iterdir()):
            raise FacekitError(f"{folder} is not empty and no train made it; choose another folder")
        return None
    if options.overwrite:
        return None
    if not options.resume:
        what = "a trained model; choose another folder" if run.complete else "an interrupted run; go on with --resume"
        raise FacekitError(f"{folder} holds {what}, or --overwrite it")
    _check_options(run, options)
    return run


def begin(
    options: Train, dataset: Dataset, records: Sequence[Record], protocol: SplitBy, facts: Mapping[str, Any]
) -> Run:
    """Write what a fresh run knows before its first step: an incomplete `model.json`, and the split."""
    clear(options.output)
    labels = sorted({record.label for record in records})
    parts = Counter(record.split for record in records)
    info = {
        "facekit": __version__,
        "complete": False,
        **facts,
        "color": options.color,
        "size": options.size,
        "labels": labels,
        "names": {record.label: record.name for record in records},
        "crop": dataset.info.get("crop"),
        "drawn": bool(dataset.info.get("drawn")),
        "dataset": {"root": str(dataset.root.resolve()), "digest": dataset.digest()},
        "protocol": protocol,
        "split": {part: parts[part] for part in PARTS},
        "options": settled(options),
    }
    replace_lines(options.output / SPLIT, (record.to_json() for record in records))
    return Run(options.output, info).save()


def _check_options(run: Run, options: Train) -> None:
    """Refuse to go on with other options; a run of before an option was there had its default."""
    then, now = run.info["options"], settled(options)
    for option in describe(type(options)):
        before = then.get(option.name, option.default)
        if option.name in now and before != now[option.name]:
            raise FacekitError(
                f"{run.folder} was begun with {option.name} = {before!r}, not {now[option.name]!r}; "
                "choose another folder, or --overwrite it"
            )


def clear(folder: Path) -> None:
    """Delete what facekit writes into a run folder, and nothing else."""
    for pattern in _OURS:
        for file in folder.glob(pattern):
            file.unlink()
    for fold in folder.glob(f"{EVALUATION}*/{FOLD}-*"):
        clear(fold)
    logs = (f"{LOGS}/train", f"{LOGS}/validation", LOGS)
    for inner in (CHECKPOINT, *logs, f"{EVALUATION}*/{FOLD}-*", f"{EVALUATION}*", INSPECTED):
        for emptied in folder.glob(inner):
            with suppress(OSError):  # one that still holds something stays
                emptied.rmdir()


def history(run: Run) -> list[dict[str, float]]:
    """Return what `history.csv` says of each epoch; nothing for a linear head, which has none."""
    file = run.folder / HISTORY
    if not file.exists():
        return []
    with file.open(newline="") as lines:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(lines)]


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Make a run folder and hold its lock. Raises FacekitError where another process trains into it."""
    with guarded(folder):
        folder.mkdir(parents=True, exist_ok=True)
    handle = lock(folder)
    try:
        yield
    finally:
        with suppress(OSError):  # only a folder that nothing was written to goes
            folder.rmdir()
        os.close(handle)


def _read(folder: Path) -> Run | None:
    try:
        info = json.loads((folder / MODEL).read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError:
        info = None
    if not isinstance(info, dict) or not {"network", "size", "labels", "dataset", "protocol", "options"} <= info.keys():
        raise FacekitError(f"{folder / MODEL} is not what facekit writes; choose another folder")
    return Run(folder, info)
