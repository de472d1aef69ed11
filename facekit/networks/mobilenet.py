"""MobileNet V2."""

from __future__ import annotations

from typing import Any

from facekit.networks.backend import keras
from facekit.networks.ends import entry, finish


def mobilenet_v2(size: int, classes: int, color: str = "rgb") -> Any:
    """Return MobileNet V2 with pooling, dropout and Dense `classes`."""
    inputs, scaled = entry("mobilenet_v2", size, color)
    base = keras.applications.MobileNetV2(
        input_shape=(size, size, 3), weights=None, include_top=False, pooling="avg", input_tensor=scaled
    )
    hidden = keras.layers.Dropout(0.2, name="head_dropout")(base.output)
    return finish(inputs, hidden, classes, "mobilenet_v2")
