"""Several heads on one network: one for each target, and their probabilities one after another."""

from __future__ import annotations

from collections.abc import Sequence

from facekit.networks.assembly import HEAD, NAMES
from facekit.networks.backend import Layer, Model, Tensor, keras
from facekit.networks.blocks import features

ANSWERS = f"{HEAD}_answers"
"""The layer that lays the probabilities of all heads side by side."""


def with_heads(model: Model, classes: Sequence[int]) -> Model:
    """Return a network with a head for each number of classes, in place of its own one for the first of them.

    All heads see the same features. The probabilities of all come out, shape (batch, sum of classes), those of the
    first head first; those of each head sum to 1.
    """
    hidden = features(model).output
    has_names = any(layer.name == NAMES for layer in model.layers)
    first = model.outputs[0] if has_names else _head(NAMES, classes[0], hidden)
    others = [_head(name_of(number), count, hidden) for number, count in enumerate(classes[1:], 1)]
    joined = keras.layers.Concatenate(name=ANSWERS, dtype="float32")([first, *others])
    return keras.Model(model.inputs[0], joined, name=model.name)


def alone(model: Model, number: int) -> Model:
    """Return a network whose answers are those of one of its heads alone, counted from 0."""
    if not any(layer.name == ANSWERS for layer in model.layers):
        return model
    head: Layer = model.get_layer(name_of(number))
    return keras.Model(model.inputs[0], head.output, name=model.name)


def name_of(number: int) -> str:
    """Return what the last layer of a head is called; heads are counted from 0."""
    return f"{HEAD}_of_target_{number + 1}" if number else NAMES


def _head(name: str, classes: int, hidden: Tensor) -> Tensor:
    return keras.layers.Dense(classes, activation="softmax", dtype="float32", name=name)(hidden)
