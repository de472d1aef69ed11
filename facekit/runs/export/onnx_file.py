"""Write ONNX: a network by way of Keras, or a linear head behind the embedder's own graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from facekit import __version__
from facekit.base import plugins, scratch
from facekit.base.contract import FacekitError
from facekit.runs.export.about import FACES, PROBABILITIES, VECTORS
from facekit.runs.head import Head

if TYPE_CHECKING:  # a linear head needs no Keras
    from facekit.networks.backend import Model

OPSET, IR = 17, 10
"""Old enough for every ONNX Runtime that facekit asks for."""

_WHAT = "export --format onnx"


def of_keras(model: Model) -> bytes:
    """Return a network of `network.of_network` or `network.of_head` as an ONNX file.

    Raises FacekitError without tf2onnx, and where Keras computes with something else than TensorFlow.
    """
    from facekit.networks.backend import engine
    from facekit.runs.export.network import converting

    if engine() != "tensorflow":
        raise FacekitError(f"ONNX is written from TensorFlow, and KERAS_BACKEND is {engine()}; set it to tensorflow")
    onnx = plugins.need("onnx", _WHAT, "export")
    plugins.need("tf2onnx", _WHAT)
    with scratch.private_folder() as folder, converting(folder):
        file = folder / "model.onnx"
        model.export(str(file), format="onnx", verbose=False, opset_version=OPSET)
        made = onnx.load(file)
    names = [PROBABILITIES, VECTORS][: len(made.graph.output)]
    _rename(made.graph, {one.name: name for one, name in zip(made.graph.output, names, strict=True)})
    _rename(made.graph, {made.graph.input[0].name: FACES})
    for end in (*made.graph.input, *made.graph.output):
        end.type.tensor_type.shape.dim[0].dim_param = "n"
    return _finished(onnx, made)


def of_head(graph: bytes, head: Head, mirrored: bool = False) -> bytes:
    """Return a linear head behind an embedder: aligned faces in, probabilities and embeddings out.

    `graph` takes `faces` and gives `vectors`, as facekit's own do. With `mirrored`, an embedding is the mean of a
    face's and its mirror image's. Raises FacekitError without the package `onnx`.
    """
    onnx = plugins.need("onnx", _WHAT, "export")
    made = onnx.load_from_string(graph)
    nodes = list(made.graph.node)
    if mirrored:
        nodes = _mirrored(onnx, made.graph, nodes)
    nodes += _linear(onnx, made.graph, head)
    del made.graph.node[:]
    made.graph.node.extend(nodes)
    made.graph.output.insert(0, _end(onnx, PROBABILITIES, len(head.bias)))
    return _finished(onnx, made)


def of_head_alone(head: Head) -> bytes:
    """Return a linear head that takes embeddings. Raises FacekitError without the package `onnx`."""
    onnx = plugins.need("onnx", _WHAT, "export")
    graph = onnx.helper.make_graph(
        [], "a linear head", [_end(onnx, VECTORS, len(head.weights))], [_end(onnx, PROBABILITIES, len(head.bias))]
    )
    graph.node.extend(_linear(onnx, graph, head))
    opset = [onnx.helper.make_opsetid("", OPSET)]
    return _finished(onnx, onnx.helper.make_model(graph, opset_imports=opset, ir_version=IR))


def with_metadata(data: bytes, said: Mapping[str, str]) -> bytes:
    """Return the file with what it says of itself. Raises FacekitError without the package `onnx`."""
    onnx = plugins.need("onnx", _WHAT, "export")
    made = onnx.load_from_string(data)
    onnx.helper.set_model_props(made, dict(said))
    return bytes(made.SerializeToString(deterministic=True))


def _finished(onnx: Any, made: Any) -> bytes:
    made.producer_name, made.producer_version = "facekit", __version__
    made.ir_version = min(made.ir_version, IR)
    onnx.checker.check_model(made)
    return bytes(made.SerializeToString(deterministic=True))


def _rename(graph: Any, names: Mapping[str, str]) -> None:
    """Give tensors other names, wherever they are named."""
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    for end in (*graph.input, *graph.output):
        end.name = names.get(end.name, end.name)


def _end(onnx: Any, name: str, size: int) -> Any:
    return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", size])


def _linear(onnx: Any, graph: Any, head: Head) -> Sequence[Any]:
    """Return the nodes of a head, whose weights are added to the graph."""
    node = onnx.helper.make_node
    _weight(onnx, graph, "head_weights", head.weights)
    _weight(onnx, graph, "head_bias", head.bias)
    return [
        node("MatMul", [VECTORS, "head_weights"], ["head_products"]),
        node("Add", ["head_products", "head_bias"], ["head_scores"]),
        *_shares(onnx, graph, head.sizes),
    ]


def _shares(onnx: Any, graph: Any, sizes: Sequence[int]) -> Sequence[Any]:
    """Return the nodes that turn scores into probabilities, those of each target by themselves."""
    node = onnx.helper.make_node
    if len(sizes) < 2:
        return [node("Softmax", ["head_scores"], [PROBABILITIES], axis=-1)]
    _weight(onnx, graph, "head_sizes", np.array(sizes, np.int64))
    names = [f"of_target_{number}" for number in range(len(sizes))]
    return [
        node("Split", ["head_scores", "head_sizes"], [f"scores_{name}" for name in names], axis=-1),
        *(node("Softmax", [f"scores_{name}"], [f"shares_{name}"], axis=-1) for name in names),
        node("Concat", [f"shares_{name}" for name in names], [PROBABILITIES], axis=-1),
    ]


def _mirrored(onnx: Any, graph: Any, nodes: Sequence[Any]) -> list[Any]:
    """Return nodes that ask for both a face and its mirror image, and take the mean."""
    node = onnx.helper.make_node
    for one in nodes:
        one.input[:] = ["both_faces" if name == FACES else name for name in one.input]
        one.output[:] = ["both_vectors" if name == VECTORS else name for name in one.output]
    for name, value in (("last", [-1]), ("before_first", [-(2**31)]), ("width", [2]), ("back", [-1])):
        _weight(onnx, graph, name, np.array(value, np.int64))
    _weight(onnx, graph, "half", np.array(0.5, np.float32))
    return [
        node("Slice", [FACES, "last", "before_first", "width", "back"], ["mirrored_faces"]),
        node("Concat", [FACES, "mirrored_faces"], ["both_faces"], axis=0),
        *nodes,
        node("Split", ["both_vectors"], ["face_vectors", "mirrored_vectors"], axis=0),
        node("Add", ["face_vectors", "mirrored_vectors"], ["sum_of_vectors"]),
        node("Mul", ["sum_of_vectors", "half"], [VECTORS]),
    ]


def _weight(onnx: Any, graph: Any, name: str, values: NDArray[Any]) -> None:
    graph.initializer.append(onnx.numpy_helper.from_array(np.ascontiguousarray(values), name))
