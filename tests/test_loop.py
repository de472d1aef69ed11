"""How a training goes: augmentation, statistics, two steps, smoothing, stops, and its very numbers again."""

from __future__ import annotations

import csv
import json
import logging
import multiprocessing
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from patches import patch, tree

from facekit import runs
from facekit.base.contract import FacekitError
from facekit.commands.train import train
from facekit.networks.backend import accelerated, computing, keras
from facekit.networks.blocks import backbone
from facekit.networks.cnn import cnn3
from facekit.options.train import Train
from facekit.training.callbacks import Callbacks, number, reseed
from facekit.training.checkpoint import Checkpoint
from facekit.training.feed import Feed
from facekit.training.loop import adam, augmented, build_network, set_dropout
from facekit.training.pack import Pack
from facekit.training.recalibrate import recalibrate
from facekit.training.schedule import steps


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tree(tmp_path_factory.mktemp("learning") / "faces")


def options(faces: Path, output: Path, **more: Any) -> Train:
    values = {"network": "cnn3", "size": 32, "epochs": 2, "batch": 8, "stop_at": 1.01}
    return Train(input=faces, output=output, **(values | more))


@pytest.fixture(scope="module")
def first(faces: Path) -> Path:
    """A run of one epoch, whose weights others begin with. Not to be changed."""
    train(options(faces, faces.parent / "first", epochs=1))
    return faces.parent / "first"


@pytest.fixture(scope="module")
def plain(faces: Path) -> tuple[Path, list[str]]:
    """A run of six epochs at the defaults, not to be changed, and the lines that were logged of its epochs."""
    name, lines = "facekit.training.callbacks", list[str]()
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger(name).addHandler(handler)
    logging.getLogger(name).setLevel(logging.INFO)
    try:
        train(options(faces, faces.parent / "plain", epochs=6))
    finally:
        logging.getLogger(name).removeHandler(handler)
        logging.getLogger(name).setLevel(logging.NOTSET)
    return faces.parent / "plain", lines


@pytest.fixture(scope="module")
def special(faces: Path) -> Path:
    """A run of one epoch in gray, of pictures that vary, computed in half precision. Not to be changed."""
    more = {"light_augment": True, "color": "gray", "precision": "mixed_bfloat16"}
    train(options(faces, faces.parent / "special", epochs=1, **more))
    return faces.parent / "special"


def history(run: Path) -> list[dict[str, float]]:
    """The epochs' numbers, without the times."""
    with (run / runs.HISTORY).open(newline="") as lines:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(lines)]
    return [{k: v for k, v in row.items() if k not in ("seconds", "pictures_per_second")} for row in rows]


def weights(run: Path) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    with h5py.File(run / runs.WEIGHTS) as data:
        data.visititems(lambda name, item: found.update({name: item[()]} if isinstance(item, h5py.Dataset) else {}))
    return found


def pictures() -> np.ndarray:
    return np.stack([patch(i % 3, i, 32) for i in range(24)])


def test_pictures_vary_in_training_alone_and_by_seed_and_epoch() -> None:
    model = augmented(keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Rescaling(1.0)]))
    some = pictures().astype(np.float32)

    def seen(epoch: int) -> np.ndarray:
        reseed(model, 1, epoch)
        return np.asarray(model(some, training=True))

    first = seen(0)
    assert np.array_equal(np.asarray(model(some, training=False)), some)
    assert not np.array_equal(first, np.asarray(model(some, training=True)))
    assert np.array_equal(first, seen(0))
    assert not np.array_equal(first, seen(1))
    # A little: nothing but the flip moves a picture far.
    assert np.minimum(abs(first - some), abs(first - some[:, :, ::-1])).mean() < 40
    assert 0 <= first.min() <= first.max() <= 255


def test_augmentation_is_no_part_of_what_is_kept(special: Path, tmp_path: Path) -> None:
    assert set(weights(special)) == set(_written(tmp_path))
    assert runs.load(special).model().output_shape == (None, 3)


def _written(folder: Path) -> dict[str, np.ndarray]:
    (folder / "plain").mkdir()
    cnn3(32, 3, "gray").save_weights(folder / "plain" / runs.WEIGHTS)
    return weights(folder / "plain")


def test_statistics_are_those_of_the_network_as_it_is_used() -> None:
    """What batch normalisation subtracts is the mean that arrives there when nothing is dropped."""
    model = cnn3(32, 3)
    some = pictures()
    recalibrate(model, Feed(Pack(some, []), range(24), [0] * 24, batch=8))
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    arriving = keras.Model(model.inputs[0], norms[0].input)(some.astype(np.float32))
    mean = keras.ops.convert_to_numpy(keras.ops.mean(arriving, (0, 1, 2)))
    assert np.allclose(keras.ops.convert_to_numpy(norms[0].moving_mean), mean, atol=1e-4)
    assert {norm.momentum for norm in norms} == {0.9}
    assert {layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)} == {0.1}
    norms[0].trainable = False
    recalibrate(model, Feed(Pack(some[:8], []), range(8), [0] * 8, batch=8))
    assert np.allclose(keras.ops.convert_to_numpy(norms[0].moving_mean), mean, atol=1e-4)


def test_the_head_learns_first_then_the_last_blocks(
    faces: Path, first: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    more = {"weights": str(first), "warmup_epochs": 1, "seed": 5}
    with caplog.at_level(logging.INFO, "facekit"):
        train(options(faces, tmp_path / "second", unfreeze=1, epochs=3, **more))
    assert "epochs 1 to 1 train the head alone: 262,659 parameters" in caplog.text
    assert "epochs 2 to 3 train the head and the last 1 of 3 blocks: 336,643 parameters" in caplog.text
    before, after = (backbone(runs.load(run).model()) for run in (first, tmp_path / "second"))
    same = [
        all(map(np.array_equal, one.get_weights(), other.get_weights()))
        for one, other in zip(before, after, strict=True)
        if one.weights
    ]
    assert same == [True, True, True, True, False, False]
    assert [row["learning_rate"] for row in history(tmp_path / "second")] == pytest.approx([1e-3, 1e-4, 1e-4])


def test_a_line_an_epoch_makes_a_table(plain: tuple[Path, list[str]]) -> None:
    title, first, *rest = plain[1]
    columns = ("epoch", "loss", "accuracy", "val loss", "val acc.", "pictures/s", "left at most")
    assert title.split() == " ".join(columns).split()
    assert [line.split()[0] for line in (first, *rest)] == [f"{epoch}/6" for epoch in range(1, 7)]
    assert first.endswith("  best")
    assert {len(line.removesuffix("  best")) for line in (title, first, *rest)} == {len(title)}


def test_smoothed_labels_keep_the_loss_up(faces: Path, plain: tuple[Path, list[str]], tmp_path: Path) -> None:
    train(options(faces, tmp_path / "smooth", epochs=6, label_smoothing=0.3))
    # With .3 over three names a certain right answer is not to be had: the least loss is the entropy of (.8, .1, .1).
    assert history(tmp_path / "smooth")[-1]["val_loss"] > 0.6 > history(plain[0])[-1]["val_loss"]


def test_dropout_decay_and_strength_are_as_asked_for(faces: Path, tmp_path: Path) -> None:
    chosen = options(faces, tmp_path / "run", dropout=0.4, weight_decay=0.5, learning_rate=0.1, augment_strength=0.1)
    net = build_network(chosen, 3, None)
    assert {layer.rate for layer in net.layers if isinstance(layer, keras.layers.Dropout)} == {0.4}
    optimizer = adam(steps(chosen)[0], chosen)
    kernel, bias = (keras.Variable(np.ones(2, np.float32), name=name) for name in ("kernel", "bias"))
    optimizer.build([kernel, bias])
    optimizer.apply([keras.ops.zeros(2), keras.ops.zeros(2)], [kernel, bias])
    assert [round(float(one[0]), 4) for one in (kernel, bias)] == [0.95, 1.0]  # 1 - rate * decay, of kernels alone
    plain = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Rescaling(1.0)])
    some = pictures().astype(np.float32)
    little, much = (np.asarray(augmented(plain, strength)(some, training=True)) for strength in (0.1, 3.0))
    moved = [np.minimum(abs(one - some), abs(one - some[:, :, ::-1])).mean() for one in (little, much)]
    assert moved[0] * 2 < moved[1]
    with pytest.raises(FacekitError, match="has no dropout layers; remove --dropout"):
        set_dropout(plain, 0.2)


def test_patience_ends_a_training(faces: Path, tmp_path: Path) -> None:
    report = train(options(faces, tmp_path / "run", epochs=60, patience=2, learning_rate=1e-8))
    assert report.details["stopped"].startswith("no better epoch in 2")
    assert report.details["epochs"] < 60


def test_gray_is_kept_in_the_run(special: Path) -> None:
    run = runs.load(special)
    assert run.color == "gray"
    assert run.model().get_layer(index=2).output.shape == (None, 32, 32, 32)
    assert run.model().layers[2].kernel.shape == (3, 3, 1, 32)


def test_half_precision_computes_and_keeps_whole_numbers(special: Path) -> None:
    assert runs.load(special).info.options["precision"] == "mixed_bfloat16"
    assert {array.dtype for array in weights(special).values()} == {np.dtype("float32")}
    assert keras.config.dtype_policy().name == "float32"
    with computing("auto"):
        assert cnn3(32, 3).layers[2].compute_dtype == ("bfloat16" if accelerated() else "float32")


def test_a_run_of_before_these_options_is_loaded_and_resumed(
    faces: Path, plain: tuple[Path, list[str]], tmp_path: Path
) -> None:
    shutil.copytree(plain[0], tmp_path / "run")
    file = tmp_path / "run" / runs.MODEL
    info = json.loads(file.read_text())
    for name in ("backbone", "color", "schedule", "weights", "precision", "deterministic", "light_augment"):
        del info["options"][name]
    del info["color"]
    file.write_text(json.dumps(info))
    assert runs.load(tmp_path / "run").model().output_shape == (None, 3)
    assert train(options(faces, tmp_path / "run", epochs=6)).details["epochs"] == 6


FRESH = multiprocessing.get_context("forkserver")
FRESH.set_forkserver_preload(["facekit.commands.train", "facekit.networks.backend"])
"""Makes processes that have loaded TensorFlow, which takes most of a short run's time, and computed nothing yet."""


def _train(step: int, values: dict[str, Any]) -> bool:
    """Train in a process of its own, which is interrupted before this step; return whether it was."""
    with ProcessPoolExecutor(1, mp_context=FRESH) as pool:
        return pool.submit(_interrupted, step, values).result()


def _interrupted(step: int, values: dict[str, Any]) -> bool:
    def track(items: Iterable[Any], title: str, total: int | None = None, board: object = None) -> Iterator[Any]:
        for place, item in enumerate(items):
            if title == "train" and place == step:
                raise KeyboardInterrupt
            yield item

    try:
        train(Train(**values), track)
    except KeyboardInterrupt:
        return True
    return False


def test_a_resumed_run_has_the_very_numbers_of_an_uninterrupted_one(faces: Path, first: Path, tmp_path: Path) -> None:
    """In either of its two steps, with everything in it that is drawn by chance, and learned weights of targets."""
    values = {"network": "cnn3", "size": 32, "epochs": 4, "batch": 8, "stop_at": 1.01, "deterministic": True}
    values |= {"weights": str(first), "warmup_epochs": 2, "unfreeze": 2, "schedule": "plateau"}
    values |= {"light_augment": True, "label_smoothing": 0.1, "input": str(faces)}
    values |= {"targets": "identity,shade", "targets_from": str(tmp_path / "shades.csv"), "target_weights": "learned"}
    labels = ("label,shade", "person0,dark", "person1,light")  # and nothing of person2
    (tmp_path / "shades.csv").write_text("\n".join(labels) + "\n")
    whole, cut = ({**values, "output": str(tmp_path / name)} for name in ("whole", "cut"))
    assert not _train(10_000, whole)
    for step in (4, 5, 4):  # of three an epoch: within the second, the third, and the fourth
        assert _train(step, cut)
    assert Checkpoint.open(tmp_path / "cut" / runs.CHECKPOINT).epochs == 3
    assert not _train(10_000, cut)
    assert history(tmp_path / "cut") == history(tmp_path / "whole")
    one, other = weights(tmp_path / "cut"), weights(tmp_path / "whole")
    assert one.keys() == other.keys()
    assert all(np.array_equal(one[name], other[name]) for name in one)
    assert {row["accuracy"] for row in history(tmp_path / "cut")} == {
        (row["accuracy of identity"] + row["accuracy of shade"]) / 2 for row in history(tmp_path / "cut")
    }


def test_a_step_is_not_waited_for() -> None:
    """Callbacks get what a step measured as it is, not as a number, which is known only when the step is over."""
    seen: list[Any] = []

    class Noting(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_end(self, batch: int, logs: Any) -> None:
            seen.append(logs["loss"])

    model = cnn3(32, 3)
    model.compile("adam", "sparse_categorical_crossentropy")
    feed = Feed(Pack(pictures(), []), range(24), [0] * 24, batch=8)
    fitted = model.fit(feed, callbacks=Callbacks(model, len(feed), [Noting()]), validation_data=feed, verbose=0)
    assert len(seen) == 3
    assert not any(isinstance(loss, float) for loss in seen)
    assert number(seen[-1]) == pytest.approx(fitted.history["loss"][0], rel=1e-4)
