"""The catalogue: what is known of facekit's networks before Keras is loaded, and how a network is built by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from facekit.base import plugins
from facekit.base.contract import FacekitError

if TYPE_CHECKING:  # Keras loads when a network is built
    from facekit.networks.backend import Model

Built = Callable[[], "Model"]
"""What builds a network, with random weights."""

_APACHE = "Apache-2.0, trained on ImageNet, whose photos are for research use"


@dataclass(frozen=True)
class About:
    """What is known of a network before it is built."""

    smallest: int
    """Smallest side of its input, in pixels."""
    parameters: int
    """Parameters of its backbone in colour, running statistics included."""
    published: str
    """Who published it, and the side of its input there."""
    application: str | None = None
    """Its name in `keras.applications`, which has ImageNet weights for it."""
    licence: str = ""
    """The terms of those weights."""
    flattens: bool = False
    """Whether it has more weights for a larger input: a dense layer looks at every place of its last map."""


NETWORKS = {
    "inception_v3": About(75, 21_802_784, "Szegedy 2015, 299 px", "InceptionV3", _APACHE),
    "cnn3": About(8, 93_920, "three blocks, 48 px", flattens=True),
    "cnn4": About(16, 389_856, "four blocks, 48 px", flattens=True),
    "cnn5": About(32, 1_571_552, "five blocks, 48 px", flattens=True),
    "alexnet": About(67, 3_751_328, "Krizhevsky 2012, 227 px", flattens=True),
    "vgg16": About(
        32,
        14_714_688,
        "Simonyan 2014, 224 px",
        "VGG16",
        "CC-BY-4.0, trained on ImageNet, whose photos are for research use",
    ),
    "resnet50_v2": About(32, 23_564_800, "He 2016, 224 px", "ResNet50V2", _APACHE),
    "efficientnet_b0": About(32, 4_049_571, "Tan 2019, 224 px", "EfficientNetB0", _APACHE),
    "mobilenet_v2": About(32, 2_257_984, "Sandler 2018, 224 px", "MobileNetV2", _APACHE),
    "inception_resnet_v1": About(75, 22_808_144, "Szegedy 2016, as FaceNet has it, 160 px"),
}


def build(name: str, size: int, classes: int | Sequence[int], color: str = "rgb") -> Model:
    """Return the network of that name, with random weights; of several numbers of classes, with a head for each.

    Raises FacekitError for a name that is not registered, a size that is too small, and a network of another
    package that takes no `color`.
    """
    first, *others = [classes] if isinstance(classes, int) else classes
    model = _build(name, size, first, color)
    if not others:
        return model
    with_heads: Callable[..., Model] = plugins.resolve("facekit.networks.heads:with_heads", "several targets")
    return with_heads(model, [first, *others])


def _build(name: str, size: int, classes: int, color: str) -> Model:
    network: Callable[..., Model] = plugins.load("network", name)
    if color == "rgb":
        return network(size, classes)
    if "color" not in inspect.signature(network).parameters:
        raise FacekitError(f"{name} needs colour pictures; remove --color")
    return network(size, classes, color)


def weight_shapes(name: str, built: Built) -> list[tuple[int, ...]] | None:
    """Return the shape of each weight of a network whose weights are more for a larger input; None for any other.

    `built` builds it. Nothing of that size is allocated. Raises FacekitError as `build` does.
    """
    if name not in NETWORKS or not NETWORKS[name].flattens:
        return None

    def shapes() -> list[tuple[int, ...]]:
        from facekit.networks.backend import keras

        with keras.StatelessScope(initialize_variables=False):
            return [tuple(weight.shape) for weight in built().weights]

    with ThreadPoolExecutor(1) as thread:  # Keras keeps a list of such weights for each thread, and makes them later
        return thread.submit(shapes).result()


def check_size(name: str, size: int) -> None:
    """Refuse a side that one of facekit's networks would reduce to nothing. Raises FacekitError."""
    about = NETWORKS.get(name)
    if about is not None and size < about.smallest:
        raise FacekitError(f"--size is {size}; {name} needs {about.smallest} or more")
