"""Small networks of three, four and five blocks, from a study of expressions at 48 pixels."""

from __future__ import annotations

from facekit.networks.assembly import image_input, name_output
from facekit.networks.backend import Model, keras


def cnn3(size: int, classes: int, color: str = "rgb") -> Model:
    """Return a network of three blocks of 32 to 128 filters, for tests, demonstrations and small data sets."""
    return _blocks("cnn3", 3, size, classes, color)


def cnn4(size: int, classes: int, color: str = "rgb") -> Model:
    """Return a network of four blocks of 32 to 256 filters."""
    return _blocks("cnn4", 4, size, classes, color)


def cnn5(size: int, classes: int, color: str = "rgb") -> Model:
    """Return a network of five blocks of 32 to 512 filters: 48 pixels in, one out."""
    return _blocks("cnn5", 5, size, classes, color)


def _blocks(name: str, count: int, size: int, classes: int, color: str) -> Model:
    inputs, x = image_input(name, size, color, channels=1)
    for place in range(count):
        x = keras.layers.Conv2D(32 * 2**place, 3, padding="same", use_bias=False)(x)
        x = keras.layers.BatchNormalization()(x)
        x = keras.layers.Activation("relu")(x)
        x = keras.layers.MaxPooling2D()(x)
        x = keras.layers.Dropout(0.1)(x)
    x = keras.layers.Flatten()(x)
    hidden = keras.layers.Dense(128, activation="relu", name="head")(x)
    return name_output(inputs, hidden, classes, name)
