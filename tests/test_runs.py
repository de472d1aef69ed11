"""Run folders from strangers: wrong types, sizes, shapes and links are refused in a line, before they cost anything."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from facekit import runs
from facekit.base.contract import FacekitError
from facekit.identity import classifier
from facekit.networks.cnn import cnn3
from facekit.options.train import Train
from facekit.runs.head import Head
from facekit.runs.weights import read_shapes

INFO: dict[str, Any] = {
    "complete": True,
    "network": "cnn3",
    "size": 32,
    "labels": ["ada", "bob", "cy"],
    "dataset": {"root": "/data/faces", "digest": "0"},
    "protocol": "group",
    "options": {"network": "cnn3", "size": 32},
    "scores": {"epoch": 2, "accuracy": 0.5, "loss": 1.0, "learning_rate": 0.001},
    "of a later version": [1],
}
KERNEL, BIAS = "layers/dense_1/vars/0", "layers/dense_1/vars/1"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The weights of a network for three names."""
    file = tmp_path_factory.mktemp("weights") / runs.WEIGHTS
    cnn3(32, 3).save_weights(file)
    return file.read_bytes()


@pytest.fixture
def run(tmp_path: Path, weights: bytes) -> Path:
    """A run folder, to be changed."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / runs.MODEL).write_text(json.dumps(INFO))
    (folder / runs.WEIGHTS).write_bytes(weights)
    return folder


def _write(run: Path, **changes: Any) -> None:
    (run / runs.MODEL).write_text(json.dumps({**INFO, **changes}))


def _refused(act: Callable[[], Any]) -> str:
    with pytest.raises(FacekitError) as caught:
        act()
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_what_is_not_known_is_ignored_and_what_lacks_has_a_default(run: Path) -> None:
    loaded = runs.load(run)
    assert (loaded.color, loaded.backbone, loaded.history, loaded.split) == ("rgb", None, [], [])
    assert (loaded.info.best_epoch, loaded.info.scores.val_accuracy) == (2, None)
    assert loaded.name("ada") == "ada"
    assert loaded.model().output_shape == (None, 3)
    assert not loaded.detects
    assert runs.load(run) == loaded.save(loaded.info)


WRONG: dict[str, Any] = {
    "complete": "yes",
    "network": 3,
    "size": "32",
    "color": "sepia",
    "labels": {"ada": 1},
    "names": ["ada"],
    "crop": {"margin": "wide"},
    "drawn": None,
    "dataset": "faces",
    "protocol": "by hand",
    "split": {"train": "all"},
    "options": {"network": {"cnn3": 1}},
    "left": [1],
    "used": 3,
    "epochs": 1.5,
    "scores": {"accuracy": "good"},
    "parameters": float("nan"),
    "training_seconds": "long",
    "backbone": {"version": "1"},
}


@pytest.mark.parametrize("field", WRONG)
def test_a_field_of_another_type_is_named(run: Path, field: str) -> None:
    _write(run, **{field: WRONG[field]})
    message = _refused(lambda: runs.load(run))
    assert message.startswith(f"{run / runs.MODEL} is not in facekit's format (")
    assert message.endswith("; choose another folder")
    assert f"$.{field}" in message or field == "backbone"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"size": 20_000}, "size is 20000, and a network's input has 32 to 512 pixels"),
        ({"size": -1}, "size is -1"),
        ({"labels": []}, "labels are not two or more different names"),
        ({"labels": ["ada", "ada"]}, "labels are not two or more different names"),
        ({"backbone": {"name": "../other"}}, "backbone is '../other', neither an embedder nor an absolute path"),
        ({"backbone": {"name": "/" + "a" * 5000}}, "backbone is not a valid path"),
        *(({"dataset": {"root": root}}, "not an absolute path") for root in ("", "faces", "../x", "--log-file=x")),
        ({"dataset": {"root": "/data/" + "a" * 300}}, "dataset.root is not a valid path"),
        *(
            ({"labels": ["ada", label]}, "which no folder of a person is called")
            for label in ("../x", "", ".", "a/b", "x\0y", ".hidden", "\x1b[2J/", "x" * 300)
        ),
        ({"backbone": {"name": "dlib", "dimensions": -1}}, "backbone has -1 dimensions"),
        ({"backbone": {"name": "dlib", "dimensions": 10**12}}, "backbone has 1000000000000 dimensions"),
        ({"backbone": {"name": "dlib", "metric": "far"}}, "Invalid enum value 'far'"),
        *(({part: {"train": -5}}, "train is -5") for part in ("split", "used")),
        ({"split": {"test": 10**30}}, "split"),
        ({"parameters": -1}, "parameters is -1"),
        ({"epochs": -3}, "epochs is -3"),
        ({"training_seconds": -0.5}, "training_seconds is -0.5"),
        ({"pictures_per_second": 1e300}, "pictures_per_second is 1e+300"),
        ({"left": {"too small": -2}}, "left.'too small' is -2"),
        ({"scores": {"epoch": -1}}, "scores.epoch is -1"),
        ({"scores": {"accuracy": 7}}, "accuracy is 7"),
        ({"scores": {"val_accuracy": -0.1}}, "val_accuracy is -0.1"),
        ({"scores": {"loss": 1e300}}, "loss is 1e+300"),
        ({"crop": {"margin": 70}}, "--margin is 70.0; it must be 2 or less"),
    ],
)
def test_values_that_no_training_writes_are_refused(run: Path, changes: dict[str, Any], reason: str) -> None:
    _write(run, **changes)
    message = _refused(lambda: runs.load(run))
    assert str(run / runs.MODEL) in message
    assert reason in message


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000, '{"network": "\\ud800"}', '{"a": 1e999}'])
def test_what_is_no_model_json_is_refused(run: Path, text: str) -> None:
    (run / runs.MODEL).write_text(text)
    assert "is not in facekit's format" in _refused(lambda: runs.load(run))


@pytest.mark.parametrize("name", [runs.MODEL, runs.SPLIT, runs.HISTORY, runs.WEIGHTS])
@pytest.mark.parametrize("kind", ["fifo", "device"])
def test_what_is_no_regular_file_blocks_nothing(run: Path, name: str, kind: str) -> None:
    (run / name).unlink(missing_ok=True)
    if kind == "fifo":
        os.mkfifo(run / name)
    else:
        (run / name).symlink_to("/dev/zero")

    def read() -> None:
        loaded = runs.load(run)
        assert (loaded.split, loaded.history, loaded.model()) == ([], [], None)

    assert str(run / name) in _refused(read)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (
            "1,0.5,much",
            "line 2 is not in facekit's format (loss is 'much', not a number); delete that line or the file",
        ),
        ("1,nan,1", "accuracy is 'nan', not a number"),
        ("one,0.5,1", "epoch is 'one', not a number"),
        ("1,0.5", "loss is missing"),
        ("1,7,1", "accuracy is 7"),
        ("1,0.5,1e300", "loss is 1e+300"),
    ],
)
def test_a_broken_row_of_the_history_is_named(run: Path, row: str, reason: str) -> None:
    (run / runs.HISTORY).write_text(f"epoch,accuracy,loss\n{row}\n")
    message = _refused(lambda: runs.load(run).history)
    assert message.startswith(f"{run / runs.HISTORY}, line 2 ")
    assert reason in message


@pytest.mark.parametrize("header", [",".join(map(str, range(5000))), '"\n",epoch,accuracy,loss'])
def test_a_header_of_the_history_has_no_more_columns_than_facekit_writes(run: Path, header: str) -> None:
    (run / runs.HISTORY).write_text(f"{header}\n" + "1,1,1\n" * 10)
    assert "is not in facekit's format" in _refused(lambda: runs.load(run).history)


def test_the_history_of_0_1_0_is_read(run: Path) -> None:
    (run / runs.HISTORY).write_text("epoch,accuracy,loss,val_accuracy,val_loss,seconds\n1,0.5,1.1,0.25,1.2,3.0\n")
    (epoch,) = runs.load(run).history
    assert (epoch.epoch, epoch.val_accuracy, epoch.seconds, epoch.pictures_per_second) == (1, 0.25, 3.0, 0.0)


# Weights


def _peak(act: Callable[[], Any]) -> int:
    """The most bytes that Python and NumPy held at a time."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_names_that_the_weights_do_not_have_are_refused_before_a_network_is_built(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(run, labels=[f"name {number}" for number in range(50_000)])
    monkeypatch.setattr("facekit.runs.run.build", lambda *_: pytest.fail("a network was built"))
    message = _refused(runs.load(run).model)
    assert message.endswith("does not match its model.json (no layer has 50000 outputs); train again with --overwrite")


def test_weights_of_another_network_or_size_are_refused(run: Path) -> None:
    _write(run, network="cnn4")
    assert "model.weights.h5 does not match its model.json (" in _refused(runs.load(run).model)
    _write(run, size=64)
    assert "model.weights.h5 does not match its model.json (" in _refused(runs.load(run).model)


def test_a_large_input_is_held_against_the_weights_before_a_network_of_that_size_is_built(
    run: Path, tmp_path: Path
) -> None:
    """AlexNet of 512 pixels has 1 GB of weights."""
    claims = [Path(shutil.copytree(run, tmp_path / network)) for network in ("alexnet", "cnn3")]
    for claim in claims:
        _write(claim, size=512, network=claim.name)
    code = (
        "import sys, resource; from pathlib import Path; from facekit import runs\n"
        "from facekit.base.contract import FacekitError\n"
        "from facekit.networks.backend import keras\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for claim in sys.argv[1:]:\n"
        "    try: runs.load(Path(claim)).model()\n"
        "    except FacekitError as error: print(error)\n"
        "    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)"
    )
    done = subprocess.run([sys.executable, "-c", code, *claims], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert len(lines) == 4
    for message, grown in (lines[:2], lines[2:]):
        assert "model.weights.h5 does not match its model.json (" in message
        assert int(grown) < 100


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(run: Path, value: float) -> None:
    with h5py.File(run / runs.WEIGHTS, "r+") as data:
        data[BIAS][1] = value
    assert f"({BIAS} holds numbers that are not finite); train again" in _refused(runs.load(run).model)


def test_answers_that_are_not_finite_are_refused(run: Path) -> None:
    """Finite weights can give them, too."""
    with h5py.File(run / runs.WEIGHTS, "r+") as data:
        data[KERNEL][...] = 3e38
    model = classifier.load(runs.load(run))
    pictures = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    message = _refused(lambda: list(model.probabilities(pictures, 2)))
    assert message == f"{run} answers with numbers that are not finite; train again with --overwrite"


def _unpacks(data: h5py.File) -> None:
    data.create_dataset(KERNEL, (1 << 31, 3), "f4", chunks=(1 << 16, 3), compression="gzip", fillvalue=0)


def _unwritten(data: h5py.File) -> None:
    data.create_dataset(KERNEL, (1 << 31, 3), "f4", fillvalue=0)


def _elsewhere(data: h5py.File) -> None:
    data.create_dataset(KERNEL, (128, 3), "f4", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])


def _objects(data: h5py.File) -> None:
    data.create_dataset(KERNEL, (128, 3), h5py.string_dtype())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_unpacks, "is not a plain array of numbers"),
        (_unwritten, "claims 25769803776 bytes that are not in the file"),
        (_elsewhere, "is not a plain array of numbers"),
        (_objects, "is not a plain array of numbers"),
    ],
)
def test_arrays_that_are_not_in_the_file_are_refused_before_they_are_read(
    run: Path, change: Callable[[h5py.File], None], reason: str
) -> None:
    with h5py.File(run / runs.WEIGHTS, "r+") as data:
        del data[KERNEL]
        change(data)
    assert _peak(lambda: _refused(runs.load(run).model)) < 20e6
    assert f"({KERNEL} {reason}); train again" in _refused(runs.load(run).model)


@pytest.mark.parametrize("data", [b"", b"no HDF5", b"\x89HDF\r\n\x1a\n" + bytes(100)])
def test_what_is_no_file_of_weights_is_refused(run: Path, data: bytes) -> None:
    (run / runs.WEIGHTS).write_bytes(data)
    assert "model.weights.h5 does not match its model.json (" in _refused(runs.load(run).model)


def test_a_group_in_place_of_an_array_is_refused(run: Path) -> None:
    with h5py.File(run / runs.WEIGHTS, "r+") as data:
        del data["layers/conv2d/vars/0"]
        data.create_group("layers/conv2d/vars/0")
    assert "does not match its model.json" in _refused(runs.load(run).model)


def test_a_layer_that_is_in_another_place_is_missed(run: Path) -> None:
    """Keras would leave it with random weights."""
    with h5py.File(run / runs.WEIGHTS, "r+") as data:
        data.move("layers/dense", "layers/dance")
    assert "does not match its model.json" in _refused(runs.load(run).model)


def test_shapes_are_those_of_the_layers(run: Path) -> None:
    shapes = read_shapes(run / runs.WEIGHTS)
    assert (shapes[KERNEL], shapes[BIAS]) == ((128, 3), (3,))


# Heads


def _head(file: Path, **arrays: np.ndarray) -> None:
    held = {"weights": np.ones((4, 3), np.float32), "bias": np.zeros(3, np.float32), **arrays}
    np.savez(file, **held)


def _header(shape: tuple[int, ...]) -> bytes:
    """The bytes of an array that says so much of itself and holds nothing."""
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return out.getvalue()


def test_a_head_of_other_names_or_dimensions_is_refused(tmp_path: Path) -> None:
    _head(tmp_path / runs.HEAD)
    assert Head.read(tmp_path / runs.HEAD, 4, 3).weights.shape == (4, 3)
    for dimensions, names in ((128, 3), (4, 9), (4, 100_000_000)):
        message = _refused(lambda shape=(dimensions, names): Head.read(tmp_path / runs.HEAD, *shape))
        assert message.endswith("head.npz does not match its model.json; train again with --overwrite")


def test_a_head_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    _head(tmp_path / runs.HEAD, bias=np.array([0, np.nan, 0], np.float32))
    assert _refused(lambda: Head.read(tmp_path / runs.HEAD, 4, 3)).endswith(
        "holds numbers that are not finite; train again with --overwrite"
    )


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_head_that_unpacks_to_gigabytes_is_refused_unread(tmp_path: Path, compression: int) -> None:
    with zipfile.ZipFile(tmp_path / runs.HEAD, "w", compression) as held, held.open("weights.npy", "w") as file:
        file.write(_header((1 << 40, 3)))
        for _ in range(64):
            file.write(bytes(1 << 20))
    assert _peak(lambda: _refused(lambda: Head.read(tmp_path / runs.HEAD, 4, 3))) < 5e6


def test_an_array_shorter_than_it_says_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / runs.HEAD, "w") as held:
        held.writestr("weights.npy", _header((4, 3)))
        held.writestr("bias.npy", _header((3,)))
    assert "is not a head that facekit wrote" in _refused(lambda: Head.read(tmp_path / runs.HEAD, 4, 3))


def test_an_encrypted_array_is_refused(tmp_path: Path) -> None:
    _head(tmp_path / runs.HEAD)
    data = bytearray((tmp_path / runs.HEAD).read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # where each entry's flags are
        at = -1
        while (at := data.find(mark, at + 1)) >= 0:
            data[at + place] |= 1
    (tmp_path / runs.HEAD).write_bytes(data)
    assert "encrypted" in _refused(lambda: Head.read(tmp_path / runs.HEAD, 4, 3))


def test_a_header_that_is_no_literal_is_refused(tmp_path: Path) -> None:
    text = b"{'descr': '<f4', 'fortran_order': False, 'shape': (" + b"(" * 3000 + b"), }\n"
    with zipfile.ZipFile(tmp_path / runs.HEAD, "w") as held:
        held.writestr("weights.npy", b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text)
    assert "is not a head that facekit wrote" in _refused(lambda: Head.read(tmp_path / runs.HEAD, 4, 3))


# Folders that a training would write into


def test_links_in_a_run_folder_are_not_followed(run: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    (theirs / "fold-1").mkdir(parents=True)
    for name in ("state.json", "scores.json", "last-00001.weights.h5", f"fold-1/{runs.MODEL}"):
        (theirs / name).write_text("mine")
    (run / runs.CHECKPOINT).symlink_to(theirs)
    (run / f"{runs.EVALUATION}-2-folds").symlink_to(theirs)
    (run / runs.EVALUATION).mkdir()
    (run / runs.EVALUATION / "fold-1").symlink_to(theirs / "fold-1")
    options = Train(input=tmp_path / "faces", output=run, overwrite=True)
    assert _refused(lambda: runs.begun(options)).endswith(
        "checkpoint is a link; delete it, and run the same command again"
    )
    runs.clear(run)
    assert {file.read_text() for file in theirs.rglob("*") if file.is_file()} == {"mine"}
    assert not (run / runs.MODEL).exists()


# The split


LINE = {"id": "1" * 64, "sha256": "1" * 64, "path": "ada/1.png", "label": "ada", "name": "Ada", "origin": "1" * 64}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"path": "../../etc/passwd", "label": ".."}, "`label` is '..'"),
        ({"path": "/etc/passwd"}, "`path` is '/etc/passwd', not a file below a folder"),
        ({"split": "held"}, "`split` is 'held', not one of train, test, validation"),
        ({"id": 7}, "Expected `str`, got `int` - at `$.id`"),
        ({"box": [0, 0, "wide", 1]}, "at `$.box"),
    ],
)
def test_a_line_of_the_split_that_training_does_not_write_is_named(
    run: Path, changes: dict[str, Any], reason: str
) -> None:
    lines = [json.dumps(LINE), json.dumps({**LINE, **changes})]
    (run / runs.SPLIT).write_text("\n".join(lines) + "\n")
    message = _refused(lambda: runs.load(run).split)
    assert message.startswith(f"{run / runs.SPLIT}, line 2 is not in facekit's format (")
    assert reason in message
