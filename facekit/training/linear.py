"""The trainer of `--backbone`: the embeddings of all faces once, then a linear head fitted to them in seconds."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np

from facekit import runs
from facekit.base.contract import Embedder, FacekitError, Record, Track
from facekit.dataset.lineage import TRAIN, VALIDATION
from facekit.identity import embedders
from facekit.options.train import Train
from facekit.runs import Counts, Run, Scores
from facekit.runs import head as heads
from facekit.runs.head import Head, Known, Numbers
from facekit.scores.recalibration import fit_temperature
from facekit.training import openset
from facekit.training.labels import class_indices, class_weights, missing_labels, none_left
from facekit.training.plan import Plan


class Linear:
    """The trainer of `--backbone`."""

    needs_validation = False

    def __init__(self, options: Train) -> None:
        self._options = options
        folder = Path(options.backbone or "")
        # A run that is named by a relative path would not be found again from another folder.
        self._name = str(folder.resolve()) if folder.is_dir() else str(options.backbone)

    def load(self, run: Run | None) -> None:
        """Load the embedder. Raises FacekitError where it cannot be had."""
        if Path(self._name).is_dir():
            base = runs.load(Path(self._name))
            if base.backbone and not base.embeds:
                raise FacekitError(
                    f"--backbone is {self._name}, itself a linear head on {base.backbone}; "
                    f"give --backbone {base.backbone}"
                )
        _ = self._embedder

    @cached_property
    def _embedder(self) -> Embedder:
        return embedders.load(self._name)

    def fit(self, plan: Plan, track: Track) -> Run:
        """Embed the pictures of training and validation, and fit the head."""
        began = time.monotonic()
        split = plan.split
        backbone = embedders.described(self._name)
        network = f"{self._embedder.name}, frozen"
        run = plan.run or runs.begin(
            plan.options, split.dataset, split.records, split.protocol, network, backbone, split.left
        )
        pictures = [*split.part(TRAIN), *split.part(VALIDATION)]
        embedded = embedders.embed_dataset(
            replace(split.dataset, records=pictures), self._name, track, self._options.jobs
        )
        seconds = time.monotonic() - began
        rows = [row for row, reason in enumerate(embedded.reasons) if reason is None]
        records = [pictures[row] for row in rows]
        self._check(pictures, embedded.reasons, run.labels)
        known = self._known(embedded.vectors[rows], records, TRAIN, run.labels)
        validation = self._known(embedded.vectors[rows], records, VALIDATION, run.labels)
        head = heads.fit(known, validation, len(run.labels))
        head.write(run.folder / runs.HEAD)
        faces = openset.Faces(records, embedded.vectors[rows], backbone)
        return run.save(
            replace(
                openset.add(run, plan.options, faces),
                complete=True,
                left={**run.info.left, **Counter(reason for reason in embedded.reasons if reason)},
                used=Counts(train=len(known.classes), validation=len(validation.classes)),
                parameters=head.weights.size + head.bias.size,
                epochs=1,
                scores=_scores(head, known, validation),
                temperature=fit_temperature(validation.classes, head.probabilities(validation.vectors)),
                stopped="fitted",
                training_seconds=round(time.monotonic() - began, 1),
                pictures_per_second=round(len(pictures) / max(seconds, 1e-9), 1),
            )
        )

    def _known(self, vectors: Numbers, records: Sequence[Record], part: str, labels: Sequence[str]) -> Known:
        rows, classes = class_indices(records, part, labels)
        even = part == TRAIN and self._options.class_weights == "auto"
        weights = class_weights(classes, len(labels)) if even else None
        each = None if weights is None else [weights[number] for number in classes]
        return Known(vectors[rows], np.asarray(classes, np.int64), each)

    def _check(self, pictures: Sequence[Record], reasons: Sequence[str | None], labels: Sequence[str]) -> None:
        """Refuse pictures of which a name has none left, and say why they are not."""
        whole = list(zip(pictures, reasons, strict=True))
        missing = missing_labels(labels, (record for record, reason in whole if reason is None))
        if missing:
            left = Counter(why for record, why in whole if why and record.label == missing[0] and record.split == TRAIN)
            raise FacekitError(f"{self._options.input}: {none_left(missing, left)}")


def _scores(head: Head, train: Known, validation: Known) -> Scores:
    val_accuracy = heads.accuracy(head, validation) if len(validation.classes) else None
    return Scores(epoch=1, accuracy=heads.accuracy(head, train), val_accuracy=val_accuracy)
