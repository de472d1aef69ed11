"""Faces to vectors: the same as dlib's own, near for one person, in order, and kept on disk."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from conftest import picture
from onnx.reference import ReferenceEvaluator
from patches import edit, move, tree
from zoo import SQUARE, colour_network, publish, square_finder

from facekit import runs
from facekit.base import images, plugins, weights
from facekit.base.contract import BadImage, Box, FacekitError, Image, Record, replace
from facekit.commands.crop import crop
from facekit.commands.train import train
from facekit.dataset import Dataset, DatasetInfo
from facekit.faces.landmarks import landmarks, model_file
from facekit.identity import embedders
from facekit.identity.embedders import (
    DatasetEmbeddings,
    cache,
    distances,
    dlib_onnx,
    dlib_weights,
    embed_dataset,
    face_in,
    sface_onnx,
)
from facekit.identity.embedders.cache import FILE, EmbeddingCache
from facekit.identity.embedders.dlib import MODEL, Dlib
from facekit.identity.embedders.sface import SFace, _loaded
from facekit.identity.embedders.trained import DEFAULT_THRESHOLD, Trained
from facekit.options.crop import CarriedCrop, Crop, FaceCrop
from facekit.options.train import Train

PAIRS = "lfw/pairsDevTest.txt"


@pytest.fixture(scope="session")
def dlib() -> Dlib:
    """The default embedder."""
    return Dlib()


@pytest.fixture
def fresh(dlib: Dlib, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder that keeps no vectors yet, but the network that was made once."""
    shutil.copytree(weights.cache() / "weights", tmp_path / "cache" / "weights")
    monkeypatch.setenv("FACEKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def portrait(seed: int, side: int = 150) -> Image:
    """Soft noise: what no face looks like, for what must hold for any pixels."""
    return np.asarray(cv2.GaussianBlur(picture(seed, side), (0, 0), 3), np.uint8)


# dlib


def test_the_network_gives_dlibs_own_vectors(dlib: Dlib, drawn_faces: Path) -> None:
    own = plugins.need("dlib", "this test").face_recognition_model_v1(str(model_file(MODEL)))
    paths = sorted(drawn_faces.glob("*/*.jpg"))[:6]
    faces = [images.resize(images.read(path), 150) for path in paths] + [portrait(1), np.zeros((150, 150, 3), np.uint8)]
    theirs = np.array([own.compute_face_descriptor(face) for face in faces])
    assert np.abs(dlib.embed(faces) - theirs).max() < 1e-5
    assert np.linalg.norm(theirs[0] - theirs[1]) > 0.1


def test_a_face_counts_the_same_in_any_batch(dlib: Dlib) -> None:
    faces = [portrait(seed % 5) for seed in range(18)]  # more than one batch
    alone = np.concatenate([dlib.embed([face]) for face in faces])
    assert np.array_equal(dlib.embed(faces), alone)
    assert dlib.embed([]).shape == (0, 128)


def test_the_network_is_read_as_it_is_built() -> None:
    network = dlib_weights.read(model_file(MODEL))
    assert network.side == 150
    assert network.mean == pytest.approx((122.782, 117.001, 104.298), abs=1e-3)
    convolutions = [layer for layer in network.layers if layer.kind == "con"]
    assert len(convolutions) == 29
    assert sum(weight.size for layer in network.layers for weight in layer.weights) == 5_614_592


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda data: data[: len(data) // 2], "it ends early"),
        (lambda data: data + b"more", "4 bytes too many"),
        (lambda data: data.replace(b"affine_", b"affinf_", 1), "a layer 'affinf_' where 'affine_' belongs"),
        (lambda data: data.replace(b"loss_metric_2", b"loss_ranking2", 1), "a layer 'loss_ranking2'"),
        (lambda data: b"\xff" * 200, "no number at byte 0"),
        (lambda data: b"", "it ends early"),
        (lambda data: model_file("shape_predictor_5_face_landmarks.dat").read_bytes()[:10_000], ""),
        (
            lambda data: data.replace(
                b"\x01\x01\x01\x20\x01\x03\x01\x07\x01\x07", b"\x01\x01\x01\x21\x01\x03\x01\x07\x01\x07", 1
            ),
            "a convolution whose weights do not fit it",
        ),
    ],
    ids=["half", "longer", "layer", "loss", "noise", "empty", "landmarks", "shape"],
)
def test_a_file_of_another_shape_is_refused_in_one_line(tmp_path: Path, change: object, why: str) -> None:
    file = tmp_path / "network.dat"
    data = model_file(MODEL).read_bytes()
    changed = change(data)  # type: ignore[operator]
    assert changed != data
    file.write_bytes(changed)
    with pytest.raises(FacekitError) as error:
        dlib_weights.read(file)
    assert str(error.value).startswith(f"{file} is not dlib's 128-d face network ({why}")
    assert "\n" not in str(error.value)


def test_no_byte_of_the_file_can_break_the_reader(tmp_path: Path) -> None:
    """Whatever a flipped byte says, the answer is a network or one line, and soon."""
    data = bytearray(model_file(MODEL).read_bytes())
    rng = np.random.default_rng(0)
    places = [*range(0, 420, 3), *rng.integers(0, len(data), 40).tolist()]
    file = tmp_path / "network.dat"
    for place in places:
        kept = data[place]
        data[place] = int(rng.integers(0, 256))
        file.write_bytes(data[:60_000])
        with pytest.raises(FacekitError):
            dlib_weights.read(file)
        data[place] = kept


def packed(value: int) -> bytes:
    """An integer as dlib writes it."""
    size = (abs(value).bit_length() + 7) // 8 or 1
    return bytes([size | (0x80 if value < 0 else 0)]) + abs(value).to_bytes(size, "little")


def behind(data: bytes, mark: bytes, skip: int, value: int) -> bytes:
    """The file with another integer in place of the one that stands `skip` integers behind a mark."""
    place = data.index(mark) + len(mark)
    for _ in range(skip):
        place += 1 + (data[place] & 0x7F)
    return data[:place] + packed(value) + data[place + 1 + (data[place] & 0x7F) :]


SIZES = (-1, 0, 2**31, 2**62, -(2**62))
"""What a stranger may say a size is."""


@pytest.mark.parametrize("value", SIZES)
@pytest.mark.parametrize("skip", range(16))
@pytest.mark.parametrize("mark", [b"con_4", b"affine_", b"max_pool_2", b"fc_2", b"input_rgb_image_sized"])
def test_no_size_in_the_file_is_believed(dat: bytes, tmp_path: Path, mark: bytes, skip: int, value: int) -> None:
    """Each integer behind each kind of layer; where it makes no difference, the network is the same."""
    try:
        found = dlib_weights.parse(behind(dat, mark, skip, value), tmp_path)
    except FacekitError as error:
        assert "\n" not in str(error)
    else:
        assert sum(weight.size for layer in found.layers for weight in layer.weights) == 5_614_592


@pytest.fixture(scope="module")
def dat() -> bytes:
    return model_file(MODEL).read_bytes()


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers_are_refused(dat: bytes, tmp_path: Path, number: float) -> None:
    place = len(dat) // 2
    changed = dat[:place] + np.full(4, number, "<f4").tobytes()[: 4 * 4 - 3] * 2 + dat[place + 26 :]
    assert len(changed) == len(dat)
    with pytest.raises(FacekitError, match="weights that are not numbers"):
        dlib_weights.parse(changed, tmp_path)


@pytest.mark.parametrize("what", ["fifo", "device", "folder", "huge"])
def test_weights_that_are_no_file_are_refused(tmp_path: Path, what: str) -> None:
    file = tmp_path / "network.dat"
    if what == "fifo":
        os.mkfifo(file)
    elif what == "device":
        file.symlink_to("/dev/zero")
    elif what == "folder":
        file.mkdir()
    else:
        with file.open("wb") as held:
            held.truncate(1 << 40)
    with pytest.raises(FacekitError) as error:
        dlib_weights.read(file)
    assert "\n" not in str(error.value)


def test_layers_that_do_not_fit_together_take_one_line() -> None:
    network = dlib_weights.read(model_file(MODEL))
    place = next(n for n, layer in enumerate(network.layers) if layer.kind == "con" and n > 3)
    filters, biases = network.layers[place].weights
    odd = replace(network.layers[place], weights=(filters[:, :5], biases))
    layers = (*network.layers[:place], odd, *network.layers[place + 1 :])
    with pytest.raises(FacekitError, match=r"^the layers of dlib's face network do not fit together") as error:
        dlib_onnx.build(replace(network, layers=layers))
    assert "\n" not in str(error.value)


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(FacekitError, match="install face-recognition-models again"):
        dlib_weights.read(tmp_path / "none.dat")


def test_the_graph_is_built_once(dlib: Dlib, fresh: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (fresh / "weights").glob("dlib-*")}
    assert len(before) == 1
    code = "from facekit.identity.embedders.dlib import Dlib; Dlib()"
    home = fresh / "home"
    alone = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, env={**alone, "HOME": str(home)})
    assert not home.exists()  # ONNX Runtime's telemetry would keep an identifier there
    assert {path: path.stat().st_mtime_ns for path in (fresh / "weights").glob("dlib-*")} == before
    assert dlib_onnx.VERSION >= 1


def test_a_box_of_nothing_is_a_bad_picture() -> None:
    image = portrait(1)
    for box in (Box(500, 500, 80, 80), Box(-90, 0, 80, 80), Box(10, 10, 4, 4), Box(10, 10, 0, 0)):
        with pytest.raises(BadImage, match="no face"):
            landmarks(image, box)


def test_without_a_box_the_face_is_looked_for(dlib: Dlib, drawn_photos: Path) -> None:
    photo = images.read(sorted(drawn_photos.glob("*/*.jpg"))[0])
    face = dlib.align(photo)
    assert face.shape == (150, 150, 3)
    tight = Box(20, 20, 40, 40)
    assert dlib.align(images.cut(photo, tight)).shape == (150, 150, 3)


def _pairs(data: Path, count: int) -> Iterator[tuple[Path, Path, bool]]:
    """The first matched and the first mismatched pairs that LFW's list names."""
    lines = [line.split("\t") for line in (data / PAIRS).read_text().splitlines()[1:]]
    same, other = (
        [line for line in lines if len(line) == size and "Flor_Montulo" not in line][:count] for size in (3, 4)
    )
    for line in same + other:
        first, second = (line[0], line[1]), (line[-2] if len(line) == 4 else line[0], line[-1])
        yield (
            *(data / "lfw/pairs_images" / name / f"{name}_{int(number):04d}.jpg" for name, number in (first, second)),
            len(line) == 3,
        )


@pytest.mark.parametrize("box", [Box(72, 72, 106, 106), Box(66, 62, 118, 118)], ids=["dlib's box", "Haar's box"])
def test_people_are_told_apart(dlib: Dlib, data: Path, box: Box) -> None:
    right = 0
    pairs = list(_pairs(data, 60))
    for first, second, same in pairs:
        a, b = dlib.embed([dlib.align(images.read(path), box) for path in (first, second)])
        right += (np.linalg.norm(a - b) <= dlib.threshold) == same
    assert len(pairs) == 120
    assert right >= 116


def test_the_mirrored_one_does_not_care_which_way_a_face_looks(data: Path) -> None:
    both = embedders.load("dlib-mirrored")
    face = both.align(images.read(next(_pairs(data, 1))[0]), Box(72, 72, 106, 106))
    vectors = both.embed([face, face[:, ::-1]])
    assert np.allclose(vectors[0], vectors[1], atol=1e-6)
    alone = embedders.load("dlib").embed([face, np.ascontiguousarray(face[:, ::-1])])
    assert np.allclose(vectors[0], alone.mean(0), atol=1e-6)


# SFace, with small networks of the same shape


@pytest.fixture
def small_networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network of SFace's shape and one of YuNet's, which sees white squares, in place of the real ones."""
    monkeypatch.setenv("FACEKIT_CACHE", str(tmp_path / "cache"))
    publish(tmp_path / "weights", "sface", colour_network(), monkeypatch)
    publish(tmp_path / "weights", "yunet", square_finder(), monkeypatch)


def squares(*places: tuple[int, int]) -> Image:
    """A black photo with white squares on the finder's grid, by column and row."""
    photo = np.zeros((320, 320, 3), np.uint8)
    for column, row in places:
        photo[row * SQUARE : (row + 1) * SQUARE, column * SQUARE : (column + 1) * SQUARE] = 255
    return photo


def test_sface_is_told_colours_in_their_order(small_networks: None) -> None:
    sface = embedders.load("sface")
    assert isinstance(sface, SFace)
    face = np.zeros((112, 112, 3), np.uint8)
    face[..., 0], face[..., 1], face[..., 2] = 200, 100, 50
    vectors = sface.embed([face, face[..., ::-1].copy()])
    assert vectors.shape == (2, 128)
    assert vectors[:, :3] == pytest.approx(np.array([[200, 100, 50], [50, 100, 200]]), abs=0.5)
    assert sface.embed([]).shape == (0, 128)


def test_sface_aligns_by_the_points_that_the_finder_gives(small_networks: None) -> None:
    face = SFace().align(squares((4, 5)))
    assert face.shape == (112, 112, 3)
    # The eyes stand half a square apart, so the square's lower half fills the picture from the eyes to the chin.
    assert face[56:100, 30:82].min() > 200


def test_sface_takes_the_face_in_the_box(small_networks: None) -> None:
    photo = squares((2, 2), (7, 7))
    photo[2 * SQUARE : 3 * SQUARE, 2 * SQUARE : 3 * SQUARE, 1:] = 240
    photo[7 * SQUARE : 8 * SQUARE, 7 * SQUARE : 8 * SQUARE, :2] = 240
    sface = SFace()
    around = [Box(c * SQUARE, c * SQUARE, 64, 64) for c in (2, 7)]  # what is cut out then keeps the grid
    middles = [sface.align(photo, box)[70, 56] for box in around]
    assert middles[0].tolist() == [255, 240, 240]
    assert middles[1].tolist() == [240, 240, 255]
    with pytest.raises(BadImage, match="no face"):
        sface.align(photo, Box(200, 20, 64, 64))
    with pytest.raises(BadImage, match="no face"):
        sface.align(np.zeros((100, 100, 3), np.uint8))


def test_sface_without_weights_takes_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FACEKIT_WEIGHTS", raising=False)
    _loaded.cache_clear()  # an earlier test may have loaded it
    for name in ("sface", "yunet"):
        with monkeypatch.context() as patch:
            patch.setitem(weights.PINS, name, replace(weights.PINS[name], package="not_installed"))
            with pytest.raises(FacekitError, match=rf"^{name} needs the weights in not_installed:"):
                embedders.load("sface")


# SFace itself


def test_the_real_sface_tells_people_apart(real_weights: None, data: Path) -> None:
    sface = SFace()
    right = 0
    for first, second, same in _pairs(data, 40):
        a, b = sface.embed([sface.align(images.read(path), Box(66, 62, 118, 118)) for path in (first, second)])
        right += (float(distances("cosine", a[None], b[None])[0, 0]) <= sface.threshold) == same
    assert right >= 78


def test_the_real_sface_gives_what_opencv_gives(real_weights: None, tmp_path: Path) -> None:
    file = tmp_path / "sface.onnx"
    file.write_bytes(weights.load("sface"))
    theirs = cv2.FaceRecognizerSF.create(str(file), "")
    faces = [portrait(seed, 112) for seed in range(18)]  # more than one batch
    vectors = np.vstack([theirs.feature(images.as_bgr(face)) for face in faces])
    assert np.abs(SFace().embed(faces) - vectors).max() < 1e-4
    assert np.linalg.norm(vectors, axis=1).min() > 1


def test_the_real_sface_aligns_as_opencv_does(real_weights: None, data: Path, tmp_path: Path) -> None:
    """Within half a pixel, which is where the two put the middle of the first one."""
    file = tmp_path / "sface.onnx"
    file.write_bytes(weights.load("sface"))
    theirs, sface = cv2.FaceRecognizerSF.create(str(file), ""), SFace()
    image = images.read(next(_pairs(data, 1))[0])
    (face,) = sface._finder.detect(image)
    row = np.array([*face.box, *np.ravel(face.points), face.score], np.float32)
    aligned = np.ascontiguousarray(theirs.alignCrop(images.as_bgr(image), row)[..., ::-1])
    vectors = sface.embed([sface.align(image), aligned])
    assert float(distances("cosine", vectors)[0, 1]) < 0.02


def test_a_poisoned_cache_of_the_real_sface_is_not_used(
    real_weights: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another network of the same shapes, with a digest that fits."""
    monkeypatch.setenv("FACEKIT_CACHE", str(tmp_path))
    face = portrait(1, 112)
    _loaded.cache_clear()
    (right,) = SFace().embed([face])
    (file,) = [file for file in (tmp_path / "weights").iterdir() if file.name.startswith("sface")]
    other = sface_onnx.build(colour_network())
    file.write_bytes(hashlib.sha256(other).digest() + other)
    _loaded.cache_clear()
    assert np.array_equal(SFace().embed([face])[0], right)
    assert hashlib.sha256(file.read_bytes()[32:]).hexdigest() == sface_onnx.SHA256


def test_weights_in_blocks_become_numbers_as_onnx_has_it() -> None:
    random = np.random.default_rng(0)
    whole, zeros = random.integers(-128, 128, (4, 10), np.int8), random.integers(-9, 9, (4, 3), np.int8)
    scales = random.random((4, 3), np.float32)
    inputs = {"whole": whole, "scales": scales, "zeros": zeros}
    node = onnx.helper.make_node("DequantizeLinear", list(inputs), ["numbers"], axis=1, block_size=4)
    (expected,) = ReferenceEvaluator(node).run(None, inputs)
    assert np.array_equal(sface_onnx.dequantized(whole, scales, zeros, 1, 4), expected)


# A trained run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    faces = tree(tmp_path_factory.mktemp("embedding") / "faces")
    options = Train(input=faces, output=faces.parent / "run", network="cnn3", size=32, epochs=12, batch=8, stop_at=1)
    train(options)
    edit(options.output, crop=CarriedCrop.of(FaceCrop(size=48, margin=0.3)))
    return options.output


def test_a_trained_run_is_an_embedder(run: Path, fresh: Path) -> None:
    dataset = Dataset.open(runs.load(run).root)
    vectors, reasons = embed_dataset(dataset, str(run))
    built = embedders.load(str(run))
    assert vectors.shape == (len(dataset.records), built.dimensions) == (len(dataset.records), 128)
    assert reasons == [None] * len(reasons)
    names = [record.label for record in dataset.records]
    apart = distances("cosine", vectors)
    first, second = np.triu_indices(len(names), 1)
    same = np.array([names[a] == names[b] for a, b in zip(first, second, strict=True)])
    judged = apart[first, second] <= built.threshold
    assert (judged == same).mean() > 0.9
    assert built.threshold != DEFAULT_THRESHOLD


def test_a_trained_run_cuts_a_face_as_its_own_were(run: Path) -> None:
    built = Trained(run)
    photo = np.full((300, 300, 3), 90, np.uint8)
    photo[100:200, 100:200] = (250, 10, 10)
    face = built.align(photo, Box(100, 100, 100, 100))
    assert face.shape == (32, 32, 3)
    inside = (face[16] == (250, 10, 10)).all(1).mean()
    assert inside == pytest.approx(1 / 1.3, abs=0.1)  # the margin that the run carries
    assert built.align(photo).shape == (32, 32, 3)


def test_a_run_whose_pictures_are_gone_has_the_documented_threshold(run: Path, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(run, tmp_path / "run"))
    move(moved, tmp_path / "gone")
    assert Trained(moved).threshold == DEFAULT_THRESHOLD


def test_two_runs_are_two_embedders(run: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(run, tmp_path / "run"))
    model = runs.load(other).build()
    model.save_weights(other / "model.weights.h5")
    assert Trained(other).version != Trained(run).version


# By name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("facenet", r"^no embedder called 'facenet'; choose from dlib, dlib-mirrored, sface"),
        ("tests", r"is not a trained model"),
    ],
)
def test_a_name_that_is_none_is_refused(name: str, message: str) -> None:
    with pytest.raises(FacekitError, match=message):
        embedders.load(name)


# Whole datasets


@pytest.fixture
def crops(drawn_faces: Path, fresh: Path) -> Dataset:
    return Dataset.open(drawn_faces)


def test_a_dataset_is_embedded_in_its_order_whatever_the_workers(crops: Dataset, dlib: Dlib, fresh: Path) -> None:
    one, reasons = embed_dataset(crops, "dlib", jobs=1)
    (fresh / FILE).unlink()
    many, _ = embed_dataset(crops, "dlib", jobs=5)
    assert np.array_equal(one, many)
    assert reasons == [None] * len(crops.records)
    assert len(crops.records) > 2 * 5
    for place in (0, 7, len(crops.records) - 1):
        image = images.read(crops.root / crops.records[place].path)
        box = face_in(image, crops.records[place], crops.info)
        assert np.allclose(dlib.embed([dlib.align(image, box)])[0], one[place], atol=1e-6)


def test_progress_counts_pictures(crops: Dataset) -> None:
    seen: list[tuple[str, int | None, int]] = []

    def track(items, title, total=None):  # type: ignore[no-untyped-def]
        items = list(items)
        seen.append((title, total, len(items)))
        return iter(items)

    embed_dataset(crops, "dlib", track)
    assert seen == [("embed with dlib", len(crops.records), len(crops.records))]


def test_what_cannot_be_read_has_no_vector_and_a_reason(faces: Path, fresh: Path) -> None:
    dataset = Dataset.open(faces)
    (faces / dataset.records[1].path).write_bytes(b"no picture")
    (faces / dataset.records[3].path).unlink()
    data = (faces / dataset.records[5].path).read_bytes()
    (faces / dataset.records[5].path).write_bytes(data[: len(data) // 2])
    vectors, reasons = embed_dataset(dataset, "dlib")
    bad = {place: reason for place, reason in enumerate(reasons) if reason}
    assert bad == {1: "not a picture", 3: "cannot be read", 5: "truncated"}
    assert np.isnan(vectors[[1, 3, 5]]).all()
    assert np.isfinite(np.delete(vectors, [1, 3, 5], axis=0)).all()


def test_vectors_come_from_the_cache_the_second_time(crops: Dataset, fresh: Path) -> None:
    first, _ = embed_dataset(crops, "dlib")
    second, _ = embed_dataset(crops, "dlib")
    assert np.array_equal(first, second)
    assert (fresh / FILE).stat().st_mode & 0o777 == 0o600
    marked = np.full(128, 7, "<f4").tobytes()
    with sqlite3.connect(fresh / FILE) as base:
        assert base.execute("select count(*) from vectors").fetchone() == (len({r.sha256 for r in crops.records}),)
        base.execute("update vectors set vector = ?", (marked,))
    base.close()
    third, _ = embed_dataset(crops, "dlib")
    assert (third == 7).all()


def test_a_changed_file_is_not_taken_for_the_one_before(faces: Path, fresh: Path) -> None:
    dataset = Dataset.open(faces)
    before, _ = embed_dataset(dataset, "dlib")
    (faces / dataset.records[0].path).write_bytes(images.encode(portrait(3, 160)))
    after, _ = embed_dataset(dataset, "dlib")
    assert not np.allclose(before[0], after[0], atol=0.05)
    assert np.array_equal(before[1:], after[1:])


@pytest.mark.parametrize("damage", [b"no database at all" * 100, b""], ids=["broken", "empty"])
def test_a_broken_cache_is_begun_anew(crops: Dataset, fresh: Path, damage: bytes) -> None:
    (fresh / FILE).write_bytes(damage)
    vectors, _ = embed_dataset(crops, "dlib")
    assert np.isfinite(vectors).all()
    with sqlite3.connect(fresh / FILE) as base:
        assert base.execute("select count(*) from vectors").fetchone() == (len({r.sha256 for r in crops.records}),)
    base.close()


def test_a_cache_that_cannot_be_had_costs_time_only(
    crops: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("FACEKIT_CACHE", str(tmp_path / "file"))
    vectors, _ = embed_dataset(replace(crops, records=crops.records[:3]), "dlib")
    assert np.isfinite(vectors).all()


class Named:
    name, version, dimensions = "named", "1", 128


def test_the_cache_is_bounded(fresh: Path) -> None:
    rng = np.random.default_rng(0)
    keys = [(rng.bytes(32), "0.2") for _ in range(2000)]
    with EmbeddingCache(Named(), max_bytes=200_000) as kept:  # type: ignore[arg-type]
        kept.save({key: rng.random(128).astype(np.float32) for key in keys})
    size = (fresh / FILE).stat().st_size
    for _ in range(12):
        with EmbeddingCache(Named(), max_bytes=200_000) as kept:  # type: ignore[arg-type]
            kept.save({(rng.bytes(32), "0.2"): rng.random(128).astype(np.float32) for _ in range(200)})
    assert (fresh / FILE).stat().st_size <= size
    with EmbeddingCache(Named()) as kept:  # type: ignore[arg-type]
        left = sum(vector is not None for vector in kept.load(keys))
    assert left < 1000


def fill(file: Path, statement: str, *values: Any) -> None:
    """Change a cache as somebody else might."""
    with sqlite3.connect(file) as base:
        base.execute(statement, values)
    base.close()


ODD_VALUES: dict[str, Any] = {
    "NaN": np.full(128, np.nan, "<f4").tobytes(),
    "one NaN": np.append(np.ones(127, "<f4"), np.float32("nan")).tobytes(),
    "infinity": np.full(128, np.inf, "<f4").tobytes(),
    "shorter": np.ones(127, "<f4").tobytes(),
    "longer": np.ones(129, "<f4").tobytes(),
    "no bytes": b"",
    "no number of floats": b"abc",
    "text": "a" * 512,
    "number": 7,
    "nothing": None,
    "long": b"a" * (2 << 20),
}


@pytest.mark.parametrize("value", ODD_VALUES.values(), ids=list(ODD_VALUES))
def test_what_is_no_embedding_is_computed_anew(crops: Dataset, fresh: Path, value: Any) -> None:
    some = replace(crops, records=crops.records[:3])
    first, _ = embed_dataset(some, "dlib")
    fill(fresh / FILE, "update vectors set vector = ?, used = 'never'", value)
    again, reasons = embed_dataset(some, "dlib")
    assert np.array_equal(first, again)
    assert reasons == [None] * 3


@pytest.mark.parametrize(
    "statement",
    [
        "create trigger t after insert on vectors begin delete from vectors; end",
        "create trigger t after update on vectors begin update vectors set vector = zeroblob(512); end",
        "create view more as select * from vectors",
        "create table more (x)",
        "alter table vectors add column more",
        "drop index by_use",
        "drop table vectors",
    ],
)
def test_a_cache_with_other_tables_is_replaced(crops: Dataset, fresh: Path, statement: str) -> None:
    some = replace(crops, records=crops.records[:3])
    first, _ = embed_dataset(some, "dlib")
    fill(fresh / FILE, statement)
    again, _ = embed_dataset(some, "dlib")
    assert np.array_equal(first, again)
    with sqlite3.connect(fresh / FILE) as base:
        names = {name for (name,) in base.execute("select name from sqlite_master where sql is not null")}
    base.close()
    assert names == {"vectors", "by_use"}


def test_a_view_that_never_ends_is_not_read(crops: Dataset, fresh: Path) -> None:
    endless = "with recursive n(x) as (select 1 union all select x + 1 from n) select x, x, x, x from n"
    (fresh / FILE).unlink(missing_ok=True)
    fill(fresh / FILE, f"create view vectors (picture, face, vector, used) as {endless}")
    vectors, _ = embed_dataset(replace(crops, records=crops.records[:2]), "dlib")
    assert np.isfinite(vectors).all()


@pytest.mark.parametrize("what", ["link", "dangling", "fifo", "device", "folder"])
def test_a_cache_that_is_no_file_is_left_alone(crops: Dataset, fresh: Path, tmp_path: Path, what: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    if what == "link":
        elsewhere.write_text("mine")
    if what == "fifo":
        os.mkfifo(fresh / FILE)
    elif what == "folder":
        (fresh / FILE).mkdir()
    else:
        (fresh / FILE).symlink_to("/dev/zero" if what == "device" else elsewhere)
    vectors, _ = embed_dataset(replace(crops, records=crops.records[:2]), "dlib")
    assert np.isfinite(vectors).all()
    assert cache.keep_only([crops.records[0].sha256]) == 0
    assert elsewhere.read_text() == "mine" if what == "link" else not elsewhere.exists()


def test_an_embedding_that_is_no_number_is_neither_kept_nor_used(fresh: Path) -> None:
    odd = np.full(128, np.nan, np.float32)
    found = DatasetEmbeddings.collect(iter([odd, np.ones(128, np.float32), BadImage("gone")]), 3, 128)
    assert found.reasons == ["embedding is not a number", None, "gone"]
    assert np.isnan(found.vectors[[0, 2]]).all()
    with EmbeddingCache(Named()) as kept:  # type: ignore[arg-type]
        kept.save({(b"a" * 32, "0.2"): odd, (b"b" * 32, "0.2"): np.ones(128, np.float32)})
        assert kept.load([(b"a" * 32, "0.2")]) == [None]
        assert kept.load([(b"b" * 32, "0.2")])[0] is not None


def test_a_network_in_the_cache_that_is_another_is_built_anew(dlib: Dlib, fresh: Path) -> None:
    """Also one whose digest is right: whoever writes the one can write the other."""
    (file,) = (fresh / "weights").glob("dlib-*")
    code = "from facekit.identity.embedders.dlib import Dlib; import numpy as np, sys;"
    code += "np.save(sys.argv[1], Dlib().embed([np.zeros((150, 150, 3), np.uint8)]))"
    for other in (b"no network", colour_network(), b""):
        file.write_bytes(hashlib.sha256(other).digest() + other)
        subprocess.run([sys.executable, "-c", code, str(fresh / "out.npy")], check=True, timeout=120)
        assert np.allclose(np.load(fresh / "out.npy"), dlib.embed([np.zeros((150, 150, 3), np.uint8)]), atol=1e-6)


def test_the_forgotten_are_forgotten(crops: Dataset, fresh: Path) -> None:
    embed_dataset(crops, "dlib")
    gone = [record.sha256 for record in crops.records[:4]]
    stay = {record.sha256 for record in crops.records} - set(gone)
    assert cache.others(stay) == len(set(gone))
    assert cache.keep_only(stay) == len(set(gone))
    assert cache.keep_only(stay) == cache.others(stay) == 0
    with sqlite3.connect(fresh / FILE) as base:
        left = {row[0].hex() for row in base.execute("select picture from vectors")}
    base.close()
    assert left == {record.sha256 for record in crops.records} - set(gone)


EMBED = """
import sys
from pathlib import Path
import numpy as np
from facekit.dataset import Dataset
from facekit.identity.embedders import embed_dataset
vectors, _ = embed_dataset(Dataset.open(Path(sys.argv[1])), "dlib", jobs=1)
np.save(sys.argv[2], vectors)
"""


def start(faces: Path, out: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", EMBED, faces, out], env=os.environ)


def test_two_at_once_and_one_killed_agree(crops: Dataset, fresh: Path, tmp_path: Path) -> None:
    killed = start(crops.root, tmp_path / "killed.npy")
    while not (fresh / FILE).exists() and killed.poll() is None:
        time.sleep(0.02)
    time.sleep(0.3)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    both = [start(crops.root, tmp_path / f"{k}.npy") for k in range(2)]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    first, second = (np.load(tmp_path / f"{k}.npy") for k in range(2))
    (fresh / FILE).unlink()
    alone, _ = embed_dataset(crops, "dlib")
    assert np.array_equal(first, second)
    assert np.array_equal(first, alone)


def test_threads_may_share_landmarks(drawn_faces: Path) -> None:
    faces = [images.read(path) for path in sorted(drawn_faces.glob("*/*.jpg"))[:8]]
    box = Box(13, 13, 133, 133)
    alone = [landmarks(face, box) for face in faces]
    found: list[list[object]] = []
    threads = [threading.Thread(target=lambda: found.append([landmarks(f, box) for f in faces])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [alone] * 8


# Where the face is


def record(box: Box | None) -> Record:
    return Record(id="a", sha256="a", path="a/a.jpg", label="a", name="a", origin="a", box=box)


@pytest.mark.parametrize(
    ("crop", "box", "wanted"),
    [
        (CarriedCrop(margin=0.25), Box(1, 2, 3, 3), Box(20, 20, 160, 160)),
        (CarriedCrop(margin=0.0), Box(1, 2, 3, 3), Box(0, 0, 200, 200)),
        (CarriedCrop(margin=0.25, align="eyes"), Box(1, 2, 3, 3), Box(20, 20, 160, 160)),
        (CarriedCrop(margin=0.25), None, None),
        (CarriedCrop(detect=False, margin=0.25), Box(1, 2, 3, 3), None),
        (None, None, None),
    ],
    ids=["crop", "no margin", "aligned", "put there by hand", "no detector", "plain"],
)
def test_where_the_face_is(crop: CarriedCrop | None, box: Box | None, wanted: Box | None) -> None:
    assert face_in(np.zeros((200, 200, 3), np.uint8), record(box), DatasetInfo(crop=crop)) == wanted


def test_a_crop_has_the_face_where_it_is_looked_for(drawn_photos: Path, dlib: Dlib, tmp_path: Path) -> None:
    """A face's vector is the same from the photo and from its crop, aligned or not, as far as pixels allow."""
    half = Path(shutil.copytree(drawn_photos, tmp_path / "half"))
    records = Dataset.open(drawn_photos).records
    for record in records[::2]:
        (half / record.path).unlink()
    photos = {r.id: drawn_photos / r.path for r in records}
    for name, align in (("plain", "none"), ("aligned", "eyes")):
        out = tmp_path / name
        crop(Crop(input=half, output=out, align=align, size=240))
        dataset = Dataset.open(out)
        assert len(dataset.records) > 8
        vectors, reasons = embed_dataset(dataset, "dlib")
        apart = []
        for one, vector in zip(dataset.records, vectors, strict=True):
            face = dlib.align(images.read(photos[one.parent or ""]), one.box)
            apart.append(np.linalg.norm(dlib.embed([face])[0] - vector))
        assert reasons == [None] * len(reasons)
        assert np.median(apart) < 0.15, name


# Distances


def test_distances_are_those_of_the_metric() -> None:
    a, b = np.random.default_rng(0).random((2, 5, 8)).astype(np.float32)
    apart = distances("euclidean", a, b)
    assert apart.dtype == np.float32
    assert np.allclose(apart, np.linalg.norm(a[:, None] - b[None], axis=2), atol=1e-6)
    cosine = (a @ b.T) / np.linalg.norm(a, axis=1)[:, None] / np.linalg.norm(b, axis=1)[None]
    assert np.allclose(distances("cosine", a, b), 1 - cosine, atol=1e-6)
    assert np.abs(np.diag(distances("euclidean", a))).max() < 1e-6
    gone = a.copy()
    gone[2] = np.nan
    for metric in ("euclidean", "cosine"):
        assert np.isnan(distances(metric, gone)[2]).all()  # type: ignore[arg-type]
