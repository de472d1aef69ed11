"""The parts of a network: its head, its backbone, and the backbone's blocks in order."""

from __future__ import annotations

from collections.abc import Sequence

from facekit.networks.assembly import EMBEDDING, HEAD, NAMES
from facekit.networks.backend import Layer, Model, keras

Layers = list[Layer]


def head(model: Model) -> Layers:
    """Return the layers that turn features into names; they are trained from scratch for every set of names."""
    layers = [layer for layer in model.layers if layer.name == NAMES or layer.name.startswith(HEAD)]
    if not layers and model.layers[-1].name == EMBEDDING:
        return []  # an embedder as its author published it
    # A network of another package need not use facekit's layer names: its last layer with weights is the head.
    return layers or [layer for layer in model.layers if layer.weights][-1:]


def features(model: Model) -> Model:
    """Return the model up to what its last layer turns into probabilities: shape (batch, features)."""
    last = next((layer for layer in model.layers if layer.name == NAMES), model.layers[-1])
    return keras.Model(model.inputs, last.input)


def backbone(model: Model) -> Layers:
    """Return the layers before the head, whose weights can come from another training."""
    own = head(model)
    return [layer for layer in model.layers if layer not in own]


def blocks(model: Model) -> list[Layers]:
    """Return the backbone's layers by block, first to last.

    A block ends where the whole network passes through one tensor that branches join in or a pooling made. So
    a residual or inception block is one block, and so are the layers up to a pooling in a plain chain.
    """
    layers = backbone(model)
    parts: list[Layers] = [[]]
    for layer, is_narrow in zip(layers, narrow(layers), strict=True):
        parts[-1].append(layer)
        if is_narrow and isinstance(layer, _ends()):
            parts.append([])
    return _joined(parts)


def free(model: Model, count: int | None) -> None:
    """Make the head trainable, and the last `count` blocks of the backbone; None is all of them.

    Frozen batch normalisation uses its running statistics and does not update them.
    """
    parts = blocks(model)
    frozen = 0 if count is None else max(0, len(parts) - count)
    for number, block in enumerate(parts):
        for layer in block:
            layer.trainable = number >= frozen
    for layer in head(model):
        layer.trainable = True


def narrow(layers: Sequence[Layer]) -> list[bool]:
    """Return for each layer whether everything after it depends on what came before through its output alone."""
    place = {id(layer): number for number, layer in enumerate(layers)}
    last = list(range(len(layers)))  # the last layer that uses each layer's output
    for number, layer in enumerate(layers):
        for tensor in keras.tree.flatten(layer.input):
            before = place.get(id(tensor._keras_history.operation))
            if before is not None:
                last[before] = max(last[before], number)
    reach, result = 0, []
    for number in range(len(layers)):
        result.append(reach <= number)
        reach = max(reach, last[number])
    return result


def _ends() -> tuple[type, ...]:
    layers = keras.layers
    return layers.Add, layers.Concatenate, layers.MaxPooling2D, layers.AveragePooling2D, layers.GlobalAveragePooling2D


def _joined(parts: Sequence[Layers]) -> list[Layers]:
    """Join a part without a kernel, such as a pooling or a last normalisation, to the block before it."""
    joined: list[Layers] = []
    for part in parts:
        kernels = any(len(weight.shape) > 1 for layer in part for weight in layer.weights)
        if joined and not kernels:
            joined[-1] += part
        else:
            joined.append(list(part))
    return joined
