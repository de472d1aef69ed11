"""Inception V3, with the head of the original project."""

from __future__ import annotations

from typing import Any

from facekit.networks.backend import keras
from facekit.networks.ends import entry, finish


def inception_v3(size: int, classes: int, color: str = "rgb") -> Any:
    """Return Inception V3 with pooling, Dense 2048 and Dense `classes`.

    27.30 M trainable parameters at 650 classes. Raises FacekitError for a size under 75.
    """
    inputs, scaled = entry("inception_v3", size, color)
    base = keras.applications.InceptionV3(weights=None, include_top=False, pooling="avg", input_tensor=scaled)
    hidden = keras.layers.Dense(2048, activation="relu", name="head")(base.output)
    return finish(inputs, hidden, classes, "inception_v3")
