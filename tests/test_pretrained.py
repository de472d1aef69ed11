"""Weights to begin with: whose they may be, that they arrive where they belong, and what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from patches import tree

from facekit import runs
from facekit.base.contract import FacekitError
from facekit.commands.train import train
from facekit.networks import NETWORKS, backend, build
from facekit.networks.backend import keras
from facekit.networks.blocks import backbone, head
from facekit.options.train import Train
from facekit.runs.pretrained import _copy, copy_backbone, donor

APPLICATIONS = [name for name, about in NETWORKS.items() if about.application]


def options(**more: Any) -> Train:
    return Train(**{"input": "in", "output": "out", "network": "cnn3", "size": 32, **more})


def weights(layers: list[Any]) -> list[np.ndarray]:
    return [array for layer in layers for array in layer.get_weights()]


def same(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def saved(file: Path, name: str = "cnn3", **more: Any) -> Any:
    """Write a network's weights, which stand for those of a training, and return it."""
    model = build(name, 32, 4, **more)
    for layer in model.layers:
        layer.set_weights([array + 0.25 for array in layer.get_weights()])
    model.save_weights(file)
    return model


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    faces = tree(tmp_path_factory.mktemp("trained") / "faces", labels=2)
    folder = faces.parent / "run"
    train(Train(input=faces, output=folder, network="cnn3", size=32, epochs=1, batch=8))
    return folder


@pytest.mark.parametrize("name", APPLICATIONS)
def test_what_keras_has_of_a_network_arrives_in_facekits(name: str) -> None:
    """ImageNet's weights come as a Keras application: one with random weights stands for it."""
    about = NETWORKS[name]
    model = build(name, about.smallest, 3)
    source = getattr(keras.applications, about.application or "")(weights=None, include_top=False)
    _copy(source.layers, backbone(model))
    some = np.random.default_rng(0).integers(0, 256, (2, about.smallest, about.smallest, 3)).astype(np.float32)
    features = next(layer for layer in reversed(backbone(model)) if len(layer.output.shape) == 4)
    found = np.asarray(keras.Model(model.inputs[0], features.output)(some))
    mode = {"vgg16": "caffe", "efficientnet_b0": "torch"}.get(name, "tf")
    seen = keras.applications.imagenet_utils.preprocess_input(some.copy(), mode=mode)
    expected = np.asarray(source(seen * 255 if name == "efficientnet_b0" else seen))
    assert found.std() > 0
    assert np.allclose(found, expected, atol=1e-3 * np.abs(expected).max())


def test_a_files_backbone_arrives_and_the_head_is_new(tmp_path: Path) -> None:
    theirs = saved(tmp_path / "m.weights.h5")
    model = build("cnn3", 64, 7)  # another size and other names: the head alone depends on them
    before = weights(head(model))
    copy_backbone(donor(options(weights=str(tmp_path / "m.weights.h5"))), model)
    assert same(weights(backbone(model)), weights(backbone(theirs)))
    assert same(weights(head(model)), before)


def test_another_runs_backbone_arrives(run: Path) -> None:
    model = build("cnn3", 32, 5)
    copy_backbone(donor(options(weights=str(run))), model)
    assert same(weights(backbone(model)), weights(backbone(runs.load(run).model())))


def test_without_weights_there_is_no_donor() -> None:
    assert donor(options()) is None


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"weights": "gone.weights.h5"}, "--weights is gone.weights.h5, which does not exist; give none, imagenet, a "),
        ({"weights": "imagenet"}, "there are no ImageNet weights for cnn3; choose --network from inception_v3, vgg16"),
    ],
)
def test_weights_that_are_not_there_are_refused(more: dict[str, Any], message: str) -> None:
    with pytest.raises(FacekitError) as caught:
        donor(options(**more))
    assert str(caught.value).startswith(message)


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "old.h5").write_bytes(b"")
    with pytest.raises(
        FacekitError,
        match=r"old.h5; give a .weights.h5 file: only these are read, because they hold numbers and no code$",
    ):
        donor(options(weights=str(tmp_path / "old.h5")))
    (tmp_path / "odd.weights.h5").write_text("no weights")
    with pytest.raises(
        FacekitError, match=r"odd.weights.h5 is not a file of weights \(.*\); choose another --weights$"
    ):
        donor(options(weights=str(tmp_path / "odd.weights.h5")))


def test_a_file_of_another_network_is_refused(tmp_path: Path) -> None:
    """Also one whose first layers would fit."""
    file = tmp_path / "m.weights.h5"
    saved(file, "cnn4")
    with pytest.raises(FacekitError, match=r"is not of a cnn3 in rgb: it also holds layers/.*_3/.*; choose another"):
        donor(options(weights=str(file)))
    saved(file, "cnn3")
    with pytest.raises(FacekitError, match=r"is not of a cnn4 in rgb: layers/.*_3/vars/0 is missing, not \(256,\)"):
        donor(options(weights=str(file), network="cnn4"))
    saved(file, "cnn3", color="gray")
    with pytest.raises(FacekitError, match=r"conv2d/vars/0 has shape \(3, 3, 1, 32\), not \(3, 3, 3, 32\); choose"):
        donor(options(weights=str(file)))


def test_a_file_that_points_elsewhere_is_refused(tmp_path: Path) -> None:
    """What a file links to may be any file of this machine: it is not opened in its name."""
    file, other = tmp_path / "m.weights.h5", tmp_path / "other.h5"
    saved(file)
    with h5py.File(other, "w") as data:
        data["secret"] = np.zeros((3, 3, 3, 32), np.float32)
    place = "layers/conv2d/vars/0"
    with h5py.File(file, "r+") as data:
        del data[place]
        data[place] = h5py.ExternalLink(str(other), "secret")
    with pytest.raises(FacekitError, match=rf"{place} is missing, not \(3, 3, 3, 32\); choose another --weights$"):
        donor(options(weights=str(file)))
    with h5py.File(file, "r+") as data:
        del data[place]
        layout = h5py.VirtualLayout((3, 3, 3, 32), np.float32)
        layout[...] = h5py.VirtualSource(str(other), "secret", (3, 3, 3, 32))
        data.create_virtual_dataset(place, layout)
    with pytest.raises(FacekitError, match=rf"{place} is not a plain array of numbers; choose another --weights$"):
        donor(options(weights=str(file)))


def test_a_run_of_another_network_is_refused(run: Path) -> None:
    with pytest.raises(
        FacekitError, match=r"run is a cnn3 in rgb; give --network cnn3 --color rgb, or other --weights$"
    ):
        donor(options(weights=str(run), network="cnn4"))
    with pytest.raises(
        FacekitError, match=r"run is a cnn3 in rgb; give --network cnn3 --color rgb, or other --weights$"
    ):
        donor(options(weights=str(run), color="gray"))


def test_offline_the_command_says_so_in_a_line_before_any_work(tmp_path: Path) -> None:
    faces = tree(tmp_path / "faces", labels=2)
    # A proxy at which nobody listens: as good as no network, and nothing in the cache.
    offline = {"https_proxy": "http://127.0.0.1:9", "KERAS_HOME": str(tmp_path / "keras"), "no_proxy": ""}
    environment = {name: value for name, value in os.environ.items() if name != backend.QUIET} | offline
    command = [sys.executable, "-m", "facekit", "train", str(faces), "-o", str(tmp_path / "run"), "--quiet"]
    command += ["--network", "mobilenet_v2", "--weights", "imagenet"]
    began = time.monotonic()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert time.monotonic() - began < 120  # most of it loads TensorFlow
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: the ImageNet weights of mobilenet_v2 cannot be fetched (URL fetch failure on")
    assert done.stdout == ""
    assert not (tmp_path / "run").exists()
