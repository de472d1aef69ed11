"""AlexNet: five convolutions and three dense layers, with batch normalisation for its local one."""

from __future__ import annotations

from facekit.networks.assembly import image_input, name_output
from facekit.networks.backend import Model, keras

# Filters, side of the kernel, stride, and whether a pooling follows.
_LAYERS = ((96, 11, 4, True), (256, 5, 1, True), (384, 3, 1, False), (384, 3, 1, False), (256, 3, 1, True))


def alexnet(size: int, classes: int, color: str = "rgb") -> Model:
    """Return AlexNet as published, in one tower: 62.4 M parameters at 227 pixels and 1,000 classes.

    At 96 pixels its last map is 1x1x256. Raises FacekitError for a size under 67.
    """
    inputs, x = image_input("alexnet", size, color, channels=1)
    for place, (filters, side, stride, pooled) in enumerate(_LAYERS):
        padding = "same" if place else "valid"
        x = keras.layers.Conv2D(filters, side, stride, padding=padding, use_bias=False)(x)
        x = keras.layers.BatchNormalization()(x)
        x = keras.layers.Activation("relu")(x)
        x = keras.layers.MaxPooling2D(3, 2)(x) if pooled else x
    x = keras.layers.Flatten()(x)
    for place in (1, 2):
        x = keras.layers.Dense(4096, activation="relu", name=f"head_{place}")(x)
        x = keras.layers.Dropout(0.5, name=f"head_dropout_{place}")(x)
    return name_output(inputs, x, classes, "alexnet")
