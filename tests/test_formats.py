"""Every network in every format: exported, and asked by the format's own runtime as another program would ask it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, Facekit
from patches import tree

pytest.importorskip("tf2onnx", reason="the extra `export` is not installed")

from facekit import runs
from facekit.base import images
from facekit.commands.train import train
from facekit.networks import NETWORKS
from facekit.options.train import Train
from facekit.runs.export import load
from facekit.runs.run import GALLERY

COLORS = {"cnn5": "gray", "mobilenet_v2": "gray"}
HEAD = "a head on cnn3"
NAMES = {"onnx": "a.onnx", "litert": "a.tflite", "litert-int8": "a.tflite", "savedmodel": "served"}
FORMATS = {"torch": "a.pt2"} if os.environ.get("KERAS_BACKEND") == "torch" else NAMES
"""Format -> the name of an output. With KERAS_BACKEND=torch that of PyTorch alone, which it alone writes."""


@pytest.fixture(scope="module", params=[*NETWORKS, HEAD])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A run of each network, after a few steps: its statistics and weights are no longer those it began with."""
    from facekit.networks.backend import keras

    folder = tmp_path_factory.mktemp("formats")
    faces, made, name = tree(folder / "faces", 3), folder / "run", request.param
    if name == HEAD:
        train(_options(faces, folder / "base", "cnn3"))
        train(Train(input=faces, output=made, backbone=str(folder / "base"), labels="people"))
    else:
        train(_options(faces, made, name))
    yield made
    keras.utils.clear_session()  # else each network stays in memory


def _options(faces: Path, output: Path, name: str) -> Train:
    side, color = max(32, NETWORKS[name].smallest), COLORS.get(name, "rgb")
    settings: dict[str, Any] = {"network": name, "size": side, "color": color, "epochs": 2, "batch": 16}
    return Train(input=faces, output=output, labels="classes", **settings)


@pytest.mark.slow
@pytest.mark.parametrize("written", FORMATS)
def test_the_formats_own_runtime_answers_as_keras_does(
    run: Path, written: str, tmp_path: Path, facekit: Facekit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "examples" / "exported"))
    import ask

    report = facekit("export", run, "-o", tmp_path / FORMATS[written], "--format", written, "--json").report
    place, info = Path(report["details"]["file"]), runs.load(run).info
    about, answers = ask.opened(place)
    side = about["preprocessing"]["side"]
    pictures = sorted((run.parent / "faces").glob("*/*.png"))[::3]
    faces = np.stack([images.resize(images.read(file), side) for file in pictures])
    found, expected = answers(faces), _by_keras(run, faces)
    assert np.ptp(expected, axis=0).max() > 1e-3, "the network says the same of all faces"
    assert np.abs(found - expected).max() <= (0.5 if written == "litert-int8" else 1e-4)
    assert about["labels"] == list(info.labels)
    assert about["known_faces"] == (info.open_set.faces if info.open_set else 0)
    assert ("accuracy of the export" in report["details"]) == (written == "litert-int8")
    if written == "onnx":
        assert (load(place).known is not None) == bool(about["known_faces"])
    if written == "savedmodel":
        assert (place / "assets.extra" / GALLERY).exists() == bool(about["known_faces"])


def _by_keras(run: Path, faces: np.ndarray) -> np.ndarray:
    from facekit.commands.export.subject import Subject

    return np.asarray(Subject.of(runs.load(run)).keras.predict(faces, verbose=0)["probabilities"])
