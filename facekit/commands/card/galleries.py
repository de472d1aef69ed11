"""The facts of a gallery: who is in it, by how many faces, and how far its answers can be relied on."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from facekit.base import plain, provenance
from facekit.base.contract import Source
from facekit.base.text import counted
from facekit.commands.card.origins import of_sources
from facekit.dataset.records import check_source
from facekit.identity.gallery import Gallery
from facekit.identity.gallery.values import KnownFace
from facekit.report.cards.facts import Data, Facts, Person, Tool
from facekit.report.cards.markdown import RELIED
from facekit.runs.provenance import of_embedder
from facekit.scores.weights import WeightsCard

_FPIR = "false positive identification rate"


def facts(place: str) -> Facts:
    """Return the facts of a gallery. Raises FacekitError for one that cannot be read."""
    with Gallery.open(place) as gallery:
        about, promise, people = gallery.about, gallery.promise(), gallery.store.people()
        sources = _sources(gallery.store.faces())
        faces = sum(one.faces for one in people)
        rows = [
            ("people", f"{len(people):,}"),
            ("faces", f"{faces:,}"),
            ("embedder", f"{Path(about.embedder.name).name} (licence: {about.embedder.licence or 'not known'})"),
            ("faces found by", "nothing: the pictures were faces" if not about.crop.detect else about.found_by),
            ("pictures of faces kept", "yes" if about.keep_crops else "no"),
            (
                "says unknown",
                "of a face whose similarity to the person that is most similar is below "
                f"{promise.open_set.threshold:.3f}. Similarity is one minus the distance of embeddings to the known "
                f"faces of the person ({about.embedder.metric})",
            ),
            (RELIED, promise.line.replace(_FPIR, f"{_FPIR} (the share of strangers who get a name)", 1)),
        ]
        title = gallery.shown.rstrip("/").rpartition("/")[2]
    found = about.found_by.split()
    detectors = [one for name, one in provenance.DETECTORS.items() if name in found]
    tools = [
        *(Tool(use="finds the faces", weights=_weights(one)) for one in detectors),
        Tool(use="tells whose faces they are", weights=of_embedder(about.embedder.name, about.embedder.licence)),
    ]
    named = sorted((Person(name=one.name, pictures=one.faces) for one in people), key=lambda p: (-p.pictures, p.name))
    return Facts(
        kind="gallery",
        title=title,
        summary=f"A gallery of {counted(faces, 'face')} of {counted(len(people), 'person', 'people')}: biometric "
        "templates that faces in photos are compared with.",
        data=Data(pictures=faces, people=named, origin=of_sources(sources)),
        tools=tools,
        model=rows,
        left_out=promise.open_set.people,
        drawn=about.drawn,
    )


def _sources(faces: Iterable[KnownFace]) -> list[Source]:
    """Return where the photos come from that the faces were cut from, as far as the gallery has noted it."""
    found: dict[str, Source] = {}
    for face in faces:
        origin = face.where.origin or face.where.sha256
        line = face.where.source
        found.setdefault(origin, _parsed(line) or Source(origin))
    return list(found.values())


def _parsed(line: str) -> Source | None:
    """Return what a gallery says of where a photo was found; None where it says nothing that facekit wrote."""
    try:
        source = plain.parse(line, Source) if line else None
        if source is not None:
            check_source(source)
    except ValueError:
        return None
    return source


def _weights(one: provenance.Provenance) -> WeightsCard:
    return WeightsCard(one.title, one.licence, one.trained_on, one.overlap)
