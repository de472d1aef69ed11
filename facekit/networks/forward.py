"""A network's forward pass as in training, without a gradient, compiled in each Keras backend's own way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit.base import plugins
from facekit.networks.backend import Model, engine, keras

Pixels = NDArray[np.uint8]
Pass = Callable[[Pixels], list[Any]]


def training_pass(net: Model, wanted: Sequence[Any]) -> Pass:
    """Return a function that lets a batch of pictures, shape (n, size, size, 3), through a network as in training.

    It returns what the variables `wanted`, none of which is trained by gradients, hold afterwards, as tensors. What
    the network's variables themselves hold afterwards is not defined. The function is compiled at its first call for
    each shape of a batch, with the settings that the layers have then.
    """
    return {"tensorflow": _tensorflow, "jax": _jax}.get(engine(), _eager)(net, wanted)


def _tensorflow(net: Model, wanted: Sequence[Any]) -> Pass:
    tensorflow = plugins.need("tensorflow", "training")

    @tensorflow.function  # type: ignore[untyped-decorator]
    def through(pixels: Any) -> list[Any]:
        net(tensorflow.cast(pixels, "float32"), training=True)
        return [tensorflow.identity(keras.ops.convert_to_tensor(variable)) for variable in wanted]

    # A tensor, because TensorFlow would compile the function again for every array.
    return lambda pixels: list(through(tensorflow.convert_to_tensor(pixels)))


def _jax(net: Model, wanted: Sequence[Any]) -> Pass:
    jax = plugins.need("jax", "training")
    all_others = net.non_trainable_variables
    places = [next(i for i, other in enumerate(all_others) if other is variable) for variable in wanted]

    @jax.jit  # type: ignore[untyped-decorator]
    def through(trainable: Any, others: Any, pixels: Any) -> list[Any]:
        _, changed = net.stateless_call(trainable, others, pixels.astype("float32"), training=True)
        return [changed[place] for place in places]

    def run(pixels: Pixels) -> list[Any]:
        return list(through([v.value for v in net.trainable_variables], [v.value for v in all_others], pixels))

    return run


def _eager(net: Model, wanted: Sequence[Any]) -> Pass:
    torch = plugins.need("torch", "training")

    def run(pixels: Pixels) -> list[Any]:
        with torch.no_grad():
            net(keras.ops.cast(pixels, "float32"), training=True)
            return [variable.value.clone() for variable in wanted]

    return run
