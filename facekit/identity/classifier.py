"""A trained run as a classifier: its own network, or a linear head on the embeddings of a frozen one."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from facekit.base.contract import BadImage, Embedder, Face, FacekitError, Image, Record, Track, quiet
from facekit.dataset import Dataset
from facekit.faces.detectors import cut_out
from facekit.identity.embedders import PerThread, backbone_of, embed_dataset
from facekit.identity.embedders.cache import Embedding
from facekit.identity.embedders.metrics import Embeddings
from facekit.networks import inputs
from facekit.options.crop import FaceCrop
from facekit.runs import HEAD, Backbone, Run
from facekit.runs.export import Exported
from facekit.runs.head import Head

Row = NDArray[np.float32]
"""Probabilities of one picture, shape (outputs,): those of the labels, of several targets one after another."""

Rows = NDArray[np.float32]
"""Probabilities of pictures, shape (n, outputs)."""


class Looked(NamedTuple):
    """A picture that a model looked at."""

    record: Record
    row: Row | BadImage
    """Its probabilities, or the reason why it has none."""
    embedding: Embedding | None = None
    """What they follow from; None of a network of the run's own, and where there are none."""


class Namer(Protocol):
    """Names faces. Its methods may be called from several threads at a time."""

    embeds: bool
    """Whether `named` returns embeddings."""

    def sees(self, image: Image, face: Face | None = None, crop: FaceCrop | None = None) -> Image:
        """Return what the model takes of a face in a photo, cut as `crop` says; of the whole picture without a face.

        Raises BadImage where the face cannot be aligned.
        """
        ...

    def named(self, seen: Sequence[Image]) -> tuple[Rows, Embeddings | None]:
        """Return the probabilities of one batch, and the embeddings that they follow from; None without such."""
        ...


class Classifier(Namer, Protocol):
    """Names faces, and the pictures of a dataset."""

    def probabilities(self, seen: Iterable[Image], batch: int) -> Iterator[Row]:
        """Yield the probabilities of what `sees` returned, in order."""
        ...

    def look(
        self, dataset: Dataset, records: Sequence[Record], batch: int, jobs: int = 0, track: Track = quiet
    ) -> Iterator[Looked]:
        """Yield each of these pictures of a dataset with its probabilities, or the reason why it has none."""
        ...


def load(run: Run) -> Classifier:
    """Return what a run learned.

    Raises FacekitError where its weights are gone, or its embedder cannot be had, and for one that names nobody.
    """
    refuse_embedder(run)
    return _Linear(run) if run.backbone else _Network(run)


def refuse_embedder(run: Run) -> None:
    """Refuse a run that is an embedder, where a model is needed that names people. Raises FacekitError."""
    if run.embeds:
        folder = shlex.quote(str(run.folder))
        raise FacekitError(
            f"{run.folder} is an embedder, which names nobody; enroll people in a gallery, which does: "
            f"facekit enroll PHOTOS -o gallery --embedder {folder}"
        )


def namer(run: Run) -> Namer:
    """Return what names faces as a run does, or as a model that was exported from one. Raises FacekitError as `load`.

    An exported model needs no Keras.
    """
    return _Exported(run) if isinstance(run, Exported) else load(run)


def embeddings(looked: Iterable[Looked]) -> Embeddings | None:
    """Return the embeddings that probabilities follow from, in order; None of a network of the run's own."""
    found = [one.embedding for one in looked if one.embedding is not None]
    return np.stack(found) if found else None


class _Network:
    """A network of the run's own, which sees a picture as it is."""

    embeds = False

    def __init__(self, run: Run) -> None:
        self._model, self._size, self._folder = run.model(), run.size, run.folder
        self._lock = Lock()

    def sees(self, image: Image, face: Face | None = None, crop: FaceCrop | None = None) -> Image:
        cut = image if face is None or crop is None else cut_out(image, face, crop)
        return inputs.as_input(cut, self._size)

    def probabilities(self, seen: Iterable[Image], batch: int) -> Iterator[Row]:
        return _finite(inputs.probabilities(self._model, seen, batch), self._folder)

    def named(self, seen: Sequence[Image]) -> tuple[Rows, Embeddings | None]:
        with self._lock:  # not every engine lets threads ask one model at the same time
            return np.stack(list(self.probabilities(seen, len(seen)))), None

    def look(
        self, dataset: Dataset, records: Sequence[Record], batch: int, jobs: int = 0, track: Track = quiet
    ) -> Iterator[Looked]:
        batch = min(batch, len(records))
        results = track(inputs.decoded(dataset.root, records, self._size, jobs), "evaluate", total=len(records))
        while chunk := list(islice(results, batch)):
            rows = self.probabilities((seen for _, seen in chunk if not isinstance(seen, BadImage)), batch)
            for record, seen in chunk:
                yield Looked(record, seen if isinstance(seen, BadImage) else next(rows))


class _Linear:
    """A linear head on an embedder, which aligns the face it sees."""

    embeds = True

    def __init__(self, run: Run) -> None:
        self._name, self._folder = str(backbone_of(run)), run.folder
        self._embedder = PerThread(self._name)
        self._head = self._read(run, self._embedder())

    def sees(self, image: Image, face: Face | None = None, crop: FaceCrop | None = None) -> Image:
        return self._embedder().align(image, face.box if face else None)

    def probabilities(self, seen: Iterable[Image], batch: int) -> Iterator[Row]:
        seen = iter(seen)
        while some := list(islice(seen, batch)):
            yield from self.named(some)[0]

    def named(self, seen: Sequence[Image]) -> tuple[Rows, Embeddings | None]:
        vectors = self._embedder().embed(seen)
        return np.stack(list(_finite(self._head.probabilities(vectors), self._folder))), vectors

    def look(
        self, dataset: Dataset, records: Sequence[Record], batch: int, jobs: int = 0, track: Track = quiet
    ) -> Iterator[Looked]:
        part = replace(dataset, records=list(records))
        vectors, reasons = embed_dataset(part, self._name, track, jobs)
        there = [row for row, reason in enumerate(reasons) if reason is None]
        rows = _finite(self._head.probabilities(vectors[there]), self._folder)
        for record, vector, reason in zip(records, vectors, reasons, strict=True):
            yield Looked(record, next(rows), vector) if reason is None else Looked(record, BadImage(reason))

    def _read(self, run: Run, embedder: Embedder) -> Head:
        """Read the head. Raises FacekitError for one that was fitted to other embeddings or has other names."""
        about = run.info.backbone
        if about is None or about.version != embedder.version or not _fits(about, embedder):
            raise FacekitError(f"{run.folder} was trained on embeddings that {self._name} no longer gives; train again")
        head = Head.read(run.folder / HEAD, embedder.dimensions, run.whole.sizes)
        return head if run.place is None else head.only(run.place)


class _Exported:
    """A model in a file. Where an embedder aligns its faces, that must be the very one."""

    def __init__(self, run: Exported) -> None:
        self._about, self._folder, self._session = run.about, run.folder, run.session
        self._as_cut = run.about.preprocessing.aligned_as
        self.embeds = run.about.backbone is not None
        self._embedder = None if run.embeds_itself or not self.embeds else PerThread(str(backbone_of(run)))
        if self._embedder is not None:
            self._check(self._embedder())

    def sees(self, image: Image, face: Face | None = None, crop: FaceCrop | None = None) -> Image:
        if self._embedder is not None:
            return self._embedder().align(image, face.box if face else None)
        if face is not None and self._as_cut is not None:
            face, crop = Face(face.box, 0.0), self._as_cut
        cut = image if face is None or crop is None else cut_out(image, face, crop)
        return inputs.as_input(cut, self._about.preprocessing.side)

    def named(self, seen: Sequence[Image]) -> tuple[Rows, Embeddings | None]:
        if self._about.embeds or self._embedder is None:
            rows, vectors = self._session.run(np.stack(seen))
        else:
            vectors = self._embedder().embed(seen)
            rows, _ = self._session.run(vectors)
        return np.stack(list(_finite(rows, self._folder, "export a run that answers"))), vectors

    def _check(self, embedder: Embedder) -> None:
        about = self._about.backbone
        if about is None or about.version != embedder.version or not _fits(about, embedder):
            raise FacekitError(f"{self._folder} is of embeddings that {embedder.name} no longer gives; export it again")


def _fits(about: Backbone, embedder: Embedder) -> bool:
    """Whether what a model says of its embedder's vectors, where it says it, is so."""
    return about.dimensions in (0, embedder.dimensions) and about.metric in ("", embedder.metric)


def _finite(rows: Iterable[Row], folder: Path, again: str = "train again with --overwrite") -> Iterator[Row]:
    """Yield the rows. Raises FacekitError for one with numbers that are not finite, as huge weights give."""
    for row in rows:
        if not np.isfinite(row).all():
            raise FacekitError(f"{folder} answers with numbers that are not finite; {again}")
        yield row
