"""The networks: what stands inside them, what is published of them, and what is refused."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facekit.base import plugins
from facekit.base.contract import FacekitError
from facekit.networks import NETWORKS, build
from facekit.networks.assembly import parameters
from facekit.networks.backend import keras
from facekit.networks.blocks import backbone, blocks, free, head
from facekit.networks.cnn import cnn3

APPLICATIONS = [name for name, about in NETWORKS.items() if about.application]


@cache
def built(name: str) -> Any:
    """A network of the smallest size. Not to be changed."""
    return build(name, NETWORKS[name].smallest, 5)


def numbers(layers: list[Any]) -> int:
    return sum(layer.count_params() for layer in layers)


def pictures(count: int, side: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_has_the_parameters_that_are_published_of_it(name: str) -> None:
    model, about = built(name), NETWORKS[name]
    assert numbers(backbone(model)) == about.parameters
    assert head(model)[-1].name == "names"
    assert not any(isinstance(layer, keras.layers.Lambda) for layer in model.layers)
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert {layer.momentum for layer in norms} <= {0.9}
    shares = np.asarray(model(pictures(2, about.smallest)))
    assert shares.shape == (2, 5)
    assert np.allclose(shares.sum(axis=1), 1, atol=1e-5)


def test_facenet_has_the_parameters_of_its_keras_port() -> None:
    model = built("inception_resnet_v1")
    assert numbers(backbone(model)) == 22_808_144
    assert parameters(model) - numbers(head(model)) == 22_779_312


def test_alexnet_has_the_parameters_of_its_paper_in_one_tower() -> None:
    filters = 96 + 256 + 384 + 384 + 256  # normalisation has two numbers for a filter, where a bias is one
    assert parameters(build("alexnet", 227, 1000)) == 62_378_344 + filters


def test_inception_has_the_originals_head_and_takes_a_step() -> None:
    model = build("inception_v3", 75, 650)
    assert round(parameters(model) / 1e6, 2) == 27.30
    model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
    before = keras.ops.convert_to_numpy(model.trainable_weights[0]).copy()
    loss = model.train_on_batch(pictures(2, 75), np.array([3, 600]))
    assert np.isfinite(loss)
    assert not np.allclose(before, keras.ops.convert_to_numpy(model.trainable_weights[0]))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_size_too_small_is_refused(name: str) -> None:
    least = NETWORKS[name].smallest
    with pytest.raises(FacekitError, match=rf"^--size is {least - 1}; {name} needs {least} or more$"):
        build(name, least - 1, 3)


def _published(name: str, some: np.ndarray) -> np.ndarray:
    """What the pictures are made into before a network, by whoever published it."""
    as_float = some.astype(np.float32)
    if name == "inception_resnet_v1":
        return (as_float - 127.5) / 128
    modes = {"vgg16": "caffe", "efficientnet_b0": "torch"}
    return np.asarray(keras.applications.imagenet_utils.preprocess_input(as_float, mode=modes.get(name, "tf")))


@pytest.mark.parametrize("name", [*APPLICATIONS, "inception_resnet_v1", "cnn3"])
def test_the_preprocessing_that_was_published_stands_inside(name: str) -> None:
    model, side = built(name), NETWORKS[name].smallest
    # Two of the networks do the last of it in layers of their own.
    last = {"vgg16": "block1_conv1", "efficientnet_b0": "stem_conv_pad"}.get(name)
    seen = model.get_layer(last).input if last else model.get_layer("preprocessing").output
    found = np.asarray(keras.Model(model.inputs[0], seen)(pictures(2, side)))
    assert np.allclose(found, _published(name, pictures(2, side)), atol=1e-4)


@pytest.mark.parametrize("name", ["cnn5", "alexnet", "vgg16", "inception_resnet_v1"])
def test_in_gray_a_network_sees_no_colour(name: str) -> None:
    side = NETWORKS[name].smallest
    model, coloured = build(name, side, 5, "gray"), pictures(2, side).astype(np.float32)
    gray = np.repeat(coloured @ np.array([0.2989, 0.5870, 0.1140], np.float32)[:, None], 3, axis=-1)
    assert np.allclose(model(coloured), model(gray / 0.9999), atol=1e-3)
    assert not np.allclose(model(coloured), model(coloured[..., ::-1]), atol=1e-6)


def test_a_network_of_another_package_is_trained_in_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(plugins.PARTS["network"], "theirs", "test_networks:theirs")
    model = build("theirs", 32, 3)
    assert [layer.name for layer in head(model)] == ["last"]
    with pytest.raises(FacekitError, match=r"^theirs needs colour pictures; remove --color$"):
        build("theirs", 32, 3, "gray")


def theirs(size: int, classes: int) -> Any:
    """A network that follows none of facekit's names."""
    dense = keras.layers.Dense(classes, activation="softmax", name="last")
    layers = [keras.layers.Flatten(), keras.layers.Dense(4), dense, keras.layers.Activation("linear")]
    return keras.Sequential([keras.Input((size, size, 3)), *layers])


BLOCKS = {
    "inception_v3": 13,  # two of the stem, eleven mixed ones
    "cnn5": 5,
    "vgg16": 5,
    "resnet50_v2": 17,  # the stem, and 3 + 4 + 6 + 3
    "inception_resnet_v1": 25,  # two of the stem, 5 + 1 + 10 + 1 + 6, and the embedding
}


@pytest.mark.parametrize("name", NETWORKS)
def test_blocks_hold_every_layer_of_the_backbone_once_and_in_order(name: str) -> None:
    model = built(name)
    found = blocks(model)
    assert [layer.name for block in found for layer in block] == [layer.name for layer in backbone(model)]
    assert len(found) == BLOCKS.get(name, len(found))
    assert all(any(len(weight.shape) > 1 for layer in block for weight in layer.weights) for block in found)


def test_the_last_blocks_are_freed() -> None:
    model = build("vgg16", 32, 3)
    free(model, 1)
    assert {w.path.split("/")[0] for w in model.trainable_weights} == {
        *("block5_conv1", "block5_conv2", "block5_conv3", "head", "names")
    }
    free(model, 0)
    assert {w.path.split("/")[0] for w in model.trainable_weights} == {"head", "names"}
    free(model, None)
    assert len(model.trainable_weights) == len(model.weights)


def test_frozen_normalisation_keeps_its_statistics() -> None:
    model = cnn3(32, 3)
    free(model, 1)
    model.compile("adam", "sparse_categorical_crossentropy")
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    before = [keras.ops.convert_to_numpy(norm.moving_mean).copy() for norm in norms]
    model.train_on_batch(pictures(4, 32), np.array([0, 1, 2, 0]))
    kept = [
        np.array_equal(keras.ops.convert_to_numpy(norm.moving_mean), was)
        for norm, was in zip(norms, before, strict=True)
    ]
    assert kept == [True, True, False]


def test_weights_come_back_as_they_were(tmp_path: Path) -> None:
    model, other = cnn3(32, 3), cnn3(32, 3)
    model.save_weights(tmp_path / "m.weights.h5")
    other.load_weights(tmp_path / "m.weights.h5")
    assert np.array_equal(model(pictures(2, 32)), other(pictures(2, 32)))


def test_networks_go_by_name() -> None:
    assert plugins.load("network", "cnn3") is cnn3
    assert set(NETWORKS) == set(plugins.PARTS["network"])
    with pytest.raises(FacekitError, match=r"^no network called 'vgg99'; choose from inception_v3, cnn3"):
        plugins.load("network", "vgg99")
