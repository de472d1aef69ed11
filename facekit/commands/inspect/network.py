"""A network's first filters, and its maps of a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit.base.contract import Image
from facekit.commands.inspect.draw import colored
from facekit.networks.backend import keras
from facekit.networks.gradients import values
from facekit.networks.layers import first_convolution

Floats = NDArray[np.float32]

CHANNELS = 64
"""Channels of a map that are shown, the strongest."""

FILTERS = 256


def filters(model: Any, color: str) -> list[Image]:
    """Return the first convolution's filters as they weigh a picture's own red, green and blue; grey is nothing.

    Each is scaled by its greatest weight, so that white adds, black takes away, and a colour is what it looks
    for. What stands before the convolution is reckoned in: VGG16 swaps red and blue, and a network that sees in
    gray mixes the three. Empty for a network without a convolution.
    """
    layer = first_convolution(model)
    if layer is None:
        return []
    kernel = np.asarray(keras.ops.convert_to_numpy(layer.kernel), np.float32)  # (height, width, inputs, filters)
    mixed = _mixed(model, layer)
    weights = np.einsum("hwif,ci->hwcf", kernel, mixed) if mixed.shape[1] == kernel.shape[2] else _alike(kernel)
    if color == "gray":
        weights = _alike(weights)
    return [_filter(weights[..., place]) for place in range(min(weights.shape[-1], FILTERS))]


class Maps:
    """What some layers of a network make of a picture."""

    def __init__(self, model: Any, layers: Mapping[str, Any]) -> None:
        """Take the layers by name, as `facekit.networks.layers` calls them."""
        self._names = list(layers)
        self._model = keras.Model(model.inputs[0], [layer.output for layer in layers.values()])

    def __call__(self, seen: Image) -> dict[str, Floats]:
        """Return name -> the layer's output for a picture of the network's size: (height, width, channels).

        A vector of n numbers is (1, 1, n).
        """
        outputs = values(self._model, seen[None])
        return {name: _as_map(one[0]) for name, one in zip(self._names, outputs, strict=True)}


def strongest(activations: Floats) -> list[int]:
    """Return the channels of a map that answer most to the picture, at most 64, in the layer's own order."""
    strength = np.abs(activations).mean(axis=(0, 1))
    return sorted(np.argsort(-strength, kind="stable")[:CHANNELS].tolist())


def drawn(activations: Floats, channels: Sequence[int]) -> list[Image]:
    """Return channels of a map as pictures, each from its least value to its greatest; of 1x1, all on one scale."""
    chosen = activations[..., list(channels)]
    axes = (0, 1) if activations.shape[0] * activations.shape[1] > 1 else (0, 1, 2)
    low, high = chosen.min(axis=axes, keepdims=True), chosen.max(axis=axes, keepdims=True)
    scaled = (chosen - low) / np.where(high > low, high - low, 1)
    return [colored(scaled[..., place]) for place in range(scaled.shape[-1])]


def _mixed(model: Any, layer: Any) -> Floats:
    """Return how much of a picture's red, green and blue each input of a layer takes, shape (3, inputs)."""
    side = int(model.inputs[0].shape[1])
    pictures = np.zeros((4, side, side, 3), np.float32)
    for channel in range(3):
        pictures[channel + 1, ..., channel] = 255
    seen = values(keras.Model(model.inputs[0], layer.input), pictures)
    middle = seen[:, seen.shape[1] // 2, seen.shape[2] // 2]
    return np.asarray((middle[1:] - middle[0]) / 255, np.float32)


def _alike(weights: Floats) -> Floats:
    return np.repeat(weights.sum(axis=2, keepdims=True), 3, axis=2)


def _filter(weights: Floats) -> Image:
    most = float(np.abs(weights).max()) or 1.0
    return np.asarray(np.round(127.5 + 127.5 * weights / most), np.uint8)


def _as_map(output: Floats) -> Floats:
    return output if output.ndim == 3 else output.reshape(1, 1, -1)
