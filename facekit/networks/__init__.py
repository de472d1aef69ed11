"""Networks by name: each is one function from the side of its input and the number of names to a Keras model.

Pictures go in as they are, RGB from 0 to 255, shape (batch, size, size, 3), also where a network then sees
them in gray; its preprocessing is part of the model. Probabilities come out, shape (batch, classes). A
network that is registered in `plugins` (or by an entry point in the group `facekit.network`) can be trained,
scored and loaded like facekit's own. Its head is the layer `names` and whatever is called `head…`; all the
rest is its backbone.

This module says what is known of facekit's own networks without loading Keras.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

from facekit.base import plugins
from facekit.base.contract import FacekitError

_APACHE = "Apache-2.0, trained on ImageNet, whose photos are for research"


@dataclass(frozen=True)
class About:
    """What is known of a network before it is built."""

    smallest: int
    """The least side of its input, in pixels."""
    parameters: int
    """Numbers in its backbone, running statistics included, in colour."""
    published: str
    """Who published it, and the side of the input they gave it."""
    application: str | None = None
    """Its name in `keras.applications`, which has ImageNet weights for it."""
    licence: str = ""
    """The terms of those weights."""


NETWORKS = {
    "inception_v3": About(75, 21_802_784, "Szegedy 2015, 299 px", "InceptionV3", _APACHE),
    "cnn3": About(8, 93_920, "three blocks, 48 px"),
    "cnn4": About(16, 389_856, "four blocks, 48 px"),
    "cnn5": About(32, 1_571_552, "five blocks, 48 px"),
    "alexnet": About(67, 3_751_328, "Krizhevsky 2012, 227 px"),
    "vgg16": About(
        32,
        14_714_688,
        "Simonyan 2014, 224 px",
        "VGG16",
        "CC-BY-4.0, trained on ImageNet, whose photos are for research",
    ),
    "resnet50_v2": About(32, 23_564_800, "He 2016, 224 px", "ResNet50V2", _APACHE),
    "efficientnet_b0": About(32, 4_049_571, "Tan 2019, 224 px", "EfficientNetB0", _APACHE),
    "mobilenet_v2": About(32, 2_257_984, "Sandler 2018, 224 px", "MobileNetV2", _APACHE),
    "inception_resnet_v1": About(75, 22_808_144, "Szegedy 2016, as FaceNet has it, 160 px"),
}


def build(name: str, size: int, classes: int, color: str = "rgb") -> Any:
    """Return a network of that name, with random weights.

    Raises FacekitError for a name that nobody registered, a size that is too small, and a network of
    another package that has no gray form.
    """
    network = plugins.load("network", name)
    if color == "rgb":
        return network(size, classes)
    if "color" not in inspect.signature(network).parameters:
        raise FacekitError(f"{name} sees colour only; leave --color out")
    return network(size, classes, color)


def check_size(name: str, size: int) -> None:
    """Refuse a side that one of facekit's networks would shrink to nothing. Raises FacekitError."""
    smallest = NETWORKS[name].smallest
    if size < smallest:
        raise FacekitError(f"--size is {size}; {name} needs {smallest} or more")
