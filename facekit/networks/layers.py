"""A network's layers by name: which have feature maps, and from which ones its answer can be explained."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from facekit.base.contract import FacekitError
from facekit.networks.backend import Layer, Model, Tensor, keras
from facekit.networks.blocks import blocks, narrow

Shape = tuple[int, ...]

FINE, COARSE = 4, 2
"""Least side of a map that says where something is: as it should be, and at the worst."""


class Answer(NamedTuple):
    """What the answer is made of: each name's score is the features, shape (batch, n), by its column of weights.

    These are scores before the softmax, where they can be had. After it every score depends on all, and a sure
    answer's slope is next to nothing.
    """

    features: Tensor
    weights: NDArray[np.float32]


def named(model: Model) -> dict[str, Layer]:
    """Return name -> layer, in order, without the input.

    Keras numbers layers that have no name of their own through all networks of a process; here they are called
    as in a process that has built this one alone. Raises FacekitError for a network that is not a functional model.
    """
    layers = [layer for layer in getattr(model, "layers", []) if not isinstance(layer, keras.layers.InputLayer)]
    if not layers or not getattr(model, "outputs", None) or not all(_connected(layer) for layer in layers):
        raise FacekitError(f"{model.name} is not a functional Keras model, so its layers cannot be shown")
    first: dict[str, int] = {}
    for layer in layers:
        kind, number = _numbered(layer)
        first[kind] = min(first.get(kind, number), number)
    return {_called(layer, first): layer for layer in layers}


def shape(layer: Layer) -> Shape:
    """Return the shape of a layer's output without the batch: (height, width, channels) of a map; 0 is any number."""
    return tuple(int(side or 0) for side in layer.output.shape[1:])


def pick(model: Model, names: Sequence[str]) -> dict[str, Layer]:
    """Return the layers of those names. Raises FacekitError for a name that no layer has, with near ones."""
    known = named(model)
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, 3, 0.5)
            hint = f"did you mean {' or '.join(near)}?" if near else "see --list-layers"
            raise FacekitError(f"no layer called {name!r}; {hint}")
    return {name: known[name] for name in names}


def ends(model: Model) -> list[str]:
    """Return where the picture's map has been made smaller for the last time at each size: the stages of a network."""
    called = {id(layer): name for name, layer in named(model).items()}
    by_size: dict[Shape, str] = {}
    for block in blocks(model):
        maps = [layer for layer in block if _is_map(layer) and not isinstance(layer, _aside())]
        if maps and max(shape(maps[-1])[:2]) > 1:
            by_size[shape(maps[-1])[:2]] = called[id(maps[-1])]
    return list(by_size.values())


def last_map(model: Model) -> str:
    """Return the layer at which to ask what an answer rests on: the last convolutions' map of a useful size.

    That is the last of 4x4 or more, else of 2x2, else the last at all; all that follows depends on it alone.
    Raises FacekitError for a network without one.
    """
    names = [name for name, layer in _followed(model).items() if not isinstance(layer, (*_aside(), *_pools()))]
    if not names:
        raise FacekitError(f"{model.name} has no feature map that its answer depends on; use --method occlusion")
    layers = named(model)
    for least in (FINE, COARSE):
        large = [name for name in names if min(shape(layers[name])[:2]) >= least]
        if large:
            return large[-1]
    return names[-1]


def follow(model: Model, name: str) -> Layer:
    """Return a layer from whose map alone the answer follows. Raises FacekitError for one of which this is not so."""
    (layer,) = pick(model, [name]).values()
    if name not in _followed(model):
        raise FacekitError(
            f"--cam-layer {name}: the answer does not depend on its map alone; choose another, such as "
            f"{last_map(model)}"
        )
    return layer


def first_convolution(model: Model) -> Layer | None:
    """Return the first convolution, or None in a network without one."""
    return next((layer for layer in named(model).values() if isinstance(layer, keras.layers.Conv2D)), None)


def answer(model: Model) -> Answer:
    """Return what the answer is made of, before the softmax."""
    tensor = model.outputs[0]
    while True:
        layer = tensor._keras_history.operation
        activation = getattr(layer, "activation", None)
        plain = activation in (keras.activations.linear, keras.activations.softmax)
        if isinstance(layer, keras.layers.Softmax) or (isinstance(layer, keras.layers.Activation) and plain):
            tensor = layer.input
        elif isinstance(layer, keras.layers.Dense) and plain:
            return Answer(layer.input, np.asarray(keras.ops.convert_to_numpy(layer.kernel), np.float32))
        else:
            return Answer(tensor, np.eye(tensor.shape[-1], dtype=np.float32))


def flattens(model: Model) -> bool:
    """Whether an answer asks for each place of a map by itself, in place of a mean over all."""
    return any(isinstance(layer, keras.layers.Flatten) for layer in named(model).values())


def _followed(model: Model) -> dict[str, Layer]:
    """Return the layers with maps, from the first convolution on, on which alone all that follows depends."""
    known = named(model)
    alone = {id(layer) for layer, ends in zip(model.layers, narrow(model.layers), strict=True) if ends}
    first = first_convolution(model)
    names = list(known)
    begin = next((place for place, name in enumerate(names) if known[name] is first), 0)
    return {name: known[name] for name in names[begin:] if id(known[name]) in alone and _is_map(known[name])}


def _is_map(layer: Layer) -> bool:
    return len(shape(layer)) == 3


def _aside() -> tuple[type, ...]:
    """Layers that change nothing of a map that a person would see, or only its edge."""
    layers = keras.layers
    return layers.Dropout, layers.SpatialDropout2D, layers.ZeroPadding2D, layers.Cropping2D


def _pools() -> tuple[type, ...]:
    return keras.layers.MaxPooling2D, keras.layers.AveragePooling2D, keras.layers.UpSampling2D


def _connected(layer: Layer) -> bool:
    try:
        return hasattr(layer.output, "shape")
    except (AttributeError, ValueError):  # never called, or more than once
        return False


def _numbered(layer: Layer) -> tuple[str, int]:
    """Return what Keras calls a layer that has no name of its own, and its number, 0 without one; else its name."""
    kind = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", type(layer).__name__)
    kind = re.sub("([a-z])([A-Z])", r"\1_\2", kind).lower()
    match = re.fullmatch(rf"{re.escape(kind)}(?:_(\d+))?", layer.name)
    return (kind, int(match[1] or 0)) if match else (layer.name, 0)


def _called(layer: Layer, first: dict[str, int]) -> str:
    kind, number = _numbered(layer)
    number -= first[kind]
    return f"{kind}_{number}" if number else kind
