"""LiteRT: what a file says of itself is written into it without moving its weights to where no device reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from exporting import tiny_about

from facekit.runs.export import litert_file
from facekit.runs.export.litert_file import LiteRt

schema = pytest.importorskip("ai_edge_litert.schema_py_generated", reason="the extra `export` is not installed")
flatbuffers = pytest.importorskip("flatbuffers")


def _model(*weights: bytes) -> bytes:
    model = schema.ModelT()
    model.version, model.buffers, model.operatorCodes, model.subgraphs = 3, [], [], []
    for data in weights:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(data, np.uint8)
        model.buffers.append(buffer)
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def test_a_file_says_what_it_is_and_its_weights_stay_where_devices_read_them(tmp_path: Path) -> None:
    weights = [bytes(range(size)) for size in (1, 7, 32, 33, 150)]
    file = LiteRt(_model(*weights)).write(tmp_path / "a.tflite", tiny_about(), None)
    assert litert_file.read(file) == tiny_about()
    data = np.frombuffer(file.read_bytes(), np.uint8)
    model = schema.Model.GetRootAs(data, 0)
    assert model.BuffersLength() == len(weights) + 1
    for place, expected in enumerate(weights):
        found = model.Buffers(place).DataAsNumpy()
        assert found.tobytes() == expected
        assert (found.__array_interface__["data"][0] - data.__array_interface__["data"][0]) % 16 == 0


@pytest.mark.parametrize("data", [b"", b"TFL3", b"\x14\0\0\0TFL3" + b"\xff" * 40, b"PK\3\4"])
def test_another_file_says_nothing(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.tflite").write_bytes(data)
    assert litert_file.read(tmp_path / "a.tflite") is None
