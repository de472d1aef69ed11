"""The trainer of `--backbone`: the embeddings of all faces once, then a linear head fitted to them in seconds."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np

from facekit import runs
from facekit.base.cluster.client import hired
from facekit.base.contract import Embedder, FacekitError, Record, Track
from facekit.dataset.lineage import TRAIN, VALIDATION
from facekit.dataset.targets import value
from facekit.identity import embedders
from facekit.options.train import Train
from facekit.runs import Counts, Run, Scores, Target
from facekit.runs import head as heads
from facekit.runs.head import Head, Known, Numbers
from facekit.training import openset
from facekit.training.labels import NO_LABEL, class_indices, class_weights, missing_labels, none_left
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
            *(plan.options, split.dataset, split.records, split.protocol, network, backbone, split.left),
            targets=plan.kept_targets,
        )
        pictures = [*split.part(TRAIN), *split.part(VALIDATION)]
        with hired(self._options.cluster, self._options.jobs) as jobs:
            embedded = embedders.embed_dataset(replace(split.dataset, records=pictures), self._name, track, jobs)
        seconds = time.monotonic() - began
        rows = [row for row, reason in enumerate(embedded.reasons) if reason is None]
        records = [pictures[row] for row in rows]
        self._check(pictures, embedded.reasons, run.targets)
        vectors = embedded.vectors[rows]
        train = [self._known(vectors, records, TRAIN, target) for target in run.targets]
        validation = [self._known(vectors, records, VALIDATION, target) for target in run.targets]
        each = [heads.fit(one, other, size) for one, other, size in zip(train, validation, run.sizes, strict=True)]
        head = Head.side_by_side(each)
        head.write(run.folder / runs.HEAD)
        info = openset.add(run, plan.options, openset.Faces(records, vectors, backbone))
        held_out = [row for row, record in enumerate(records) if record.split == VALIDATION]
        tuned = openset.temperatures(
            [records[row] for row in held_out], head.probabilities(vectors[held_out]), run.targets
        )
        used = Counter(record.split for record in records)
        return run.save(
            replace(
                openset.tempered(info, tuned),
                complete=True,
                left={**run.info.left, **Counter(reason for reason in embedded.reasons if reason)},
                used=Counts(train=used[TRAIN], validation=used[VALIDATION]),
                parameters=head.weights.size + head.bias.size,
                epochs=1,
                scores=_scores(each, train, validation),
                stopped="fitted",
                training_seconds=round(time.monotonic() - began, 1),
                pictures_per_second=round(len(pictures) / max(seconds, 1e-9), 1),
            )
        )

    def _known(self, vectors: Numbers, records: Sequence[Record], part: str, target: Target) -> Known:
        rows, found = class_indices(records, part, [target])
        there = found[:, 0] != NO_LABEL
        classes = found[there, 0]
        even = part == TRAIN and self._options.class_weights == "auto"
        weights = class_weights(classes.tolist(), len(target.labels)) if even else None
        each = None if weights is None else [weights[number] for number in classes]
        return Known(vectors[np.array(rows, np.int64)[there]], classes, each)

    def _check(self, pictures: Sequence[Record], reasons: Sequence[str | None], targets: Sequence[Target]) -> None:
        """Refuse pictures of which a name has none left, and say why they are not."""
        whole = list(zip(pictures, reasons, strict=True))
        readable = [record for record, reason in whole if reason is None]
        for name, labels in ((target.name, target.labels) for target in targets):
            missing = missing_labels(labels, readable, name)
            if missing:
                of = [(value(one, name), one.split, why) for one, why in whole]
                left = Counter(why for label, part, why in of if why and (label, part) == (missing[0], TRAIN))
                raise FacekitError(f"{self._options.input}: {none_left(missing, left)}")


def _scores(each: Sequence[Head], train: Sequence[Known], validation: Sequence[Known]) -> Scores:
    """Return the accuracies, of several targets their mean."""
    seen = [heads.accuracy(head, known) for head, known in zip(each, train, strict=True)]
    held_out = [heads.accuracy(head, known) for head, known in zip(each, validation, strict=True) if len(known.classes)]
    return Scores(
        epoch=1, accuracy=statistics.fmean(seen), val_accuracy=statistics.fmean(held_out) if held_out else None
    )
