"""Networks by name: each is one function from the side of its input and the number of names to a Keras model.

Pictures go in as they are, RGB from 0 to 255, shape (batch, size, size, 3); the preprocessing is part of
the model. Probabilities come out, shape (batch, classes). A network that is registered in `plugins` (or by
an entry point in the group `facekit.network`) can be trained, scored and loaded like facekit's own.
"""

from __future__ import annotations

import math
from typing import Any

from facekit.backend import keras
from facekit.contract import FacekitError

PREPROCESSING = "inside the model: RGB 0..255 is scaled to -1..1"

MOMENTUM = 0.9
"""Of batch normalisation. Keras' .99 needs hundreds of steps before validation means anything."""

_SMALLEST_INCEPTION = 75


def inception_v3(size: int, classes: int) -> Any:
    """Return Inception V3 with the original project's head: pooling, Dense 2048, Dense `classes`.

    No pretrained weights; 27.30 M trainable parameters at 650 classes. Raises FacekitError for a size under 75.
    """
    if size < _SMALLEST_INCEPTION:
        raise FacekitError(f"--size is {size}; inception_v3 needs {_SMALLEST_INCEPTION} or more")
    inputs, scaled = _entry(size)
    base = keras.applications.InceptionV3(weights=None, include_top=False, pooling="avg", input_tensor=scaled)
    hidden = keras.layers.Dense(2048, activation="relu", name="head")(base.output)
    return _finish(inputs, hidden, classes, "inception_v3")


def cnn3(size: int, classes: int) -> Any:
    """Return a small network of three convolution blocks: for tests, demonstrations and small data."""
    inputs, x = _entry(size)
    for filters in (32, 64, 128):
        x = keras.layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = keras.layers.BatchNormalization()(x)
        x = keras.layers.Activation("relu")(x)
        x = keras.layers.MaxPooling2D()(x)
    x = keras.layers.Flatten()(x)
    hidden = keras.layers.Dense(128, activation="relu", name="head")(x)
    return _finish(inputs, hidden, classes, "cnn3")


def parameters(model: Any) -> int:
    """Return how many numbers a network learns."""
    return sum(int(math.prod(weight.shape)) for weight in model.trainable_weights)


def _entry(size: int) -> tuple[Any, Any]:
    inputs = keras.Input((size, size, 3), name="picture")
    return inputs, keras.layers.Rescaling(1 / 127.5, -1.0, name="preprocessing")(inputs)


def _finish(inputs: Any, hidden: Any, classes: int, name: str) -> Any:
    # Probabilities stay float32 when the rest of the network is computed in half precision.
    outputs = keras.layers.Dense(classes, activation="softmax", dtype="float32", name="names")(hidden)
    model = keras.Model(inputs, outputs, name=name)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = MOMENTUM
    return model
