"""VGG16."""

from __future__ import annotations

from typing import Any

from facekit.networks.backend import keras
from facekit.networks.ends import entry, finish

# The published weights take colours in the order blue, green, red, less the means of ImageNet.
_MEANS = (103.939, 116.779, 123.68)


def vgg16(size: int, classes: int, color: str = "rgb") -> Any:
    """Return VGG16 with pooling and Dense 512 in place of its own two layers of 4,096, which 224 pixels need."""
    inputs, scaled = entry("vgg16", size, color, 1.0, [-mean for mean in reversed(_MEANS)])
    flipped = keras.ops.flip(scaled, axis=-1)
    base = keras.applications.VGG16(weights=None, include_top=False, pooling="avg", input_tensor=flipped)
    hidden = keras.layers.Dense(512, activation="relu", name="head")(base.output)
    hidden = keras.layers.Dropout(0.5, name="head_dropout")(hidden)
    return finish(inputs, hidden, classes, "vgg16")
