"""Tiny runs to export, made without a training: what is compared is two ways to compute one model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from patches import tree

from facekit import runs
from facekit.base.contract import Record
from facekit.base.files import replace_lines
from facekit.dataset import Dataset
from facekit.identity import embedders
from facekit.options.crop import CarriedCrop, FaceCrop
from facekit.runs import Backbone, ModelInfo, OpenSet, Run, TrainedOn
from facekit.runs.export.about import FACES, PROBABILITIES, ExportInfo, Preprocessing
from facekit.runs.export.model import written
from facekit.runs.head import Head
from facekit.runs.known_faces import KnownVectors

SIDE = 32


def network_run(folder: Path, labels: int = 3, color: str = "rgb") -> Path:
    """Write a run of a small network with random weights, whose pictures are beside it."""
    faces = folder / "faces"
    tree(faces, labels)
    run = _run(folder / "run", faces, "cnn3", kind="classes", color=color, crop=CarriedCrop.of(FaceCrop(size=SIDE)))
    model = run.build()
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(0.1, 0.2, weight.shape) ** 2 for weight in model.get_weights()])
    model.save_weights(run.folder / runs.WEIGHTS)
    return run.folder


def head_run(folder: Path, faces: Path, embedder: str) -> Path:
    """Write a run of a linear head with random weights on an embedder, with known faces of each label."""
    one = embedders.load(embedder)
    about = Backbone(name=embedder, version=one.version, metric=one.metric, dimensions=one.dimensions)
    labels = Dataset.open(faces).labels
    rng = np.random.default_rng(1)
    known = KnownVectors(
        rng.normal(0, 0.1, (2 * len(labels), one.dimensions)).astype(np.float32),
        np.repeat(np.arange(len(labels)), 2).astype(np.int32),
    )
    open_set = OpenSet(
        embedder=about, faces=len(known.classes), people=3, left_out=6, rate=0.01, threshold=0.2, slope=9
    )
    run = _run(folder, faces, f"{embedder}, frozen", kind="people", backbone=about, open_set=open_set)
    known.write(run.folder / runs.GALLERY)
    weights = rng.normal(0, 2, (one.dimensions, len(labels))).astype(np.float32)
    Head(weights, rng.normal(0, 0.1, len(labels)).astype(np.float32)).write(run.folder / runs.HEAD)
    return run.folder


def _run(folder: Path, faces: Path, network: str, **about: object) -> Run:
    dataset = Dataset.open(faces)
    records: list[Record] = dataset.records
    folder.mkdir(parents=True)
    info = ModelInfo(
        **{
            "complete": True,
            "network": network,
            "size": SIDE,
            "labels": tuple(dataset.labels),
            "dataset": TrainedOn(root=str(faces.resolve()), digest="0"),
            "protocol": "group",
            "options": {},
            "temperature": 1.5,
            **about,
        }
    )
    replace_lines(folder / runs.SPLIT, (record.to_json() for record in records))
    return Run(folder, info).save(info)


def tiny_graph() -> Any:
    """An ONNX model of three labels, whose scores are a face's mean red, green and blue."""
    nodes = [
        helper.make_node("Cast", [FACES], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["numbers"], ["means"], axes=[1, 2], keepdims=0),
        helper.make_node("Mul", ["means", "scale"], ["scores"]),
        helper.make_node("Softmax", ["scores"], [PROBABILITIES], axis=-1),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(FACES, TensorProto.UINT8, ["n", SIDE, SIDE, 3])],
        [helper.make_tensor_value_info(PROBABILITIES, TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(np.full(3, 0.1, np.float32), "scale")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)


def tiny_about() -> ExportInfo:
    """What the file of `tiny_graph` says of itself."""
    return ExportInfo(
        network="tiny", labels=("red", "green", "blue"), kind="classes", preprocessing=Preprocessing(side=SIDE)
    )


def written_to(file: Path, model: Any, about: ExportInfo | None = None, **said: str) -> Path:
    """Write an ONNX file that says so of itself; `said` replaces texts in it."""
    helper.set_model_props(model, {**written(about or tiny_about(), None), **said})
    file.write_bytes(model.SerializeToString())
    return file
