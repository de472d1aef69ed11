"""What enrolled faces, or the held-out pictures of a run, are like: what the answers are compared with."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np

from facekit.base import images
from facekit.base.contract import BadImage, Box, Record, Track, quiet
from facekit.base.files import sha256_of
from facekit.base.parallel import ordered_map
from facekit.dataset import Dataset
from facekit.faces import quality
from facekit.identity.embedders.embeddings import face_in
from facekit.identity.gallery import Gallery
from facekit.identity.gallery.values import Crop, KnownFace
from facekit.identity.openset.answers import Recogniser, Seen
from facekit.options.crop import CarriedCrop
from facekit.runs import Run
from facekit.runs.pictures import dataset_of
from facekit.runs.run import MODEL
from facekit.scores.stability import between_people
from facekit.serving.monitor.days import DayStore, Reference, limits
from facekit.serving.monitor.measures import BY_NAME, CONFIDENCE, LEAST, SIMILARITY, Edges, counted, of_face, quantiles

T = TypeVar("T")

MOST = 1000
"""Faces that are measured: more change little, and each takes some milliseconds."""

SIZE = "size"

Values = dict[str, list[tuple[Hashable, float]]]
"""Measure -> who is on each picture, and its value."""

log = logging.getLogger(__name__)


def of_gallery(gallery: Gallery, days: DayStore, jobs: int = 0, track: Track = quiet) -> dict[str, Reference]:
    """Return what a gallery's answers are compared with; it is found again where its people have changed.

    The limits of the bins stay as they were at first. Faces are measured on the pictures of them that are kept; of a
    gallery that keeps none, days can only be compared with earlier days.
    """
    state = f"{gallery.about.id} {gallery.store.generation}"
    return _current(days, state) or _stored(days, state, _of_faces(gallery, jobs, track))


def of_run(
    run: Run, days: DayStore, recogniser: Recogniser | None = None, jobs: int = 0, track: Track = quiet
) -> dict[str, Reference]:
    """Return what a run's answers are compared with: its test and validation pictures, which it did not learn from.

    Where none of them is there any more, days can only be compared with earlier days. Raises FacekitError for weights
    that are gone.
    """
    state = sha256_of(run.folder / MODEL)
    found = _current(days, state)
    if found:
        return found
    return _stored(days, state, _of_pictures(run, recogniser or Recogniser(run), jobs, track))


def _current(days: DayStore, state: str) -> dict[str, Reference]:
    references = days.references()
    return references if references and all(one.of == state for one in references.values()) else {}


def _stored(days: DayStore, state: str, values: Values) -> dict[str, Reference]:
    """Store what was found, over the limits that there are."""
    before = days.references()
    edges = {**_quantiles(values), **{name: one.edges for name, one in before.items()}}
    edges = {**limits(before), **edges}
    return days.set_references({name: _reference(edges[name], values.get(name, []), state) for name in BY_NAME})


def _quantiles(values: Values) -> dict[str, Edges]:
    found = {name: quantiles([value for _, value in some]) for name, some in values.items()}
    return {name: edges for name, edges in found.items() if edges is not None}


def _reference(edges: Edges, values: Sequence[tuple[Hashable, float]], state: str) -> Reference:
    if len(values) < LEAST:
        return Reference(edges=edges, of=state)
    people: dict[Hashable, list[float]] = {}
    for who, value in values:
        people.setdefault(who, []).append(value)
    table = np.stack([counted(edges, some) for some in people.values()])
    return Reference(
        edges=edges, counts=tuple(table.sum(axis=0).tolist()), effect=round(between_people(table), 4), of=state
    )


def _of_faces(gallery: Gallery, jobs: int, track: Track) -> Values:
    faces = some(list(gallery.store.faces()), lambda face: face.id)
    # Read in this thread, which waits for no other; measured in several.
    kept = ((face, gallery.store.crop(face.id)) for face in faces)
    values: Values = {}
    measured = ordered_map(_of_crop, kept, jobs)
    for face, found in zip(faces, track(measured, "enrolled faces", total=len(faces)), strict=True):
        _add(values, face.name, _comparable(found, gallery.about.crop))
    threshold = gallery.promise().open_set.threshold
    values[SIMILARITY.name] = [(who, one) for who, one in _own(gallery) if one >= threshold]
    return values


def _of_crop(kept: tuple[KnownFace, Crop | None]) -> dict[str, float]:
    """Return what is measured of an enrolled face; nothing where no picture of it is kept."""
    face, crop = kept
    if crop is None:
        return {}
    try:
        found = quality.in_photo(images.decode(crop.data), crop.box)
    except BadImage:
        return {}
    return _with_size(found, face.where.box)


def _own(gallery: Gallery) -> Iterator[tuple[int, float]]:
    """Yield who each of some faces is, and how similar it is to the others of that person."""
    known = gallery.people().known()
    places = np.random.default_rng(0).permutation(len(known.vectors))[:MOST]
    for place in np.sort(places).tolist():
        if np.isfinite(similarity := known.to_own(place)):
            yield int(known.classes[place]), similarity


def _of_pictures(run: Run, recogniser: Recogniser, jobs: int, track: Track) -> Values:
    records = some([*run.part("test"), *run.part("validation")], lambda record: record.id)
    dataset = dataset_of(run, records) if run.root.is_dir() else None
    if dataset is None or not dataset.records:
        log.warning(
            "the test and validation pictures of %s are gone: its answers can only be compared with earlier days",
            run.folder,
        )
        return {}
    values: Values = {}
    looked = ordered_map(lambda one: _of_record(run, dataset, recogniser, one), dataset.records, jobs)
    pairs = track(zip(dataset.records, looked, strict=True), "held-out pictures", total=len(dataset.records))
    there = [(record, one) for record, one in pairs if one is not None]
    named = recogniser.named([seen for _, (_, seen) in there])
    for (record, (found, _)), answer in zip(there, named, strict=True):
        _add(values, record.label, found)
        if answer.similarity is None:
            _add(values, record.label, {CONFIDENCE.name: answer.probability})
        elif not answer.stranger:
            _add(values, record.label, {SIMILARITY.name: answer.similarity})
    return values


def _of_record(
    run: Run, dataset: Dataset, recogniser: Recogniser, record: Record
) -> tuple[dict[str, float], Seen] | None:
    """Return what is measured of a held-out picture, and what the model sees of it; None where it cannot be read."""
    try:
        image = images.decode(dataset.bytes_of(record))
        seen = recogniser.sees(image)
    except BadImage:
        return None
    if not run.detects or run.info.crop is None:  # the faces of other photos are found by a detector, and cut tighter
        return {}, seen
    found = quality.in_photo(image, face_in(image, record, dataset.info))
    return _comparable(_with_size(found, record.box), run.info.crop), seen


def _with_size(found: dict[str, float], box: Box | None) -> dict[str, float]:
    """Return what was measured on a picture of a face, with the size that it had in its photo, where that is known."""
    known = {name: value for name, value in found.items() if name != SIZE}
    return known if box is None else {**known, SIZE: float(min(box.w, box.h))}


def _comparable(found: Mapping[str, float], crop: CarriedCrop) -> dict[str, float]:
    """Return what photos can be compared by: a face that was turned upright has lost its roll."""
    return {name: value for name, value in of_face(found).items() if name != "roll" or crop.align == "none"}


def _add(values: Values, who: Hashable, found: Mapping[str, float]) -> None:
    for name, value in found.items():
        values.setdefault(name, []).append((who, value))


def some(items: Sequence[T], key: Callable[[T], str]) -> list[T]:
    """Return at most `MOST` of the items, the same ones each time: chosen by their ids, which are hashes."""
    return sorted(items, key=key)[:MOST]
