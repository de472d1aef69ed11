"""What all networks share: how images go in, and how the probabilities of names come out."""

from __future__ import annotations

import math
from collections.abc import Sequence

from facekit.networks.backend import Model, Tensor, keras
from facekit.networks.catalogue import check_size

NAMES = "names"
"""Name of the last layer: one output per name."""

HEAD = "head"
"""How the names of the other layers of the head begin."""

EMBEDDING = "embedding_norm"
"""Name of the last layer before the names of a network that was published as an embedder."""

MOMENTUM = 0.9
"""Of batch normalisation. With Keras' 0.99 validation means nothing for hundreds of steps."""

Numbers = float | Sequence[float]


def image_input(
    name: str, size: int, color: str, scale: Numbers = 1 / 127.5, offset: Numbers = -1.0, channels: int = 3
) -> tuple[Tensor, Tensor]:
    """Return the input of the network `name`, and the tensor that its first layer takes: `scale` * pixels + `offset`.

    With `color` gray the tensor has one channel where `channels` is 1, else three equal ones, as published
    networks need. Raises FacekitError for a size that is too small.
    """
    check_size(name, size)
    inputs = x = keras.Input((size, size, 3), name="picture")
    if color == "gray":
        x = keras.ops.image.rgb_to_grayscale(x)
        x = x if channels == 1 else keras.layers.Concatenate(name="gray")([x, x, x])
    return inputs, keras.layers.Rescaling(scale, offset, name="preprocessing")(x)


def name_output(inputs: Tensor, hidden: Tensor, classes: int, name: str) -> Model:
    """Return the network `name` from `inputs` through `hidden`, shape (batch, n), to a probability for each name."""
    # Probabilities stay float32 when the rest of the network is computed in half precision.
    outputs = keras.layers.Dense(classes, activation="softmax", dtype="float32", name=NAMES)(hidden)
    model = keras.Model(inputs, outputs, name=name)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = MOMENTUM
    return model


def parameters(model: Model) -> int:
    """Return the number of trainable parameters of a network."""
    return sum(int(math.prod(weight.shape)) for weight in model.trainable_weights)
