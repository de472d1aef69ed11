"""Outputs of a network and their gradients, computed in each Keras backend's own way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit.base import plugins
from facekit.base.contract import FacekitError
from facekit.networks.backend import Model, engine, keras

Floats = NDArray[np.float32]


def values(model: Model, at: NDArray[Any]) -> Any:
    """Return a model's outputs for a few pictures, as arrays: one, or a list where it has several.

    Nothing is compiled, which for a large network takes longer than some pictures do.
    """
    outputs = model(np.asarray(at, np.float32), training=False)
    return keras.tree.map_structure(lambda one: np.asarray(keras.ops.convert_to_numpy(one), np.float32), outputs)


def slope(model: Model, at: Floats, weights: Floats) -> Floats:
    """Return how the sum of a model's outputs, each times its weight, changes with each number of its input.

    `at` is one batch of the model's only input, and the result has its shape; `weights` has the shape of one
    output, or of the batch. The model works as it does in use: without dropout, with running statistics.
    Raises FacekitError for an engine that has no gradients.
    """
    way = _WAYS.get(engine())
    if way is None:
        raise FacekitError(
            f"facekit cannot compute gradients with {engine()}; set KERAS_BACKEND to one of {', '.join(_WAYS)}"
        )
    return np.asarray(way(model, np.asarray(at, np.float32), np.asarray(weights, np.float32)), np.float32)


def _tensorflow(model: Model, at: Floats, weights: Floats) -> Any:
    tensorflow = plugins.need("tensorflow", "a gradient")
    place = tensorflow.convert_to_tensor(at)
    with tensorflow.GradientTape() as tape:
        tape.watch(place)
        total = tensorflow.reduce_sum(tensorflow.cast(model(place, training=False), "float32") * weights)
    return tape.gradient(total, place)


def _jax(model: Model, at: Floats, weights: Floats) -> Any:
    jax = plugins.need("jax", "a gradient")
    trainable = [variable.value for variable in model.trainable_variables]
    others = [variable.value for variable in model.non_trainable_variables]

    def total(place: Any) -> Any:
        # JAX differentiates functions without a state, so that what the model holds is handed in.
        outputs, _ = model.stateless_call(trainable, others, place, training=False)
        return (outputs.astype("float32") * weights).sum()

    return jax.grad(total)(jax.numpy.asarray(at))


def _torch(model: Model, at: Floats, weights: Floats) -> Any:
    torch = plugins.need("torch", "a gradient")
    place = keras.ops.convert_to_tensor(at).detach().requires_grad_(True)
    with torch.enable_grad():
        total = (model(place, training=False).float() * keras.ops.convert_to_tensor(weights)).sum()
        (result,) = torch.autograd.grad(total, place)
    return keras.ops.convert_to_numpy(result)


_WAYS: dict[str, Callable[[Model, Floats, Floats], Any]] = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
