"""What a network of one or several targets is trained to lower, and how good each head is meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from facekit.networks.backend import Model, Tensor, keras
from facekit.training.labels import NO_LABEL


class Uncertainty(keras.layers.Layer):  # type: ignore[misc]
    """Lays a number for each target beside the answers: the logarithm of the variance that its labels have.

    Its loss is weighed by the inverse of that variance (Kendall, Gal and Cipolla, "Multi-Task Learning Using
    Uncertainty to Weigh Losses", CVPR 2018).
    """

    def __init__(self, targets: int, **kwargs: Any) -> None:
        super().__init__(dtype="float32", **kwargs)
        self.targets = targets

    def build(self, input_shape: Any) -> None:
        """Make the numbers, all 0: every loss counts alike."""
        self.log_variance = self.add_weight(shape=(self.targets,), initializer="zeros", name="log_variance")

    def call(self, answers: Tensor) -> Tensor:
        """Return the answers, shape (b, outputs), with the numbers behind them, shape (b, outputs + targets)."""
        ops = keras.ops
        beside = ops.zeros_like(answers[:, : self.targets]) + self.log_variance
        return ops.concatenate([answers, beside], axis=1)


class TargetLoss(keras.losses.Loss):  # type: ignore[misc]
    """The cross-entropy of each target: the mean over a batch of their weighted sum."""

    def __init__(self, sizes: Sequence[int], weights: Sequence[float] | None, smoothing: float = 0.0) -> None:
        """`sizes` are the classes of each target; `weights` None means that they are learned: see `Uncertainty`."""
        super().__init__(name="loss")
        self._sizes, self._weights, self._smoothing = list(sizes), weights, smoothing

    def call(self, truth: Tensor, answers: Tensor) -> Tensor:
        """Return the loss of each label, shape (b, targets), times the number of targets: Keras takes their mean.

        A label that is missing has a loss of its own here, but counts nothing by its weight in the batch.
        """
        ops = keras.ops
        losses = []
        first = 0
        for number, classes in enumerate(self._sizes):
            given = answers[:, first : first + classes]
            first += classes
            losses.append(self._one(ops.maximum(ops.cast(truth[:, number], "int32"), 0), given, classes))
        loss = ops.stack(losses, axis=1)
        if self._weights is None:
            log_variance = answers[:, first:]
            loss = ops.exp(-log_variance) * loss + log_variance / 2
        else:
            loss = loss * ops.convert_to_tensor(list(self._weights), "float32")
        return loss * len(self._sizes)

    def _one(self, truth: Tensor, given: Tensor, classes: int) -> Tensor:
        if not self._smoothing:
            return keras.losses.sparse_categorical_crossentropy(truth, given)
        certain = keras.ops.one_hot(truth, classes)
        return keras.losses.categorical_crossentropy(certain, given, label_smoothing=self._smoothing)


class TargetAccuracy(keras.metrics.Mean):  # type: ignore[misc]
    """The share of the labels of one target that are answered right; pictures without one do not count."""

    def __init__(self, name: str, number: int, first: int, classes: int) -> None:
        """`number` is the target's place in the truth, and `first` that of its first class in the answers."""
        super().__init__(name=name)
        self._number, self._first, self._last = number, first, first + classes

    def update_state(self, truth: Tensor, answers: Tensor, sample_weight: Tensor | None = None) -> Any:
        """Count a batch. How much each label counts in the loss makes no difference."""
        ops = keras.ops
        classes = ops.cast(truth[:, self._number], "int32")
        answered = ops.cast(ops.argmax(answers[:, self._first : self._last], axis=-1), "int32")
        there = ops.cast(ops.not_equal(classes, NO_LABEL), "float32")
        return super().update_state(ops.cast(ops.equal(classes, answered), "float32"), there)


ACCURACY = "accuracy"

UNCERTAINTY = "uncertainty"
"""The layer of what is learned of the weights."""


def metric_names(targets: int) -> list[str]:
    """Return what the accuracy of each target is called in the logs of Keras."""
    return [ACCURACY] if targets == 1 else [f"{ACCURACY}_{number + 1}" for number in range(targets)]


def accuracies(sizes: Sequence[int]) -> list[TargetAccuracy]:
    """Return a metric for each target."""
    firsts = [sum(sizes[:number]) for number in range(len(sizes))]
    names = metric_names(len(sizes))
    return [TargetAccuracy(names[n], n, firsts[n], classes) for n, classes in enumerate(sizes)]


def with_uncertainty(model: Model, targets: int) -> Model:
    """Return a model that is fitted with weights that are learned: the network's answers, and those beside them."""
    return keras.Model(model.inputs[0], Uncertainty(targets, name=UNCERTAINTY)(model.output), name=model.name)
