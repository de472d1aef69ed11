"""The trainer of `--objective` with `--backbone`: frozen embeddings become others, by a matrix that is learned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facekit import runs
from facekit.base.cluster.client import hired
from facekit.base.contract import Embedder, FacekitError, Track
from facekit.dataset.lineage import TRAIN, VALIDATION
from facekit.identity import embedders
from facekit.identity.split import Split
from facekit.networks import backend
from facekit.networks.assembly import HEAD
from facekit.networks.backend import Model, Tensor, keras
from facekit.networks.embedder import DIMENSIONS
from facekit.options.train import Train
from facekit.runs import Embeds, Run, projection
from facekit.training.checkpoint import Checkpoint
from facekit.training.ending import complete
from facekit.training.labels import missing_labels, none_left
from facekit.training.network import say_how_it_goes_on, with_counts
from facekit.training.objectives.feed import ObjectiveFeed
from facekit.training.objectives.learning import learn_objective
from facekit.training.objectives.model import Centres
from facekit.training.objectives.watching import Sample, embedded
from facekit.training.pack import Pack
from facekit.training.plan import Plan
from facekit.training.schedule import why_over

_STEP = 0.1
"""What a learned number counts beside the matrix that the projection begins as, which all but keeps embeddings as they
are: it moves a tenth as fast as a network's weights, and weight decay pulls it back there."""


class Projection:
    """The trainer of a projection of a frozen embedder."""

    def __init__(self, options: Train) -> None:
        """Look at the options alone."""
        self.needs_validation = options.monitor.startswith("val_")
        self._options = options
        folder = Path(options.backbone or "")
        # A run that is named by a relative path would not be found again from another folder.
        self._name = str(folder.resolve()) if folder.is_dir() else str(options.backbone)

    def load(self, run: Run | None) -> None:
        """Load the embedder. Raises FacekitError where it cannot be had, or is a head or a projection itself."""
        if self._options.deterministic:
            backend.compute_alike()
        if Path(self._name).is_dir() and (base := runs.load(Path(self._name))).backbone:
            what = "a projection of" if base.embeds else "a linear head on"
            raise FacekitError(
                f"--backbone is {self._name}, itself {what} {base.backbone}; give --backbone {base.backbone}"
            )
        _ = self._embedder

    @cached_property
    def _embedder(self) -> Embedder:
        return embedders.load(self._name)

    def fit(self, plan: Plan, track: Track) -> Run:
        """Embed the pictures of training and validation once, and train the matrix from the last whole epoch on."""
        options, split = plan.options, plan.split
        backbone = embedders.described(self._name)
        dimensions = min(DIMENSIONS, backbone.dimensions)
        embeds = Embeds(objective=options.objective, dimensions=dimensions, beside=backbone)
        network = f"{self._embedder.name}, frozen"
        run = plan.run or runs.begin(
            options, split.dataset, split.records, split.protocol, network, backbone, split.left, embeds=embeds
        )
        pack = self._pack(split, track)
        self._check(pack, run)
        run = with_counts(run, pack)
        checkpoint = Checkpoint.open(run.folder / runs.CHECKPOINT)
        net = self._network(pack, dimensions)
        if not why_over(options, checkpoint.rows):
            say_how_it_goes_on(plan.run, checkpoint.epochs)
            learn_objective(net, pack, run, checkpoint, options, track, plan.watch, _begin)
        checkpoint.load_best(net)
        projection.write(run.folder / runs.PROJECTION, net.layers[-1].matrix())
        held_out = Sample.of(pack.records, VALIDATION)
        beside = held_out.auc(np.asarray(pack.pixels[held_out.rows], np.float32), self._embedder.metric)
        sample = held_out if len(held_out.rows) else Sample.of(pack.records, TRAIN)
        threshold = sample.threshold(embedded(net, pack, sample.rows, options.batch))
        assert run.info.embeds is not None
        info = replace(run.info, embeds=replace(run.info.embeds, beside_auc=beside, threshold=threshold))
        return complete(run, info, checkpoint, options, backbone.dimensions * dimensions)

    def _pack(self, split: Split, track: Track) -> Pack:
        """Return the embeddings of the pictures of training and validation."""
        pictures = [*split.part(TRAIN), *split.part(VALIDATION)]
        dataset = replace(split.dataset, records=pictures)
        with hired(self._options.cluster, self._options.jobs) as jobs:
            vectors, reasons = embedders.embed_dataset(dataset, self._name, track, jobs)
        there = [row for row, reason in enumerate(reasons) if reason is None]
        lost = [(record, reason) for record, reason in zip(pictures, reasons, strict=True) if reason is not None]
        return Pack(vectors[there], [pictures[row] for row in there], lost)

    def _check(self, pack: Pack, run: Run) -> None:
        """Refuse faces of which a person has none left, or a part. Raises FacekitError."""
        missing = missing_labels(run.labels, pack.records)
        if missing:
            why = Counter(reason for one, reason in pack.lost if (one.label, one.split) == (missing[0], TRAIN))
            raise FacekitError(f"{self._options.input}: {none_left(missing, why)}")
        if self.needs_validation and len({one.label for one in pack.records if one.split == VALIDATION}) < 2:
            raise FacekitError(
                f"{self._options.input}: fewer than two people of the validation part have a face that can be used; "
                "give usable ones, or --monitor accuracy"
            )

    def _network(self, pack: Pack, dimensions: int) -> Model:
        """Return the projection as a network of one layer: embeddings in, embeddings out."""
        keras.utils.set_random_seed(self._options.seed)
        train = [row for row, record in enumerate(pack.records) if record.split == TRAIN]
        base = _basis(np.asarray(pack.pixels[train], np.float64), dimensions)
        inputs = keras.Input((len(base),), name="embedding")
        return keras.Model(inputs, Projecting(base, name=f"{HEAD}_projection")(inputs), name="projection")


@keras.saving.register_keras_serializable("facekit")
class Projecting(keras.layers.Layer):  # type: ignore[misc]
    """Multiplies embeddings, shape (batch, n), by a matrix that begins as `base`, shape (n, dimensions)."""

    def __init__(self, base: projection.Matrix, **more: object) -> None:
        super().__init__(dtype="float32", **more)
        self._base = np.asarray(base, np.float32)

    def build(self, shape: Sequence[int | None]) -> None:
        """Begin as the base."""
        self.kernel = self.add_weight(shape=self._base.shape, initializer="zeros", name="kernel")

    def call(self, embeddings: Tensor) -> Tensor:
        """Return the projected embeddings."""
        return keras.ops.matmul(embeddings, self._base + _STEP * self.kernel)

    def matrix(self) -> projection.Matrix:
        """Return the whole matrix."""
        return self._base + np.float32(_STEP) * np.asarray(keras.ops.convert_to_numpy(self.kernel), np.float32)


def _basis(vectors: NDArray[np.float64], dimensions: int) -> projection.Matrix:
    """Return the matrix to begin with: the identity, or the directions in which faces differ most where it has less."""
    if vectors.shape[1] == dimensions:
        return np.eye(dimensions, dtype=np.float32)
    axes = np.linalg.svd(vectors, full_matrices=False)[2][:dimensions]
    rest = dimensions - len(axes)  # fewer faces than dimensions
    return np.pad(axes, ((0, rest), (0, 0))).T.astype(np.float32)


def _begin(model: Model, feed: ObjectiveFeed) -> None:
    """Put the centres of an objective that has some amid the frozen embeddings of their people."""
    if isinstance(model.layers[-1], Centres):
        vectors, people = feed.whole()
        projected = keras.Model(model.inputs, model.layers[-2].output).predict_on_batch(vectors)
        model.layers[-1].begin(np.asarray(projected, np.float32), people)
