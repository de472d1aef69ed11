"""The end of a training: the known faces are kept, and people left out in turn say when a face is a stranger's."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from facekit import runs
from facekit.base import plugins
from facekit.base.cluster.client import hired
from facekit.base.contract import BadImage, Record, Track
from facekit.base.text import counted, listed
from facekit.dataset import DatasetInfo, read_info
from facekit.dataset.lineage import TRAIN, VALIDATION
from facekit.identity import classifier, embedders
from facekit.identity.embedders.metrics import Embeddings
from facekit.identity.openset.fitting import open_set
from facekit.identity.openset.known import KnownFaces
from facekit.identity.openset.left_out import LeftOut, leave_out
from facekit.identity.openset.threshold import Prior
from facekit.identity.split import Split
from facekit.options.train import Train
from facekit.runs import Backbone, ModelInfo, OpenSet, Run, Target
from facekit.runs.head import parted
from facekit.runs.known_faces import KnownVectors
from facekit.scores.identification import FEW
from facekit.scores.recalibration import fit_temperature
from facekit.training.labels import NO_LABEL, class_indices

DEFAULT = "dlib"
"""The embedder that decides beside a network of the run's own, where it is installed."""

MOST = 100
"""Known faces that are kept of each name, spread evenly over its training photos."""

_MOST_ASKED = 1000
"""Pictures of the validation part by which a network's probabilities are recalibrated."""

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Faces:
    """Pictures that have an embedding: shape (n, dimensions), and who is on them."""

    records: Sequence[Record]
    vectors: Embeddings
    embedder: Backbone

    def part(self, name: str, labels: Sequence[str]) -> tuple[Embeddings, NDArray[np.int64], list[Record]]:
        """Return those of a part of the split: embeddings, numbers of labels, and records."""
        number = {label: place for place, label in enumerate(labels)}
        rows = [row for row, record in enumerate(self.records) if record.split == name]
        records = [self.records[row] for row in rows]
        return self.vectors[rows], np.array([number[one.label] for one in records], np.int64), records


def add(run: Run, options: Train, faces: Faces | None) -> ModelInfo:
    """Return what a run of people knows of strangers as well, and write its known faces; nothing without `faces`.

    Raises FacekitError where the disk is full.
    """
    info = replace(run.info, kind=options.kind(run.protocol))
    if info.kind == "classes" or faces is None:
        return info
    gallery, records = _gallery(faces, run.labels)
    known = KnownFaces.of(gallery, len(run.labels), faces.embedder.metric)
    left = leave_out(known)
    if left is None:
        log.warning("%s cannot answer `unknown`: faces of at least two people are needed", run.folder)
        return info
    gallery.write(run.folder / runs.GALLERY)
    _notices(left, records, run, options.input)
    return replace(info, open_set=_open_set(options, faces, known, left, run.labels))


def network_faces(split: Split, options: Train, track: Track) -> Faces | None:
    """Return embeddings of the photos that a network is trained and validated on, for what decides beside it.

    None for classes, and where no embedder of faces is installed.
    """
    if options.kind(split.protocol) == "classes":
        return None
    if not plugins.installed(*plugins.load(embedders.KIND, DEFAULT).packages):
        return None
    records = [record for record in (*split.part(TRAIN), *split.part(VALIDATION)) if record.synthetic is None]
    with hired(options.cluster, options.jobs) as jobs:
        embedded = embedders.embed_dataset(replace(split.dataset, records=records), DEFAULT, track, jobs)
    rows = [row for row, reason in enumerate(embedded.reasons) if reason is None]
    return Faces([records[row] for row in rows], embedded.vectors[rows], embedders.described(DEFAULT))


def network_temperatures(run: Run, split: Split, options: Train, track: Track) -> list[float]:
    """Return the temperature of each target at which its probabilities suit the validation part best."""
    records = _spread(split.part(VALIDATION), _MOST_ASKED)
    looked = (
        list(classifier.load(run).look(split.dataset, records, options.batch, options.jobs, track)) if records else []
    )
    seen = [(one.record, one.row) for one in looked if not isinstance(one.row, BadImage)]
    if not seen:
        return [1.0] * len(run.targets)
    return temperatures([record for record, _ in seen], np.stack([row for _, row in seen]), run.targets)


def temperatures(records: Sequence[Record], rows: NDArray[np.float32], targets: Sequence[Target]) -> list[float]:
    """Return the temperature of each target that suits pictures best whose probabilities are `rows`, (n, outputs)."""
    truth = class_indices(records, VALIDATION, targets)[1]
    found = []
    for number, part in enumerate(parted(rows, [len(target.labels) for target in targets])):
        there = truth[:, number] != NO_LABEL
        found.append(fit_temperature(truth[there, number], part[there]) if there.any() else 1.0)
    return found


def tempered(info: ModelInfo, found: Sequence[float]) -> ModelInfo:
    """Return what a run says, with the temperature of each target."""
    targets = tuple(replace(target, temperature=one) for target, one in zip(info.targets, found, strict=False))
    return replace(info, temperature=found[0], targets=targets)


def _gallery(faces: Faces, labels: Sequence[str]) -> tuple[KnownVectors, list[Record]]:
    """Return the known faces: of each name, training photos as found, spread evenly; else whatever it has."""
    vectors, classes, records = faces.part(TRAIN, labels)
    found = np.array([record.synthetic is None for record in records], bool)
    rows: list[int] = []
    for number in range(len(labels)):
        own = np.flatnonzero(classes == number)
        rows += _spread((own[found[own]] if found[own].any() else own).tolist(), MOST)
    return KnownVectors(vectors[rows], classes[rows].astype(np.int32)), [records[row] for row in rows]


def _spread(items: Sequence[T], most: int) -> list[T]:
    """Return at most so many of the items, spread evenly."""
    return [items[place] for place in np.linspace(0, len(items) - 1, min(len(items), most)).round().astype(int)]


def _open_set(options: Train, faces: Faces, known: KnownFaces, left: LeftOut, labels: Sequence[str]) -> OpenSet:
    prior = Prior.of(known.metric, embedders.load(faces.embedder.name).threshold)
    vectors, classes, _ = faces.part(VALIDATION, labels)
    inside = known.similarity(vectors, classes) if len(classes) else left.own
    return open_set(faces.embedder, prior, known, left, inside, options.fpir)


def _notices(left: LeftOut, records: Sequence[Record], run: Run, data: Path) -> None:
    """Say how rough the threshold is, and which of the known faces, in their order, may be filed under a wrong name."""
    if left.people < FEW:
        log.warning(
            "how often strangers get a name is a rough estimate: it was measured by leaving out each person in turn, "
            "who is then a stranger to the others, and there are only %s",
            counted(left.people, "person", "people"),
        )
    if left.doubtful:
        what = counted(len(left.doubtful), "training face looks", "training faces look")
        which = [f"{records[one.place].path} (like {run.labels[one.like]})" for one in left.doubtful]
        log.info("%s more like another person than like the own one: %s; %s", what, listed(which), _fix(data))


def _fix(data: Path) -> str:
    """Return what to do about a face under the wrong name, in a tree that `clean` may have made."""
    if (read_info(data) or DatasetInfo()).stage == "clean":
        return f"to reject or move what is filed under the wrong name, type `facekit review {quote(str(data))}`"
    return f"if one is filed under the wrong name, move or delete its file in {data}, and train again"
