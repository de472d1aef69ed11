"""The facts of a gallery: who is in it, by how many faces, and how far its answers can be relied on."""

from __future__ import annotations

from facekit.base import provenance
from facekit.base.text import counted
from facekit.identity.gallery import Gallery
from facekit.report.cards.facts import Data, Facts, Person, Tool
from facekit.runs.provenance import of_embedder
from facekit.scores.weights import WeightsCard


def facts(place: str) -> Facts:
    """Return the facts of a gallery. Raises FacekitError for one that cannot be read."""
    with Gallery.open(place) as gallery:
        about, promise, people = gallery.about, gallery.promise(), gallery.store.people()
        faces = sum(one.faces for one in people)
        rows = [
            ("people", f"{len(people):,}"),
            ("faces", f"{faces:,}"),
            ("embedder", f"{about.embedder.name} ({about.embedder.licence})"),
            ("faces found by", about.found_by),
            ("pictures of faces kept", "yes" if about.keep_crops else "no"),
            ("how far it can be relied on", promise.line),
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
        data=Data(pictures=faces, people=named),
        tools=tools,
        model=rows,
        left_out=promise.open_set.people,
        drawn=about.drawn,
    )


def _weights(one: provenance.Provenance) -> WeightsCard:
    return WeightsCard(one.title, one.licence, one.trained_on, one.overlap)
