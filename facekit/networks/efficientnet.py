"""EfficientNet B0."""

from __future__ import annotations

from typing import Any

from facekit.networks.backend import keras
from facekit.networks.ends import entry, finish

# Of ImageNet, red, green and blue, on a scale of 0 to 1.
_MEANS, _DEVIATIONS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def efficientnet_b0(size: int, classes: int, color: str = "rgb") -> Any:
    """Return EfficientNet B0 with pooling, dropout and Dense `classes`."""
    # Keras normalises in the network only where it loads weights itself, so it is done before: its own
    # division by 255 and a normalisation by 0 and 1 then leave what ImageNet's weights were trained on.
    scale = [1 / deviation for deviation in _DEVIATIONS]
    offset = [-255 * mean / deviation for mean, deviation in zip(_MEANS, _DEVIATIONS, strict=True)]
    inputs, scaled = entry("efficientnet_b0", size, color, scale, offset)
    base = keras.applications.EfficientNetB0(weights=None, include_top=False, pooling="avg", input_tensor=scaled)
    hidden = keras.layers.Dropout(0.2, name="head_dropout")(base.output)
    return finish(inputs, hidden, classes, "efficientnet_b0")
