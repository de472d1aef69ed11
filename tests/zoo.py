"""A server of weights with every fault of a download, and small networks of the shapes that OpenCV's classes take."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from facekit.base import weights
from facekit.base.contract import replace

SQUARE = 32
"""Pixels of the squares that `square_finder` finds, and their distance from one another at least."""


class Zoo(ThreadingHTTPServer):
    """Serves what `files` holds by path; `fault` is one of `missing`, `cut`, `slow`, `silent`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.fault = ""
        self.asked: Counter[str] = Counter()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/models"


class _Handler(BaseHTTPRequestHandler):
    server: Zoo

    def do_GET(self) -> None:
        self.server.asked[self.path] += 1
        data = self.server.files.get(self.path.removeprefix("/models/"))
        if data is None or self.server.fault == "missing":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        half = len(data) // 2
        self.wfile.write(data[:half])
        self.wfile.flush()
        if self.server.fault == "cut":
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if self.server.fault == "silent":
            time.sleep(3)
            return
        if self.server.fault == "slow":
            time.sleep(0.5)
        self.wfile.write(data[half:])

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[Zoo]:
    """A server that runs while the block does."""
    with Zoo() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def publish(zoo: Zoo, name: str, data: bytes, patch: pytest.MonkeyPatch) -> None:
    """Serve a file as the weights `name`, pinned by its own SHA-256, as a new version of the zoo would."""
    pin = weights.PINS[name]
    zoo.files[pin.path] = data
    sha256 = hashlib.sha256(data).hexdigest()
    patch.setitem(weights.PINS, name, replace(pin, sha256=sha256, size=len(data), package=None))


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
