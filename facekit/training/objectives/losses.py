"""The objectives as pure functions of Keras tensors: what is low where faces of one person are near, others far.

Each is what pytorch-metric-learning computes under the same name, to 1e-5, gradients included. Embeddings are scaled
to length 1 first, so that only their directions count.
"""

from __future__ import annotations

import math

from facekit.networks.backend import Tensor, keras

_SMALL = 1e-7
"""How far a cosine stays from 1 and -1, where the slope of its angle has no end."""


def unit(embeddings: Tensor) -> Tensor:
    """Return embeddings, shape (n, dimensions), scaled to length 1, in single precision."""
    wide = keras.ops.cast(embeddings, "float32")
    length = keras.ops.sqrt(keras.ops.sum(keras.ops.square(wide), axis=1, keepdims=True))
    return wide / keras.ops.maximum(length, 1e-12)


def arcface(cosines: Tensor, people: Tensor, margin: Tensor | float, scale: float) -> Tensor:
    """Return the loss of each picture, shape (n,), with an additive angular margin (Deng 2019).

    `cosines`, shape (n, people), are those of embeddings with the centre of each person, `people` the number of each
    picture's person, shape (n,), and `margin` is in radians, one for all or shape (n,). An angle that the margin would
    push beyond 180° is made worse by a constant in place of it, so that the loss never falls where the angle grows.
    """
    margin = keras.ops.convert_to_tensor(margin, "float32")
    own = _own(cosines, people)
    angles = keras.ops.arccos(keras.ops.clip(own, -1 + _SMALL, 1 - _SMALL))
    beyond = own - margin * keras.ops.sin(margin)
    moved = keras.ops.where(angles <= math.pi - margin, keras.ops.cos(angles + margin), beyond)
    return _cross_entropy(cosines, moved, people, scale)


def cosface(cosines: Tensor, people: Tensor, margin: Tensor | float, scale: float) -> Tensor:
    """Return the loss of each picture, shape (n,), with a margin of the cosine itself (Wang 2018)."""
    return _cross_entropy(cosines, _own(cosines, people) - margin, people, scale)


def triplet(embeddings: Tensor, people: Tensor, margin: Tensor | float) -> Tensor:
    """Return the mean loss over the semi-hard triplets of a batch (Schroff 2015, FaceNet); 0 where it has none.

    A triplet is a face, another of its person and one of somebody else, who is to be farther by the `margin`, as
    squared distances. It is semi-hard where that one is farther, but not far enough: harder ones, often pictures
    with a wrong name, make a network collapse to one point.
    """
    far, same, other = _compared(embeddings, people)
    gaps = far[:, None, :] - far[:, :, None]  # (face, of its person, of somebody else)
    triplets = keras.ops.logical_and(same[:, :, None], other[:, None, :])
    semi_hard = keras.ops.logical_and(triplets, keras.ops.logical_and(gaps > 0, gaps <= margin))
    return _mean_of_positive(margin - gaps, semi_hard)


def contrastive(embeddings: Tensor, people: Tensor, margin: Tensor | float) -> Tensor:
    """Return the loss over all pairs of a batch (Hadsell 2006): distances of one person, and what others lack.

    Two people are to be at least the `margin` apart. Of either kind the mean is over the pairs that have a loss.
    """
    squared, same, other = _compared(embeddings, people)
    apart = squared > 0
    # The root of 0 has no slope: those places are kept out of it.
    far = keras.ops.where(apart, keras.ops.sqrt(keras.ops.where(apart, squared, 1.0)), 0.0)
    return _mean_of_positive(far, same) + _mean_of_positive(margin - far, other)


def _own(cosines: Tensor, people: Tensor) -> Tensor:
    """Return the cosine of each picture with the centre of its own person, shape (n,)."""
    return keras.ops.sum(cosines * keras.ops.one_hot(people, cosines.shape[-1]), axis=1)


def _cross_entropy(cosines: Tensor, moved: Tensor, people: Tensor, scale: float) -> Tensor:
    """Return the cross-entropy of scaled cosines, of which each picture's own person has the `moved` one."""
    own = keras.ops.one_hot(people, cosines.shape[-1])
    scores = scale * keras.ops.where(own > 0, moved[:, None], cosines)
    return keras.ops.sparse_categorical_crossentropy(people, scores, from_logits=True)


def _compared(embeddings: Tensor, people: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return squared distances, shape (n, n), which pairs show one person, and which show two."""
    rows = unit(embeddings)
    far = keras.ops.maximum(2 - 2 * keras.ops.matmul(rows, keras.ops.transpose(rows)), 0)
    alike = people[:, None] == people[None, :]
    itself = keras.ops.cast(keras.ops.eye(people.shape[0] or keras.ops.shape(people)[0]), "bool")
    return far, keras.ops.logical_and(alike, keras.ops.logical_not(itself)), keras.ops.logical_not(alike)


def _mean_of_positive(losses: Tensor, which: Tensor) -> Tensor:
    """Return the mean of those losses that count and are above 0; 0 where none is."""
    counts = keras.ops.cast(keras.ops.logical_and(which, losses > 0), "float32")
    return keras.ops.sum(losses * counts) / keras.ops.maximum(keras.ops.sum(counts), 1)
