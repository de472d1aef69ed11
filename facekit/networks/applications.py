"""Networks that Keras has as applications, each with a head for names and its published preprocessing inside."""

from __future__ import annotations

from facekit.networks.assembly import image_input, name_output
from facekit.networks.backend import Model, keras

_VGG_MEANS = (103.939, 116.779, 123.68)
"""Of ImageNet, blue, green and red, on a scale of 0 to 255."""

_MEANS, _DEVIATIONS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet, red, green and blue, on a scale of 0 to 1."""


def inception_v3(size: int, classes: int, color: str = "rgb") -> Model:
    """Return Inception V3 with pooling, Dense 2048 and Dense `classes`, as the original project had it.

    27.30 M trainable parameters at 650 classes. Raises FacekitError for a size under 75.
    """
    inputs, scaled = image_input("inception_v3", size, color)
    base = keras.applications.InceptionV3(weights=None, include_top=False, pooling="avg", input_tensor=scaled)
    hidden = keras.layers.Dense(2048, activation="relu", name="head")(base.output)
    return name_output(inputs, hidden, classes, "inception_v3")


def vgg16(size: int, classes: int, color: str = "rgb") -> Model:
    """Return VGG16 with pooling and Dense 512 in place of its own two layers of 4,096, which need 224 pixels."""
    # The published weights take the colours in the order blue, green, red.
    inputs, scaled = image_input("vgg16", size, color, 1.0, [-mean for mean in reversed(_VGG_MEANS)])
    flipped = keras.ops.flip(scaled, axis=-1)
    base = keras.applications.VGG16(weights=None, include_top=False, pooling="avg", input_tensor=flipped)
    hidden = keras.layers.Dense(512, activation="relu", name="head")(base.output)
    hidden = keras.layers.Dropout(0.5, name="head_dropout")(hidden)
    return name_output(inputs, hidden, classes, "vgg16")


def resnet50_v2(size: int, classes: int, color: str = "rgb") -> Model:
    """Return ResNet50 V2 with pooling and Dense `classes`."""
    inputs, scaled = image_input("resnet50_v2", size, color)
    base = keras.applications.ResNet50V2(weights=None, include_top=False, pooling="avg", input_tensor=scaled)
    return name_output(inputs, base.output, classes, "resnet50_v2")


def efficientnet_b0(size: int, classes: int, color: str = "rgb") -> Model:
    """Return EfficientNet B0 with pooling, dropout and Dense `classes`."""
    # Keras normalises inside this network only when it loads the weights itself. Done before it, its own
    # division by 255 and its normalisation by 0 and 1 leave what ImageNet's weights were trained on.
    scale = [1 / deviation for deviation in _DEVIATIONS]
    offset = [-255 * mean / deviation for mean, deviation in zip(_MEANS, _DEVIATIONS, strict=True)]
    inputs, scaled = image_input("efficientnet_b0", size, color, scale, offset)
    base = keras.applications.EfficientNetB0(weights=None, include_top=False, pooling="avg", input_tensor=scaled)
    hidden = keras.layers.Dropout(0.2, name="head_dropout")(base.output)
    return name_output(inputs, hidden, classes, "efficientnet_b0")


def mobilenet_v2(size: int, classes: int, color: str = "rgb") -> Model:
    """Return MobileNet V2 with pooling, dropout and Dense `classes`."""
    inputs, scaled = image_input("mobilenet_v2", size, color)
    base = keras.applications.MobileNetV2(
        input_shape=(size, size, 3), weights=None, include_top=False, pooling="avg", input_tensor=scaled
    )
    hidden = keras.layers.Dropout(0.2, name="head_dropout")(base.output)
    return name_output(inputs, hidden, classes, "mobilenet_v2")
