"""The objectives, beside what pytorch-metric-learning computes for the same embeddings."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras", reason="the extra `train` is not installed")

from facekit.networks import gradients
from facekit.networks.backend import keras
from facekit.training.objectives import losses

FOLDER = Path(__file__).parent / "data" / "objectives"
GIVEN = json.loads((FOLDER / "expected.json").read_text())


def _measured(name: str) -> dict[str, Any]:
    """Return the mean loss and its gradient, as facekit computes them, of `objective margin scale`."""
    objective, *numbers = name.split()
    people = keras.ops.convert_to_tensor(GIVEN["people"], "int32")
    centres = np.asarray(GIVEN["centres"], np.float32)

    class Loss(keras.layers.Layer):  # type: ignore[misc]
        def call(self, embeddings: Any) -> Any:
            if len(numbers) == 1:
                return getattr(losses, objective)(embeddings, people, float(numbers[0]))
            cosines = losses.unit(embeddings) @ keras.ops.transpose(losses.unit(centres.T))
            margin, scale = map(float, numbers)
            return keras.ops.mean(getattr(losses, objective)(cosines, people, margin, scale))

        def compute_output_shape(self, shape: Any) -> tuple[()]:
            return ()

    inputs = keras.Input(batch_shape=(12, 6))
    model = keras.Model(inputs, Loss()(inputs))
    embeddings = np.asarray(GIVEN["embeddings"], np.float32)
    gradient = gradients.slope(model, embeddings, np.ones((), np.float32))
    return {"loss": float(gradients.values(model, embeddings)), "gradient": gradient}


def _check(expected: dict[str, dict[str, Any]]) -> None:
    assert len(expected) == 15
    for name, value in expected.items():
        found = _measured(name)
        assert found["loss"] == pytest.approx(value["loss"], abs=1e-5), name
        np.testing.assert_allclose(found["gradient"], value["gradient"], atol=1e-5, rtol=1e-5, err_msg=name)


def test_losses_and_gradients_are_those_of_pytorch_metric_learning() -> None:
    _check(GIVEN["computed"])


@pytest.mark.slow
def test_they_are_those_of_the_version_that_is_installed() -> None:
    pytest.importorskip("pytorch_metric_learning")
    spec = importlib.util.spec_from_file_location("make", FOLDER / "make.py")
    assert spec is not None and spec.loader is not None
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    _check(make.computed(make.drawn()))
