"""The networks: what stands inside them, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facekit import plugins
from facekit.backend import keras
from facekit.contract import FacekitError
from facekit.models import cnn3, inception_v3, parameters


def _pictures(count: int, side: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def test_inception_has_the_originals_head_and_takes_a_step() -> None:
    model = inception_v3(75, 650)
    assert round(parameters(model) / 1e6, 2) == 27.30
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert len(norms) == 94
    assert {layer.momentum for layer in norms} == {0.9}
    assert not any(isinstance(layer, keras.layers.Lambda) for layer in model.layers)
    model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
    before = keras.ops.convert_to_numpy(model.trainable_weights[0]).copy()
    loss = model.train_on_batch(_pictures(2, 75), np.array([3, 600]))
    assert np.isfinite(loss)
    assert not np.allclose(before, keras.ops.convert_to_numpy(model.trainable_weights[0]))


def test_preprocessing_stands_inside() -> None:
    model = cnn3(32, 3)
    scale = model.get_layer("preprocessing")
    black_and_white = np.array([0, 255], np.uint8).reshape(1, 1, 2, 1)
    assert np.allclose(np.asarray(scale(black_and_white)).ravel(), [-1, 1])
    shares = np.asarray(model(_pictures(4, 32)))
    assert shares.shape == (4, 3)
    assert np.allclose(shares.sum(axis=1), 1, atol=1e-5)


def test_weights_come_back_as_they_were(tmp_path: Path) -> None:
    model, other = cnn3(32, 3), cnn3(32, 3)
    model.save_weights(tmp_path / "m.weights.h5")
    other.load_weights(tmp_path / "m.weights.h5")
    assert np.array_equal(model(_pictures(2, 32)), other(_pictures(2, 32)))


def test_a_size_too_small_is_refused() -> None:
    with pytest.raises(FacekitError, match=r"^--size is 64; inception_v3 needs 75 or more$"):
        inception_v3(64, 3)


def test_networks_go_by_name() -> None:
    assert plugins.load("network", "cnn3") is cnn3
    with pytest.raises(FacekitError, match=r"^no network called 'vgg99'; choose from inception_v3, cnn3"):
        plugins.load("network", "vgg99")
