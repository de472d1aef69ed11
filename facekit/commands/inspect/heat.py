"""What an answer is based on: by gradients in a network, or by occlusion in any model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit.base.contract import Image
from facekit.networks.backend import keras
from facekit.networks.gradients import slope, values
from facekit.networks.layers import answer, follow

Floats = NDArray[np.float32]

PLACES = 11
"""Places a side at which a patch hides the picture."""

_PATCH = 6  # a patch is this share of the picture's side


class Cam:
    """Where a layer's map speaks for a name: Grad-CAM (Selvaraju 2017), or HiResCAM (Draelos 2020).

    Grad-CAM weighs a channel by its mean slope, which is what it counts for where the map is averaged later on. A
    network that flattens its map asks for each place by itself, and there HiResCAM's product, place by place, says
    what the answer is made of. What adds is kept. The slope is that of the score before the softmax: after it a sure
    answer hardly moves, and moves as much by what speaks against other names.
    """

    def __init__(self, model: Any, layer: str, place_by_place: bool = False) -> None:
        """Take a model and the name of a layer that its answer depends on."""
        self._place_by_place = place_by_place
        output, scores = follow(model, layer).output, answer(model)
        self._weights = scores.weights
        self._before = keras.Model(model.inputs[0], output)
        self._after = keras.Model(output, scores.features)

    def __call__(self, seen: Image, number: int) -> Floats:
        """Return the heat for the name of that number, shape of the map, from 0 to 1; all 0 where nothing adds."""
        activations = values(self._before, seen[None])
        slopes = slope(self._after, activations, self._weights[:, number])
        weights = slopes if self._place_by_place else slopes.mean(axis=(1, 2), keepdims=True)
        return scaled((activations * weights).sum(axis=-1)[0])


def occlusion(
    seen: Image, number: int, probabilities: Callable[[Sequence[Image]], Floats], places: int = PLACES
) -> Floats:
    """Return how much surer an answer is of a place than of its mean colour, shape (places, places), from 0 to 1.

    `probabilities` answers to pictures, shape (n, names). A patch a sixth of the side hides a place after the
    other (Zeiler 2014); what counts is by which factor the probability falls.
    """
    height, width = seen.shape[:2]
    patch = max(1, round(max(height, width) / _PATCH))
    plain = seen.mean(axis=(0, 1)).round().astype(np.uint8)
    hidden = [seen]
    for y in np.linspace(0, height - patch, places).round().astype(int):
        for x in np.linspace(0, width - patch, places).round().astype(int):
            one = seen.copy()
            one[y : y + patch, x : x + patch] = plain
            hidden.append(one)
    shares = np.log(np.maximum(probabilities(hidden)[:, number], 1e-7))
    return scaled((shares[0] - shares[1:]).reshape(places, places).astype(np.float32))


def scaled(heat: Floats) -> Floats:
    """Return what is above 0, on a scale from 0 to 1."""
    above = np.maximum(heat, 0)
    return np.asarray(above / (float(above.max()) or 1.0), np.float32)
