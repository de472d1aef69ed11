"""Inception-ResNet V1, by the description in Szegedy 2016, with the sizes that FaceNet gives it."""

from __future__ import annotations

from collections.abc import Sequence

from facekit.networks.assembly import EMBEDDING, image_input, name_output
from facekit.networks.backend import Model, Tensor, keras

Side = int | tuple[int, int]
Branch = Sequence[tuple[int, Side]]
"""Convolutions one after another: filters, and the side of the kernel."""

_DIMENSIONS = 128


def inception_resnet_v1(size: int, classes: int, color: str = "rgb") -> Model:
    """Return FaceNet's network: a face becomes 128 numbers, and these become names.

    22.81 M parameters up to the 128 numbers. Raises FacekitError for a size under 75.
    """
    inputs, x = image_input("inception_resnet_v1", size, color, 1 / 128, -127.5 / 128, channels=1)
    x = _stem(x)
    for _ in range(5):
        x = _residual(x, 0.17, [(32, 1)], [(32, 1), (32, 3)], [(32, 1), (32, 3), (32, 3)])
    x = _reduction(x, [(384, 3)], [(192, 1), (192, 3), (256, 3)])
    for _ in range(10):
        x = _residual(x, 0.1, [(128, 1)], [(128, 1), (128, (1, 7)), (128, (7, 1))])
    x = _reduction(x, [(256, 1), (384, 3)], [(256, 1), (256, 3)], [(256, 1), (256, 3), (256, 3)])
    thin: tuple[Branch, Branch] = ([(192, 1)], [(192, 1), (192, (1, 3)), (192, (3, 1))])
    for _ in range(5):
        x = _residual(x, 0.2, *thin)
    x = _residual(x, 1.0, *thin, activation=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dropout(0.2)(x)
    x = keras.layers.Dense(_DIMENSIONS, use_bias=False, name="embedding")(x)
    x = keras.layers.BatchNormalization(scale=False, name=EMBEDDING)(x)
    return name_output(inputs, x, classes, "inception_resnet_v1")


def _stem(x: Tensor) -> Tensor:
    x = _convolution(x, 32, 3, 2, "valid")
    x = _convolution(x, 32, 3, 1, "valid")
    x = _convolution(x, 64, 3)
    x = keras.layers.MaxPooling2D(3, 2)(x)
    x = _convolution(x, 80, 1)
    x = _convolution(x, 192, 3, 1, "valid")
    return _convolution(x, 256, 3, 2, "valid")


def _residual(x: Tensor, share: float, *branches: Branch, activation: bool = True) -> Tensor:
    """Add a share of the branches' output, which keeps so deep a network stable."""
    joined = keras.layers.Concatenate()([_branch(x, branch) for branch in branches])
    joined = keras.layers.Conv2D(x.shape[-1], 1, padding="same")(joined)
    x = keras.layers.Add()([x, keras.layers.Rescaling(share)(joined)])
    return keras.layers.Activation("relu")(x) if activation else x


def _reduction(x: Tensor, *branches: Branch) -> Tensor:
    """Halve the map: the last convolution of each branch has stride two, and a pooling goes beside them."""
    outputs = [_branch(x, branch, reduce=True) for branch in branches]
    return keras.layers.Concatenate()([*outputs, keras.layers.MaxPooling2D(3, 2)(x)])


def _branch(x: Tensor, branch: Branch, reduce: bool = False) -> Tensor:
    for filters, side in branch[:-1]:
        x = _convolution(x, filters, side)
    filters, side = branch[-1]
    return _convolution(x, filters, side, 2, "valid") if reduce else _convolution(x, filters, side)


def _convolution(x: Tensor, filters: int, side: Side, stride: int = 1, padding: str = "same") -> Tensor:
    x = keras.layers.Conv2D(filters, side, stride, padding=padding, use_bias=False)(x)
    x = keras.layers.BatchNormalization(scale=False)(x)
    return keras.layers.Activation("relu")(x)
