"""The pictures in a report on a model: its mistakes, its least certain answers, and the nearest training faces."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from facekit.base.contract import FacekitError, Record, Track, quiet, telling
from facekit.dataset import Dataset
from facekit.dataset.ancestry import Ancestry
from facekit.identity import embedders
from facekit.identity.embedders import embed_dataset
from facekit.identity.embedders.metrics import Embeddings, Metric, distances
from facekit.identity.evaluation import numbers
from facekit.identity.held_out import HeldOut, Predictions
from facekit.identity.openset import decider
from facekit.runs import Run
from facekit.runs.pictures import dataset_of
from facekit.scores.classes import Example

MOST_WRONG = 200
"""Wrong answers that are shown: those with the highest confidence."""

MOST_RIGHT = 160
"""Right answers that are shown, at most four of each name: those with the lowest confidence."""

_AT_ONCE = 32
"""Pictures that are compared with all training faces at a time."""

log = logging.getLogger(__name__)


def examples(
    run: Run, pictures: HeldOut, predictions: Predictions, jobs: int = 0, track: Track = quiet, near: bool = True
) -> list[Example]:
    """Return the answers to show: wrong ones first, surest first, then right ones, least sure first.

    Of several targets these are answers for the first. Each has its photo if it still exists, and with `near` the
    nearest training face where the run has an embedder.
    """
    predictions = predictions.of(run, run.targets[0])
    answered, sure = predictions.probabilities.argmax(axis=1), predictions.probabilities.max(axis=1)
    truth = numbers(run, predictions).tolist()
    places = _chosen(truth, answered.tolist(), sure.tolist())
    records = [predictions.records[place] for place in places]
    photos = _photos(pictures, records)
    named_by = None if predictions.embeddings is None else predictions.embeddings[places]
    nearest = _nearest(run, pictures, records, named_by, jobs, track) if near else {}
    return [
        Example(
            pictures.dataset.root / record.path,
            truth[place],
            int(answered[place]),
            float(sure[place]),
            photos.get(record.path),
            nearest.get(record.path),
        )
        for place, record in zip(places, records, strict=True)
    ]


def _chosen(truth: Sequence[int], answered: Sequence[int], sure: Sequence[float]) -> list[int]:
    by_confidence = sorted(range(len(truth)), key=lambda place: (-sure[place], place))
    wrong = [place for place in by_confidence if truth[place] != answered[place]]
    each = max(1, min(4, MOST_RIGHT // max(1, len(set(truth)))))
    right, counts = list[int](), defaultdict[int, int](int)
    for place in reversed(by_confidence):
        if truth[place] == answered[place] and counts[truth[place]] < each:
            right.append(place)
            counts[truth[place]] += 1
    return wrong[:MOST_WRONG] + right[:MOST_RIGHT]


def _photos(pictures: HeldOut, records: Sequence[Record]) -> dict[str, Path]:
    """Return path -> the photo that a picture was cut from, if it still exists."""
    try:
        ancestry = Ancestry(pictures.dataset.root)
    except FacekitError:
        return {}
    found = {one.path: ancestry.photo(one.origin) for one in records if one.parent}
    return {path: photo for path, photo in found.items() if photo is not None}


def _nearest(
    run: Run, pictures: HeldOut, records: Sequence[Record], asked: Embeddings | None, jobs: int, track: Track
) -> dict[str, Path]:
    """Return path -> the training photo that a picture is nearest to, by what names faces or tells strangers.

    `asked` are the embeddings of the pictures, where they are known. Nothing for a run that has no embedder, and where
    its training pictures are gone. Another picture of the same photo does not count.
    """
    about = run.info.open_set.embedder if run.info.open_set is not None else run.info.backbone
    if about is None:
        return {}
    try:
        of_training = telling(track, "nearest training faces")
        name, known = _embedder(run), _trained_on(run, pictures, of_training)
        vectors = embed_dataset(known, name, of_training, jobs).vectors
        if asked is None:
            asked = embed_dataset(replace(pictures.dataset, records=list(records)), name, track, jobs).vectors
    except FacekitError as error:
        log.info("the report links no training faces: %s", error)
        return {}
    metric: Metric = "cosine" if about.metric == "cosine" else "euclidean"
    origins = np.array([one.origin for one in known.records])
    found: dict[str, Path] = {}
    for first in range(0, len(records), _AT_ONCE):
        some = slice(first, first + _AT_ONCE)
        rows = np.nan_to_num(distances(metric, asked[some], vectors), nan=np.inf)
        for record, far in zip(records[some], rows, strict=True):
            far[origins == record.origin] = np.inf
            if np.isfinite(far).any():
                found[record.path] = known.root / known.records[int(far.argmin())].path
    return found


def _trained_on(run: Run, pictures: HeldOut, track: Track) -> Dataset:
    """Return the training photos as found that are as they were. Raises FacekitError where there are none."""
    photos = [one for one in run.part("train") if one.synthetic is None]
    if pictures.own:  # also where its folder has moved to
        where = replace(run.info.dataset, root=str(pictures.dataset.root.resolve()))
        run = replace(run, info=replace(run.info, dataset=where))
    if not run.root.is_dir():
        raise FacekitError(f"{run.root} is gone")
    known = dataset_of(run, photos, track)
    if not known.records:
        raise FacekitError(f"{run.root} holds none of the training photos")
    return known


def _embedder(run: Run) -> str:
    """Return the embedder by name. Raises FacekitError where it cannot be had, or gives other embeddings now."""
    if run.info.open_set is not None:
        decider.embedder_of(run, run.info.open_set)
        return run.info.open_set.embedder.name
    return str(embedders.backbone_of(run))
