"""What all networks share: how pictures come in, and how names go out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from facekit.networks import check_size
from facekit.networks.backend import keras

MOMENTUM = 0.9
"""Of batch normalisation. Keras' .99 needs hundreds of steps before validation means anything."""

Numbers = float | Sequence[float]


def entry(
    name: str, size: int, color: str, scale: Numbers = 1 / 127.5, offset: Numbers = -1.0, channels: int = 3
) -> tuple[Any, Any]:
    """Return a network's input, and what stands on it: gray where asked for, times `scale` plus `offset`.

    A gray picture has one channel where `channels` is 1, else three alike, as published networks take it.
    Raises FacekitError for a size that is too small.
    """
    check_size(name, size)
    inputs = x = keras.Input((size, size, 3), name="picture")
    if color == "gray":
        x = keras.ops.image.rgb_to_grayscale(x)
        x = x if channels == 1 else keras.layers.Concatenate(name="gray")([x, x, x])
    return inputs, keras.layers.Rescaling(scale, offset, name="preprocessing")(x)


def finish(inputs: Any, hidden: Any, classes: int, name: str) -> Any:
    """Return the network from `inputs` through `hidden`, shape (batch, n), to a probability for each name."""
    # Probabilities stay float32 when the rest of the network is computed in half precision.
    outputs = keras.layers.Dense(classes, activation="softmax", dtype="float32", name="names")(hidden)
    model = keras.Model(inputs, outputs, name=name)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = MOMENTUM
    return model


def parameters(model: Any) -> int:
    """Return how many numbers a network learns."""
    return sum(int(math.prod(weight.shape)) for weight in model.trainable_weights)
