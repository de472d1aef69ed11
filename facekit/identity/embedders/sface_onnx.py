"""SFace's file, as the OpenCV zoo publishes it, as a graph that ONNX Runtime takes, and runs in half the time.

The file holds weights of 8 bits with a scale for each block of 64, and lists 29 of them as inputs too, which ONNX
Runtime refuses. Here they are 32-bit numbers, and the pixels are the only input: uint8 faces (n, 112, 112, 3), red
first, in; float32 vectors (n, 128) out.

Each PRelu becomes `slope * x + (1 - slope) * max(x, 0)`, which is the same: ONNX Runtime keeps the layout that its
convolutions are fast in for these, and not for a PRelu. One face takes 13 ms instead of 30.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit.base import plugins

SIDE, DIMENSIONS = 112, 128
"""Side of the network's input, in pixels, and length of its embeddings."""

VERSION = 1
"""Of the graph: a cached one of another version is built again."""

SHA256 = "312d416a874aeb5174b6cb4dff481c2c12d4ac3be257758f7757d2b7fc393c97"
"""Of the graph that `build` makes of the zoo's file."""

_OPSET, _IR = 17, 10
"""Old enough for every ONNX Runtime that facekit asks for."""

_FOLDED, _DROPPED = ("DequantizeLinear", "Reshape"), ("Dropout",)
"""Nodes that prepare weights; nodes that do nothing outside training."""

Arrays = dict[str, NDArray[Any]]


def build(data: bytes) -> bytes:
    """Return the graph, serialised, of the bytes of the zoo's file. Raises FacekitError without the package `onnx`."""
    onnx = plugins.need("onnx", "the embedder sface")
    graph = onnx.load_from_string(data).graph
    arrays: Arrays = {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer}
    nodes = [*_pixels(onnx), *_network(onnx, graph.node, arrays)]
    nodes[-1].output[0] = "vectors"
    used = arrays.keys() & {name for node in nodes for name in node.input}
    kinds, helper = onnx.TensorProto, onnx.helper
    made = helper.make_graph(
        nodes,
        "SFace",
        [helper.make_tensor_value_info("faces", kinds.UINT8, ["n", SIDE, SIDE, 3])],
        [helper.make_tensor_value_info("vectors", kinds.FLOAT, ["n", DIMENSIONS])],
        [onnx.numpy_helper.from_array(np.ascontiguousarray(arrays[name]), name) for name in sorted(used)],
    )
    opset = [helper.make_opsetid("", _OPSET)]
    return bytes(helper.make_model(made, opset_imports=opset, ir_version=_IR).SerializeToString(deterministic=True))


def _pixels(onnx: Any) -> Iterator[Any]:
    yield onnx.helper.make_node("Cast", ["faces"], ["numbers"], to=onnx.TensorProto.FLOAT)
    yield onnx.helper.make_node("Transpose", ["numbers"], ["data"], perm=[0, 3, 1, 2])


def _network(onnx: Any, nodes: Iterable[Any], arrays: Arrays) -> Iterator[Any]:
    """Yield the nodes that work on pixels; what prepares weights is done at once, into `arrays`."""
    same: dict[str, str] = {}
    for node in nodes:
        inputs = [same.get(name, name) for name in node.input]
        if node.op_type in _FOLDED and all(name in arrays for name in inputs):
            arrays[node.output[0]] = _prepared(onnx, node, [arrays[name] for name in inputs])
        elif node.op_type in _DROPPED:
            same[node.output[0]] = inputs[0]
        elif node.op_type == "PRelu":
            yield from _prelu(onnx, inputs, node.output[0], arrays)
        else:
            node.input[:] = inputs
            yield node


def _prepared(onnx: Any, node: Any, inputs: list[NDArray[Any]]) -> NDArray[Any]:
    if node.op_type == "Reshape":
        return inputs[0].reshape(inputs[1])
    settings = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
    whole, scales, zeros = inputs
    return dequantized(whole, scales, zeros, settings["axis"], settings["block_size"])


def dequantized(
    whole: NDArray[np.int8], scales: NDArray[np.float32], zeros: NDArray[np.int8], axis: int, block: int
) -> NDArray[np.float32]:
    """Return weights as numbers: `block` of them along `axis` share a scale and a zero; the last block may be short."""
    scale, zero = (_spread(values, axis, block, whole.shape[axis]) for values in (scales, zeros))
    return np.asarray((whole.astype(np.float32) - zero.astype(np.float32)) * scale, np.float32)


def _spread(values: NDArray[Any], axis: int, block: int, length: int) -> NDArray[Any]:
    return np.repeat(values, block, axis).take(range(length), axis)


def _prelu(onnx: Any, inputs: list[str], output: str, arrays: Arrays) -> Iterator[Any]:
    values, slope = inputs
    arrays[f"{slope}_up"] = np.float32(1) - arrays[slope]
    names = [f"{output}_{part}" for part in ("positive", "up", "all")]
    for kind, given, name in (
        ("Relu", [values], names[0]),
        ("Mul", [names[0], f"{slope}_up"], names[1]),
        ("Mul", [values, slope], names[2]),
        ("Add", names[1:], output),
    ):
        yield onnx.helper.make_node(kind, given, [name])
