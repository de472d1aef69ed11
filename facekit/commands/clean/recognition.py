"""Who is in each picture: embed the faces, then compute the probability that each is the folder's person."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from facekit.base import plugins
from facekit.base.contract import Embedder, FacekitError, Track
from facekit.base.names import fold
from facekit.base.parallel import Jobs
from facekit.base.text import counted, listed
from facekit.commands.clean.candidates import Candidate
from facekit.dataset import Dataset, by_label, key
from facekit.identity import embedders, people
from facekit.identity.embedders.metrics import Embeddings, comparable
from facekit.identity.likeness import Proof
from facekit.options.clean import Clean

log = logging.getLogger(__name__)

NONE, AUTO, DEFAULT = "none", "auto", "dlib"

BOTH = (DEFAULT, "sface")
"""The embedders of `auto`: what one takes for somebody else the other often knows."""

PLUS = "+"
"""What stands between the names of two embedders."""

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

    def rejected(self, reject_at: float) -> set[int]:
        """Return the places of the pictures whose probability is so low or lower."""
        chances = self.judged.probability if self.judged else []
        return {place for place, value in enumerate(chances) if value is not None and value <= reject_at}


def embedder_name(options: Clean) -> str:
    """Return the embedders that the options ask for, joined by `+`; `auto` is those of `BOTH` that are installed."""
    if options.embedder != AUTO:
        return options.embedder
    there = [name for name in BOTH if embedders.available(name)]
    if not there:
        log.warning(
            "wrong people are not found, because neither dlib's network nor SFace is installed:  "
            "pip install 'facekit-cli[faces]', or give --embedder none"
        )
        return NONE
    if len(there) < len(BOTH):
        log.warning(
            "people are told apart by %s alone, so more faces are left for review; install dlib and sface for a second "
            "opinion: pip install 'facekit-cli[faces]'",
            there[0],
        )
    return PLUS.join(there)


def names_of(embedder: str) -> tuple[str, ...]:
    """Return the embedders of a name that `embedder_name` returned, the one that groups faces first."""
    parts = tuple(embedder.split(PLUS))
    known = plugins.names(embedders.KIND)
    if embedder == NONE:
        return ()
    return parts if len(set(parts)) == len(parts) and all(part in known for part in parts) else (embedder,)


def embed(
    names: Sequence[str], source: Dataset, candidates: Sequence[Candidate], jobs: Jobs, track: Track
) -> list[Embedded]:
    """Return the embeddings of the pictures, in their order, by each embedder."""
    place = {key(record): at for at, record in enumerate(source.records)}
    order = [place[key(one.record)] for one in candidates]
    return [_embedded(name, source, order, jobs, track) for name in names]


def _embedded(name: str, source: Dataset, order: Sequence[int], jobs: Jobs, track: Track) -> Embedded:
    embedder = embedders.load(name)
    whole = embedders.embed_dataset(source, name, track, jobs)
    vectors, reasons = whole.vectors[order], [whole.reasons[at] for at in order]
    return Embedded(name, comparable(vectors, embedder.metric), _scaled(vectors, embedder), reasons)


def judge(
    faces: Sequence[Embedded],
    candidates: Sequence[Candidate],
    proved: Sequence[Proof],
    references: Sequence[Mapping[str, Embeddings]],
) -> Recognition:
    """Return how probably each picture shows the person of its folder. Bad ones neither count nor are judged.

    `references` are the embeddings of reference pictures by each embedder, in the order of `faces`.
    """
    if not faces:
        return Recognition([None] * len(candidates))
    there = np.array([one.counts for one in candidates], bool)
    known = references or [{}] * len(faces)
    seen = [
        people.Embedded(np.where(there[:, None], one.scaled, np.nan), people.model_of(one.embedder), pictures)
        for one, pictures in zip(faces, known, strict=True)
    ]
    labels = [one.record.label for one in candidates]
    photos = [one.record.origin if one.record.box is not None else None for one in candidates]
    confirmed = [one.wanted for one in candidates]
    judged = people.judge(seen, labels, [proof[:2] for proof in proved], photos, confirmed)
    twins = {name for pair in judged.twins for name in pair[:2]}
    clear = [name for name, found in judged.names.items() if found.folder.person is not None]
    if len(clear) > 2 and len(twins) > MAX_TWINS * len(clear):
        log.warning(
            "the embedder %s cannot tell %d of %s apart, so its answers are not used; "
            "choose another --embedder, or none",
            *(faces[0].embedder, len(twins), counted(len(clear), "name")),
        )
        return Recognition(faces[0].reasons)
    return Recognition(faces[0].reasons, judged)


def references(
    names: Sequence[str], folder: Dataset, source: Dataset, jobs: Jobs, track: Track
) -> list[dict[str, Embeddings]]:
    """Return the embeddings of the reference pictures by each embedder, by label of the source, whatever its spelling.

    Raises FacekitError where no face can be read in any of them, or none is of a name of the source.
    """
    every = list(range(len(folder.records)))
    vectors = [_embedded(name, folder, every, jobs, track).scaled for name in names]
    labels = {fold(text): record.label for record in source.records for text in (record.label, record.name)}
    rows: dict[str, list[int]] = {}
    for row, record in enumerate(folder.records):
        if np.isfinite(vectors[0][row]).all():
            label = labels.get(fold(record.label)) or labels.get(fold(record.name)) or record.label
            rows.setdefault(label, []).append(row)
    _check(rows, folder, source)
    return [{label: of_all[inside] for label, inside in rows.items()} for of_all in vectors]


def _check(found: Mapping[str, Sequence[int]], folder: Dataset, source: Dataset) -> None:
    known = found.keys() & set(source.labels)
    if not known:
        raise FacekitError(
            f"--reference {folder.root} has none of the people in {source.root};  "
            "give one folder of reference pictures per person, with the same folder names"
        )
    blind = sorted(by_label(folder.records).keys() - found.keys())
    if blind:
        log.warning("no face was found in the reference pictures of %s", listed(blind))
    if len(known) < len(source.labels):
        log.warning(
            "of %s %s no known pictures; the person in most of their pictures is used instead",
            *(counted(len(source.labels), "name"), counted(len(source.labels) - len(known), "has", "have")),
        )


def _scaled(vectors: Embeddings, embedder: Embedder) -> Embeddings:
    return people.scaled(vectors, embedder.metric, embedder.threshold)
