"""What is fitted: an embedder, what its objective adds to it, and the loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from facekit.networks.backend import Model, Tensor, keras
from facekit.options.objectives import BY_CENTRES, SCALE
from facekit.options.train import Train
from facekit.training.objectives import losses

Loss = Callable[[Tensor, Tensor], Tensor]
"""From targets, shape (batch, 2), and what the model gives, to a loss."""


@keras.saving.register_keras_serializable("facekit")
class Centres(keras.layers.Layer):  # type: ignore[misc]
    """The cosines of embeddings, shape (batch, dimensions), with one learned centre a person: shape (batch, people)."""

    def __init__(self, people: int, **more: object) -> None:
        super().__init__(dtype="float32", **more)
        self.people = people

    def build(self, shape: Sequence[int | None]) -> None:
        """Draw a centre for each person."""
        self.kernel = self.add_weight(shape=(shape[-1], self.people), initializer="glorot_uniform", name="kernel")

    def call(self, embeddings: Tensor) -> Tensor:
        """Return the cosines."""
        rows = losses.unit(keras.ops.transpose(self.kernel))
        return keras.ops.matmul(losses.unit(embeddings), keras.ops.transpose(rows))

    def begin(self, embeddings: NDArray[np.float32], people: NDArray[np.int32]) -> None:
        """Put each centre amid the embeddings of its person."""
        rows = embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)
        self.kernel.assign(np.stack([rows[people == person].mean(0) for person in range(self.people)], axis=1))


def with_objective(embedder: Model, people: int, options: Train) -> Model:
    """Return the model that is fitted: where the objective has centres, embeddings become cosines with them."""
    outputs = embedder.output
    if options.objective in BY_CENTRES:
        outputs = Centres(people, name="centres")(outputs)
    return keras.Model(embedder.inputs, outputs, name=embedder.name)


def loss_of(options: Train) -> Loss:
    """Return the loss of the objective."""
    if options.objective in BY_CENTRES:
        by_centres = losses.arcface if options.objective == "arcface" else losses.cosface
        scale = options.scale or SCALE

        def of_each(targets: Tensor, cosines: Tensor) -> Tensor:
            return by_centres(cosines, _people(targets), targets[:, 1], scale)

        return of_each
    of_batch = losses.triplet if options.objective == "triplet" else losses.contrastive

    def of_all(targets: Tensor, embeddings: Tensor) -> Tensor:
        return of_batch(embeddings, _people(targets), targets[0, 1])

    return of_all


def _people(targets: Tensor) -> Tensor:
    return keras.ops.cast(targets[:, 0], "int32")
