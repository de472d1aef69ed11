"""Score a model of people on strangers: those of another folder, or its own people left out in turn."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from facekit.base.contract import BadImage, FacekitError, Record, Track, telling
from facekit.base.names import fold
from facekit.base.text import counted
from facekit.dataset import Dataset
from facekit.dataset.strangers import each_another
from facekit.identity import classifier, overlap
from facekit.identity.embedders import embed_dataset
from facekit.identity.embedders.metrics import Embeddings
from facekit.identity.held_out import HeldOut, Predictions
from facekit.identity.openset import decider
from facekit.identity.openset.decider import Decider
from facekit.options.targets import IDENTITY
from facekit.runs import Run
from facekit.scores.identification import Identification, Rates, Searches, identification, rates

T = TypeVar("T")

log = logging.getLogger(__name__)

LEFT_OUT = "the people of the model, each left out in turn"
OWN = "of people who are in the model"


def open_strangers(run: Run, folder: Path, track: Track) -> tuple[Dataset, Counter[str]]:
    """Open a folder of strangers; people of the model are left out of it, and counted by reason.

    Of a folder without folders each photo is of another stranger. Raises FacekitError for a run that cannot tell
    strangers, and a folder that holds none.
    """
    if run.info.open_set is None:
        why = decider.why_none(run) or f"{run.folder} is a model of classes, which has no strangers"
        raise FacekitError(f"--strangers: {why}")
    dataset = each_another(Dataset.open(folder, track))
    known = {fold(name) for name in (*run.labels, *run.info.names.values())}
    records = [one for one in dataset.records if not {fold(one.label), fold(one.name)} & known]
    own = sorted({one.label for one in dataset.records} - {one.label for one in records})
    if not records:
        raise FacekitError(f"--strangers: {folder} holds only people of the model; give a folder of others")
    if own:
        log.warning("%s: %s", folder, _no_strangers(own))
    return replace(dataset, records=records), Counter({OWN: len(dataset.records) - len(records)} if own else {})


def _no_strangers(own: Sequence[str]) -> str:
    if len(own) == 1:
        return f"1 person of the model is not a stranger and is left out ({own[0]})"
    return f"{len(own)} people of the model are not strangers and are left out (first {own[0]})"


@dataclass(frozen=True)
class Among:
    """Known people and strangers who were searched for in a model, and its threshold."""

    known: Searches
    strangers: Searches
    threshold: float
    asked: float
    """The false positive identification rate that the threshold stands for."""
    strangers_are: str
    found_by: int
    """How many people were left out in turn to find the threshold."""
    left: Mapping[str, int] = field(default_factory=dict)
    """Reason -> pictures of strangers left out."""

    @property
    def rates(self) -> Rates[float]:
        """Both rates at the threshold."""
        return rates(self.known, self.strangers, self.threshold)

    def scores(self, rounds: int, seed: int) -> Identification:
        """Return every score of these searches."""
        found = (self.known, self.strangers, self.threshold, self.asked, self.strangers_are, self.found_by)
        return identification(*found, rounds, seed, self.left)


def together(parts: Sequence[Among]) -> Among:
    """Return the searches of several models, each of which has its own threshold, as those of one.

    Similarities are moved so that all thresholds are where their mean is: each face is named or unknown as before.
    """
    threshold = float(np.mean([one.threshold for one in parts]))

    def joined(of: Sequence[Searches]) -> Searches:
        moved = [one.similarity - part.threshold + threshold for one, part in zip(of, parts, strict=True)]
        people = [person for one in of for person in one.people]
        return Searches(np.concatenate(moved), np.concatenate([one.right for one in of]), people)

    known, strangers = joined([one.known for one in parts]), joined([one.strangers for one in parts])
    return replace(parts[0], known=known, strangers=strangers, threshold=threshold)


def identify(
    run: Run,
    pictures: HeldOut,
    predictions: Predictions,
    strangers: tuple[Dataset, Counter[str]] | None,
    jobs: int,
    track: Track,
) -> Among | None:
    """Search for the people on the pictures that `predictions` has, and for strangers; None where a run tells none.

    Strangers are those given, else each person is left out in turn.

    Raises FacekitError for known faces that are gone or broken, and an embedder that cannot be had.
    """
    judge = decider.load(run)
    if judge is None:
        return None
    decider.embedder_of(run, judge.about)
    predictions = predictions.of(run, run.targets[0])
    dataset = replace(pictures.dataset, records=list(predictions.records))
    vectors = _vectors(judge, predictions.embeddings, dataset, jobs, track)
    known = _known(run, judge, predictions, vectors)
    if strangers is None:
        others, what, left = _left_out(run, judge, predictions.records, vectors), LEFT_OUT, Counter[str]()
    else:
        new, left = _unused(run, pictures, *strangers, jobs, track)
        others, left = _strangers(run, judge, new, left, jobs, track)
        what = f"the people of {strangers[0].root}"
    if not len(others.similarity):
        return None
    return Among(known, others, judge.threshold, judge.rate, what, judge.about.people, left)


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
        what = counted(used.total(), "picture of a stranger was", "pictures of strangers were")
        log.warning("%s: %s used in training, and left out", dataset.root, what)
        if used.total() >= len(new.records):
            log.warning("%s: most of its pictures show people of the model, who are not strangers", dataset.root)
    return new, left + used


def _vectors(judge: Decider, named_by: Embeddings | None, dataset: Dataset, jobs: int, track: Track) -> Embeddings:
    """Return the embeddings that decide: those that a linear head named the faces by; else they are computed."""
    return embed_dataset(dataset, judge.about.embedder.name, track, jobs).vectors if named_by is None else named_by


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
    left, track = Counter(left), telling(track, "strangers")
    looked = list(classifier.load(run.only(IDENTITY)).look(dataset, dataset.records, 128, jobs, track))
    left += Counter(one.row.reason for one in looked if isinstance(one.row, BadImage))
    seen = [(one.record, one.row) for one in looked if not isinstance(one.row, BadImage)]
    if not seen:
        raise FacekitError(f"--strangers: {dataset.root} has no usable face; give other pictures")
    records = [record for record, _ in seen]
    vectors = _vectors(judge, classifier.embeddings(looked), replace(dataset, records=records), jobs, track)
    answered = np.stack([row for _, row in seen]).argmax(axis=1)
    similar = judge.similarity(vectors, answered)
    return Searches(similar, np.zeros(len(similar), bool), [record.label for record in records]), left
