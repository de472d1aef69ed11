"""What a model of people is worth among strangers: those of another folder, or its own people left out in turn."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facekit.base.contract import BadImage, FacekitError, Record, Track
from facekit.base.names import fold
from facekit.dataset import Dataset
from facekit.identity import classifier, overlap
from facekit.identity.embedders import embed_dataset
from facekit.identity.held_out import HeldOut, Predictions
from facekit.identity.openset import decider
from facekit.identity.openset.decider import Decider
from facekit.runs import Run
from facekit.scores.identification import Identification, Searches, identification

log = logging.getLogger(__name__)

LEFT_OUT = "the people of the model, each left out in turn"
OWN = "of people who are in the model"


def open_strangers(run: Run, folder: Path, track: Track) -> tuple[Dataset, Counter[str]]:
    """Open a folder of strangers; people of the model are left out of it, and counted by reason.

    Raises FacekitError for a run that cannot tell strangers, and a folder that holds none.
    """
    if run.info.open_set is None:
        why = decider.why_none(run) or f"{run.folder} is a model of classes, which has no strangers"
        raise FacekitError(f"--strangers: {why}")
    dataset = Dataset.open(folder, track)
    known = {fold(name) for name in (*run.labels, *run.info.names.values())}
    records = [one for one in dataset.records if not {fold(one.label), fold(one.name)} & known]
    own = sorted({one.label for one in dataset.records} - {one.label for one in records})
    if not records:
        raise FacekitError(f"--strangers: {folder} holds only people of the model; give a folder of others")
    if own:
        log.warning(
            "%s: %d people of the model are not strangers and are left out (first %s)", folder, len(own), own[0]
        )
    return replace(dataset, records=records), Counter({OWN: len(dataset.records) - len(records)} if own else {})


def identify(
    run: Run,
    pictures: HeldOut,
    predictions: Predictions,
    strangers: tuple[Dataset, Counter[str]] | None,
    rounds: int,
    seed: int,
    jobs: int,
    track: Track,
) -> Identification | None:
    """Return the scores among strangers, of the pictures that `predictions` has; None where a run cannot tell any.

    Raises FacekitError for known faces that are gone or broken, and an embedder that cannot be had.
    """
    judge = decider.load(run)
    if judge is None:
        return None
    decider.embedder_of(run, judge.about)
    dataset = replace(pictures.dataset, records=list(predictions.records))
    vectors, _ = embed_dataset(dataset, judge.about.embedder.name, track, jobs)
    known = _known(run, judge, predictions, vectors)
    if strangers is None:
        others, what, left = _left_out(run, judge, predictions.records, vectors), LEFT_OUT, Counter[str]()
    else:
        new, left = _unused(run, pictures, *strangers, jobs, track)
        others, left = _strangers(run, judge, new, left, jobs, track)
        what = f"the people of {strangers[0].root}"
    if not len(others.similarity):
        return None
    return identification(known, others, judge.threshold, judge.rate, what, rounds, seed, left)


def _unused(
    run: Run, pictures: HeldOut, dataset: Dataset, left: Counter[str], jobs: int, track: Track
) -> tuple[Dataset, Counter[str]]:
    """Return the strangers without pictures that the training used, under whatever name, and why others are left out.

    Raises FacekitError where nothing remains.
    """
    root = pictures.dataset.root if pictures.own else run.root
    new, used = overlap.unused(run, root, dataset, jobs, track)
    if not new.records:
        raise FacekitError(f"--strangers: the training of {run.folder} used every picture of {dataset.root}")
    if used:
        log.warning("%s: %d pictures of strangers were used in training and are left out", dataset.root, used.total())
    return new, left + used


def _known(run: Run, judge: Decider, predictions: Predictions, vectors: NDArray[np.float32]) -> Searches:
    answered = predictions.probabilities.argmax(axis=1)
    right = np.array([run.labels[a] == one.label for a, one in zip(answered, predictions.records, strict=True)])
    return Searches(judge.similarity(vectors, answered), right, [one.label for one in predictions.records])


def _left_out(run: Run, judge: Decider, records: Sequence[Record], vectors: NDArray[np.float32]) -> Searches:
    """Return each person's pictures as searches for a stranger, whose own known faces are not there."""
    number = {label: place for place, label in enumerate(run.labels)}
    own = np.array([number[one.label] for one in records])
    found = np.full(len(records), -np.inf)
    for rows, similar in judge.known.blocks(vectors):
        similar[np.arange(len(similar)), own[rows]] = -np.inf
        found[rows] = similar.max(axis=1)
    return Searches(found, np.zeros(len(found), bool), [one.label for one in records])


def _strangers(
    run: Run, judge: Decider, dataset: Dataset, left: Counter[str], jobs: int, track: Track
) -> tuple[Searches, Counter[str]]:
    left = Counter(left)
    looked = list(classifier.load(run).look(dataset, dataset.records, 128, jobs, track))
    left += Counter(row.reason for _, row in looked if isinstance(row, BadImage))
    seen = [(record, row) for record, row in looked if not isinstance(row, BadImage)]
    if not seen:
        raise FacekitError(f"--strangers: {dataset.root} shows no face that can be looked at; give other pictures")
    records = [record for record, _ in seen]
    vectors, _ = embed_dataset(replace(dataset, records=records), judge.about.embedder.name, track, jobs)
    answered = np.stack([row for _, row in seen]).argmax(axis=1)
    similar = judge.similarity(vectors, answered)
    return Searches(similar, np.zeros(len(similar), bool), [record.label for record in records]), left
