"""ResNet50 V2."""

from __future__ import annotations

from typing import Any

from facekit.networks.backend import keras
from facekit.networks.ends import entry, finish


def resnet50_v2(size: int, classes: int, color: str = "rgb") -> Any:
    """Return ResNet50 V2 with pooling and Dense `classes`."""
    inputs, scaled = entry("resnet50_v2", size, color)
    base = keras.applications.ResNet50V2(weights=None, include_top=False, pooling="avg", input_tensor=scaled)
    return finish(inputs, base.output, classes, "resnet50_v2")
