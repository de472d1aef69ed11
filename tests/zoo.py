"""Small networks of the shapes of YuNet and SFace, taken for the real ones: what they find is known beforehand."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from facekit.base import weights
from facekit.base.contract import replace

SQUARE = 32
"""Pixels of the squares that `square_finder` finds, and their distance from one another at least."""


def publish(folder: Path, name: str, data: bytes, patch: pytest.MonkeyPatch) -> Path:
    """Put a file into FACEKIT_WEIGHTS as the weights `name`, pinned by its own SHA-256, as a new version would be."""
    pin = weights.PINS[name]
    folder.mkdir(exist_ok=True)
    (folder / pin.file).write_bytes(data)
    patch.setitem(weights.PINS, name, replace(pin, sha256=hashlib.sha256(data).hexdigest(), size=len(data)))
    patch.setenv("FACEKIT_WEIGHTS", str(folder))
    return folder / pin.file


def colour_network() -> bytes:
    """A network of SFace's shape: the first three of its 128 numbers are mean red, green and blue."""
    table = np.zeros((3, 128), np.float32)
    table[0, 0] = table[1, 1] = table[2, 2] = 1
    nodes = [
        helper.make_node("GlobalAveragePool", ["data"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("MatMul", ["flat", "table"], ["fc1"]),
    ]
    inputs = [helper.make_tensor_value_info("data", TensorProto.FLOAT, [1, 3, 112, 112])]
    outputs = [helper.make_tensor_value_info("fc1", TensorProto.FLOAT, [1, 128])]
    return _model(nodes, inputs, outputs, {"table": table})


def square_finder() -> bytes:
    """A network of YuNet's shape that takes white squares on its grid of 32 pixels for faces.

    Its boxes are twice as large as the square; eyes are a quarter of a square above its middle and as far apart as
    half of it, the nose in the middle, the corners of the mouth below.
    """
    points = np.array([(-0.25, -0.25), (0.25, -0.25), (0, 0), (-0.2, 0.25), (0.2, 0.25)]) + 0.5
    box = np.array([0.5, 0.5, np.log(2), np.log(2)])
    nodes, outputs, held = [], [], {}
    for stride in (8, 16, 32):
        used = float(stride == SQUARE)
        held |= {f"scale{stride}": np.float32(used / 3 / 255)}
        held |= {f"box{stride}": _row(box), f"kps{stride}": _row(points.ravel())}
        held |= {f"to1_{stride}": np.array([1, -1, 1]), f"none{stride}": np.float32(0)}
        nodes += [
            helper.make_node("ReduceSum", ["input", "channels"], [f"sum{stride}"], keepdims=1),
            helper.make_node(
                "AveragePool",
                [f"sum{stride}"],
                [f"mean{stride}"],
                kernel_shape=[stride, stride],
                strides=[stride, stride],
            ),
            helper.make_node("Mul", [f"mean{stride}", f"scale{stride}"], [f"score{stride}"]),
            helper.make_node("Reshape", [f"score{stride}", f"to1_{stride}"], [f"cls_{stride}"]),
            helper.make_node("Reshape", [f"score{stride}", f"to1_{stride}"], [f"obj_{stride}"]),
            helper.make_node("Mul", [f"cls_{stride}", f"none{stride}"], [f"nil{stride}"]),
            helper.make_node("Add", [f"nil{stride}", f"box{stride}"], [f"bbox_{stride}"]),
            helper.make_node("Add", [f"nil{stride}", f"kps{stride}"], [f"kps_{stride}"]),
        ]
        outputs += [
            helper.make_tensor_value_info(f"{name}_{stride}", TensorProto.FLOAT, [1, None, width])
            for name, width in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10))
        ]
    held |= {"channels": np.array([1])}
    inputs = [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 640, 640])]
    return _model(nodes, inputs, outputs, held)


def _row(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, np.float32).reshape(1, 1, -1)


def _model(nodes: list[onnx.NodeProto], inputs: list[object], outputs: list[object], held: dict[str, object]) -> bytes:
    kept = [numpy_helper.from_array(np.asarray(values), name) for name, values in held.items()]
    graph = helper.make_graph(nodes, "a test's", inputs, outputs, kept)
    return bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()
    )
