"""Exported files from strangers: what reads other files, never ends or fills memory is refused before it runs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnxruntime", reason="the extra `onnx` is not installed")
pytest.importorskip("onnx", reason="the extra `export` is not installed")

from exporting import SIDE, tiny_about, tiny_graph, written_to
from onnx import TensorProto, helper, numpy_helper

from facekit.base.contract import FacekitError
from facekit.identity.predictor import FoundFace, Predictor
from facekit.options.predict import Least
from facekit.runs.export import load, open_model
from facekit.runs.export.model import ABOUT, written


def _refused(file: Path) -> str:
    """Return the one line that is said of a file when it is loaded and asked, as `predict` does it."""
    with pytest.raises(FacekitError) as caught:
        _ask(file)
    message = str(caught.value)
    assert "\n" not in message and str(file) in message and "export" in message
    return message


def _ask(file: Path) -> list[Any]:
    predictor = Predictor(load(file))
    face = np.zeros((SIDE, SIDE, 3), np.uint8)
    face[..., 1] = 255
    faces = [one for one in predictor.look(face, detect=False) if isinstance(one, FoundFace)]
    return predictor.name(faces, Least(0))


def test_a_file_is_read_and_asked(tmp_path: Path) -> None:
    (answer,) = _ask(written_to(tmp_path / "a.onnx", tiny_graph()))
    assert answer.label == "green"
    assert answer.confidence == pytest.approx(1, abs=1e-3)


def _elsewhere(model: Any) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "../secret"), ("offset", "0"), ("length", "12")):
        tensor.external_data.add(key=key, value=value)


def _elsewhere_in_a_node(model: Any) -> None:
    node = helper.make_node("Constant", [], ["secret"], value=numpy_helper.from_array(np.zeros(3, np.float32)))
    node.attribute[0].t.ClearField("raw_data")
    node.attribute[0].t.data_location = TensorProto.EXTERNAL
    node.attribute[0].t.external_data.add(key="location", value="/etc/passwd")
    model.graph.node.insert(0, node)


def _endless(model: Any) -> None:
    body = helper.make_graph([], "body", [], [])
    model.graph.node.append(helper.make_node("Loop", ["", "", ""], ["never"], body=body))


def _a_graph_in_a_plain_operator(model: Any) -> None:
    model.graph.node[0].attribute.append(helper.make_attribute("body", helper.make_graph([], "body", [], [])))


def _foreign(model: Any) -> None:
    model.graph.node.append(helper.make_node("EPContext", [], ["x"], domain="com.microsoft", ep_cache_context="/x.so"))


def _functions(model: Any) -> None:
    opset = [helper.make_opsetid("", 17)]
    model.functions.append(
        helper.make_function("own", "F", ["x"], ["y"], [helper.make_node("Abs", ["x"], ["y"])], opset)
    )


def _sparse(model: Any) -> None:
    values = helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0])
    model.graph.sparse_initializer.append(
        helper.make_sparse_tensor(values, helper.make_tensor("i", TensorProto.INT64, [1], [0]), [1 << 40])
    )


def _bomb(model: Any) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.array([1 << 20, 1 << 18, 1], np.int64), "shape"))
    nodes = [
        helper.make_node("Expand", ["scores", "shape"], ["huge"]),
        helper.make_node("ReduceSum", ["huge"], ["sum"], keepdims=0),
        helper.make_node("Add", ["scores", "sum"], ["more"]),
    ]
    model.graph.node[3].input[0] = "more"
    for place, node in enumerate(nodes):
        model.graph.node.insert(3 + place, node)


def _other_outputs(model: Any) -> None:
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 4


def _not_finite(model: Any) -> None:
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.full(3, np.nan, np.float32), "scale"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_elsewhere, "its weights are in another file"),
        (_elsewhere_in_a_node, "its weights are in another file"),
        (_endless, "an operator holds a graph of its own"),
        (_a_graph_in_a_plain_operator, "an operator holds a graph of its own"),
        (_foreign, "com.microsoft.EPContext"),
        (_functions, "it has functions of its own"),
        (_sparse, "it has sparse weights"),
        (_bomb, "cannot be run by ONNX Runtime"),
        (_other_outputs, "cannot be run by ONNX Runtime"),
        (_not_finite, "numbers that are not finite"),
    ],
)
def test_a_graph_that_could_do_harm_is_refused(tmp_path: Path, change: Callable[[Any], None], reason: str) -> None:
    (tmp_path / "secret").write_bytes(b"\0\0\x80?" * 3)
    (tmp_path / "in").mkdir()
    model = tiny_graph()
    change(model)
    assert reason in _refused(written_to(tmp_path / "in" / "a.onnx", model))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"version": 2}, "it has version 2, and this facekit reads 1"),
        ({"labels": ["red", "green", "../x"]}, "which no folder of a person is called"),
        ({"labels": ["red"]}, "labels are not two or more different names"),
        ({"labels": ["red", "green"]}, "cannot be run by ONNX Runtime"),
        ({"temperature": 0}, "temperature is 0"),
        ({"preprocessing": {"side": 1 << 30}}, "preprocessing.side is"),
        ({"preprocessing": {"input": "vectors"}}, "backbone is missing"),
        ({"backbone": {"name": "../run", "version": "1", "metric": "cosine", "dimensions": 3}}, "neither an embedder"),
        ({"crop": {"margin": -1}}, "margin"),
        ({"known_faces": 3, "open_set": {"embedder": {"name": "dlib", "metric": "cosine", "dimensions": 128}}}, "`"),
    ],
)
def test_what_a_file_says_of_itself_is_held_against_limits(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    said = json.loads(written(tiny_about(), None)[ABOUT])
    text = json.dumps({**said, **changes})
    assert reason in _refused(written_to(tmp_path / "a.onnx", tiny_graph(), **{ABOUT: text}))


def test_a_run_that_it_names_is_not_opened(tmp_path: Path) -> None:
    """The path of a run as its embedder would load any folder."""
    backbone = {"name": str(tmp_path), "version": "1", "metric": "cosine", "dimensions": 3}
    said = {**json.loads(written(tiny_about(), None)[ABOUT]), "backbone": backbone}
    file = written_to(tmp_path / "a.onnx", tiny_graph(), **{ABOUT: json.dumps(said)})
    with pytest.raises(FacekitError, match="is a linear head on the network in"):
        _ask(file)


def test_claims_of_known_faces_allocate_nothing(tmp_path: Path) -> None:
    found = {"faces": 10_000_000, "people": 3, "left_out": 6, "rate": 0.01, "threshold": 0.2}
    embedder = {"name": "dlib", "version": "1", "metric": "euclidean", "dimensions": 65536}
    said = json.loads(written(replace(tiny_about(), kind="people"), None)[ABOUT])
    said |= {"known_faces": 10_000_000, "open_set": {"embedder": embedder, **found}}
    file = written_to(tmp_path / "a.onnx", tiny_graph(), **{ABOUT: json.dumps(said)})
    assert "another number of known faces than it says" in _refused(file)


def test_damaged_files_are_refused_in_a_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = written_to(tmp_path / "a.onnx", tiny_graph()).read_bytes()
    rng = np.random.default_rng(0)
    cases = [data[:length] for length in range(0, len(data), 97)]
    for _ in range(150):
        damaged = bytearray(data)
        for place in rng.integers(0, len(data), rng.integers(1, 4)):
            damaged[place] = rng.integers(0, 256)
        cases.append(bytes(damaged))
    file = tmp_path / "b.onnx"
    refused = 0
    for case in cases:
        file.write_bytes(case)
        try:
            _ask(file)
        except FacekitError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > len(cases) / 3
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x1c\0\0\0TFL3" + bytes(90), "is a LiteRT file, which is for phones; facekit answers from ONNX files"),
        (b"PK\3\4" + bytes(90), "is a zip, as PyTorch's exported models are; facekit answers from ONNX files"),
        (b"", "is not a model that facekit exported (it is not an ONNX file)"),
        (b"\xff" * 100, "is not a model that facekit exported (it is no protocol buffer)"),
        (b"\x08\x08" * 2_100_000, "is not a model that facekit exported (more parts than a network has)"),
    ],
    ids=["litert", "zip", "empty", "bytes", "parts"],
)
def test_another_file_is_told(tmp_path: Path, data: bytes, reason: str) -> None:
    file = tmp_path / "a.onnx"
    file.write_bytes(data)
    assert reason in _refused(file)


def test_an_onnx_file_of_another_program_is_told(tmp_path: Path) -> None:
    file = tmp_path / "a.onnx"
    file.write_bytes(tiny_graph().SerializeToString())
    assert "it does not say what facekit needs to know" in _refused(file)


def test_what_is_no_file_blocks_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.onnx")
    with pytest.raises(FacekitError, match=r"fifo\.onnx is a FIFO"):
        open_model(tmp_path / "fifo.onnx")
    (tmp_path / "repository").mkdir()
    (tmp_path / "repository" / "config.pbtxt").touch()
    with pytest.raises(FacekitError, match=r"has a config\.pbtxt and no model\.onnx"):
        open_model(tmp_path / "repository")
    with pytest.raises(FacekitError, match="no such folder"):
        open_model(tmp_path / "nowhere.onnx")
