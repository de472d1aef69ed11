"""A network taken apart: its head, its backbone, and the backbone's blocks in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from facekit.networks.backend import keras

Layers = list[Any]

_HEAD = "head"
_NAMES = "names"


def head(model: Any) -> Layers:
    """Return the layers that turn features into names: new for every set of names."""
    found = [layer for layer in model.layers if layer.name == _NAMES or layer.name.startswith(_HEAD)]
    # A network of another package need not follow facekit's names: its last layer that learns is the head.
    return found or [layer for layer in model.layers if layer.weights][-1:]


def backbone(model: Any) -> Layers:
    """Return the other layers, from the picture on: what can be had from another training."""
    apart = head(model)
    return [layer for layer in model.layers if layer not in apart]


def blocks(model: Any) -> list[Layers]:
    """Return the backbone's layers by block, first to last.

    A block ends where the network passes through one tensor which branches join in, or which a pooling
    made: so a residual or inception block is one, and so is all that stands before a pooling in a plain chain.
    """
    layers = backbone(model)
    found: list[Layers] = [[]]
    for layer, ends in zip(layers, narrow(layers), strict=True):
        found[-1].append(layer)
        if ends and isinstance(layer, _ends()):
            found.append([])
    return _joined(found)


def free(model: Any, count: int | None) -> None:
    """Let the head learn, and of the backbone the last `count` blocks; None is all of it.

    Batch normalisation that does not learn works with its running statistics and leaves them alone.
    """
    parts = blocks(model)
    still = 0 if count is None else max(0, len(parts) - count)
    for place, block in enumerate(parts):
        for layer in block:
            layer.trainable = place >= still
    for layer in head(model):
        layer.trainable = True


def narrow(layers: Sequence[Any]) -> list[bool]:
    """Say of each layer whether everything after it depends on what came before through its output alone."""
    place = {id(layer): number for number, layer in enumerate(layers)}
    last = list(range(len(layers)))  # the last layer that takes each one's output
    for number, layer in enumerate(layers):
        for tensor in keras.tree.flatten(layer.input):
            before = place.get(id(tensor._keras_history.operation))
            if before is not None:
                last[before] = max(last[before], number)
    reach, found = 0, []
    for number in range(len(layers)):
        found.append(reach <= number)
        reach = max(reach, last[number])
    return found


def _ends() -> tuple[type, ...]:
    layers = keras.layers
    return layers.Add, layers.Concatenate, layers.MaxPooling2D, layers.AveragePooling2D, layers.GlobalAveragePooling2D


def _joined(found: Sequence[Layers]) -> list[Layers]:
    """Join what has no kernel, such as a pooling or a last normalisation, to the block before it."""
    joined: list[Layers] = []
    for some in found:
        kernels = any(len(weight.shape) > 1 for layer in some for weight in layer.weights)
        if joined and not kernels:
            joined[-1] += some
        else:
            joined.append(list(some))
    return joined
