"""A linear head on a frozen network: the vectors of all faces once, then a fit of seconds."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from facekit import runs
from facekit.base.contract import Embedder, FacekitError, Record, Track
from facekit.dataset import Dataset
from facekit.identity import embedders
from facekit.options.train import Train
from facekit.runs import Run
from facekit.runs import linear as heads
from facekit.runs.linear import Known, Numbers
from facekit.training.classes import TRAIN, VALIDATION, evened, numbered


class Linear:
    """The trainer of `--backbone`."""

    needs_validation = False

    def __init__(self, options: Train) -> None:
        self._options = options
        folder = Path(options.backbone or "")
        # A run that moves along with the shell's folder would not be found again.
        self._name = str(folder.resolve()) if folder.is_dir() else str(options.backbone)
        self._embedder: Embedder | None = None

    def prepare(self, run: Run | None) -> None:
        """Load the embedder. Raises FacekitError where it cannot be had."""
        if Path(self._name).is_dir() and (base := runs.load(Path(self._name)).backbone):
            raise FacekitError(f"--backbone is {self._name}, itself a linear head on {base}; give --backbone {base}")
        self._embedder = embedders.load(self._name)

    def build(self, labels: int) -> None:
        """Do nothing: a head is as large as its data says."""

    def facts(self) -> dict[str, Any]:
        """Return the embedder, and what its vectors go by."""
        embedder = self._embedder
        assert embedder is not None
        about = {name: getattr(embedder, name) for name in ("version", "metric", "dimensions", "licence")}
        return {"network": f"{embedder.name}, frozen", "backbone": {"name": self._name, **about}}

    def fit(self, run: Run, dataset: Dataset, records: Sequence[Record], track: Track) -> Run:
        """Embed the pictures of training and validation, and fit the head."""
        began = time.monotonic()
        wanted = [record for part in (TRAIN, VALIDATION) for record in records if record.split == part]
        found = embedders.embed_dataset(replace(dataset, records=wanted), self._name, track, self._options.jobs)
        embedded = time.monotonic()
        seen = [place for place, reason in enumerate(found.reasons) if reason is None]
        known = [wanted[place] for place in seen]
        train, held = (self._known(found.vectors[seen], known, part, run.labels) for part in (TRAIN, VALIDATION))
        self._check(train, run.labels)
        head = heads.fit(train, held, len(run.labels))
        head.write(run.folder / runs.HEAD)
        return run.save(
            complete=True,
            left=dict(Counter(reason for reason in found.reasons if reason)),
            used={TRAIN: len(train.classes), VALIDATION: len(held.classes)},
            parameters=head.weights.size + head.bias.size,
            epochs=1,
            scores=_scores(head, train, held),
            stopped="fitted",
            training_seconds=round(time.monotonic() - began, 1),
            pictures_per_second=round(len(wanted) / max(embedded - began, 1e-9), 1),
        )

    def _known(self, vectors: Numbers, records: Sequence[Record], part: str, labels: Sequence[str]) -> Known:
        places, classes = numbered(records, part, labels)
        weights = evened(classes, len(labels)) if part == TRAIN and self._options.class_weights == "auto" else None
        each = None if weights is None else [weights[number] for number in classes]
        return Known(vectors[places], np.asarray(classes, np.int64), each)

    def _check(self, train: Known, labels: Sequence[str]) -> None:
        empty = sorted(set(range(len(labels))) - set(train.classes.tolist()))
        if empty:
            raise FacekitError(
                f"{self._options.input}: no face can be aligned on any training picture of {labels[empty[0]]}; "
                "give ones that show a face"
            )


def _scores(head: heads.Head, train: Known, held: Known) -> dict[str, float]:
    scores = {"epoch": 1.0, "accuracy": heads.accuracy(head, train)}
    if len(held.classes):
        scores["val_accuracy"] = heads.accuracy(head, held)
    return scores
