"""Checkpoints from strangers: what no training writes is refused before it is loaded or written through."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from facekit.base.contract import FacekitError
from facekit.networks.cnn import cnn3
from facekit.runs import Epoch
from facekit.training.checkpoint import STATE, Checkpoint

ROW = {"epoch": 1, "accuracy": 0.5, "loss": 1.0}


def _compiled() -> Any:
    model = cnn3(32, 3)
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@pytest.fixture(scope="module")
def model() -> Any:
    """A network in training, whose optimizer has its variables."""
    net = _compiled()
    net.optimizer.build(net.trainable_variables)
    return net


@pytest.fixture
def folder(tmp_path: Path, model: Any) -> Path:
    """A checkpoint after its first epoch, to be changed."""
    Checkpoint(tmp_path / "checkpoint").save(model, model, Epoch(**ROW), best=True)
    return tmp_path / "checkpoint"


def test_it_comes_back_as_it_was(folder: Path, model: Any) -> None:
    checkpoint = Checkpoint.open(folder)
    assert (checkpoint.rows, checkpoint.best) == ([Epoch(**ROW)], 1)
    other = _compiled()
    checkpoint.restore(other)
    assert all(map(np.array_equal, other.get_weights(), model.get_weights()))
    assert Checkpoint.open(folder.parent / "none").epochs == 0


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({"best": 0, "rows": [ROW]}, "best is 0, of 1 epoch"),
        ({"best": 9, "rows": [ROW]}, "best is 9, of 1 epoch"),
        ({"best": 1, "rows": [{**ROW, "epoch": 40_000_000}]}, "rows are not the epochs 1, 2, 3 …"),
        ({"best": 1, "rows": [{**ROW, "loss": "low"}]}, "Expected `float`, got `str` - at `$.rows[0].loss`"),
        *(({"best": 1, "rows": [{**ROW, "seconds": many}]}, "seconds is ") for many in (-1, 1e300)),
        ({"best": "1", "rows": [ROW]}, "at `$.best`"),
        ({"best": 1, "rows": {"1": ROW}}, "at `$.rows`"),
        ([], "Expected `object`, got `array`"),
    ],
)
def test_a_state_that_no_training_writes_is_refused(folder: Path, state: Any, reason: str) -> None:
    (folder / STATE).write_text(json.dumps(state))
    with pytest.raises(FacekitError) as caught:
        Checkpoint.open(folder)
    message = str(caught.value)
    assert message.startswith(f"{folder / STATE} is not in facekit's format (")
    assert reason in message
    assert message.endswith("; train again with --overwrite")


def test_weights_that_are_not_finite_are_refused(folder: Path, model: Any) -> None:
    with h5py.File(folder / "last-00001.weights.h5", "r+") as data:
        data["layers/dense_1/vars/1"][0] = np.nan
    with pytest.raises(FacekitError, match=r"holds numbers that are not finite\); train again with --overwrite$"):
        Checkpoint.open(folder).restore(_compiled())


@pytest.mark.parametrize("name", [STATE, "last-00001.weights.h5", "best-00001.weights.h5", "best-00009.weights.h5"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_regular_file_is_refused_and_not_waited_for(folder: Path, name: str, make: Any) -> None:
    (folder / name).unlink(missing_ok=True)
    make(folder / name)
    with pytest.raises(FacekitError, match=rf"{name} is not a regular file; train again with --overwrite$"):
        Checkpoint.open(folder)


def test_a_hard_link_is_not_written_through_and_nothing_else_is_deleted(
    folder: Path, model: Any, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    mine.write_text("mine")
    for kind in ("last", "best"):
        os.link(mine, folder / f"{kind}-00002.weights.h5")
    for name in ("notes.txt", "other.weights.h5"):
        (folder / name).write_text("mine")
    checkpoint = Checkpoint.open(folder)
    checkpoint.save(model, model, Epoch(**{**ROW, "epoch": 2}), best=True)
    checkpoint.restore(_compiled())
    checkpoint.delete()
    assert mine.read_text() == "mine"
    assert {entry.name for entry in folder.iterdir()} == {"notes.txt", "other.weights.h5"}


@pytest.mark.parametrize("name", ["", STATE, "last-00001.weights.h5", "last-00002.weights.h5"])
def test_links_are_refused(folder: Path, name: str, tmp_path: Path) -> None:
    target = tmp_path / "theirs"
    if name:
        target.write_text("mine")
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)
    else:
        folder.rename(target)
        folder.symlink_to(target)
    with pytest.raises(FacekitError, match=r"checkpoint is or contains a link; train again with --overwrite$"):
        Checkpoint.open(folder)
