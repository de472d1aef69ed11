"""`facekit.load`: a model that stays loaded, answers as `predict` does, and can be asked from several threads."""

from __future__ import annotations

import multiprocessing
import pickle
import shutil
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from patches import patch, tree
from PIL import Image as Pillow

import facekit
from facekit.base import images
from facekit.world.draw import empty_photo

PHOTOS = 3


@pytest.fixture(scope="module")
def linear(even: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the three drawn people: a linear head on dlib's embeddings, which can answer `unknown`."""
    for package in ("dlib", "onnxruntime"):
        pytest.importorskip(package, reason="the extra `faces` is not installed")
    folder = tmp_path_factory.mktemp("linear") / "model"
    facekit.train(even, folder, backbone="dlib", fpir=0.1)
    return folder


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network of its own."""
    pytest.importorskip("keras", reason="the extra `train` is not installed")
    root = tmp_path_factory.mktemp("network")
    tree(root / "faces")
    facekit.train(root / "faces", root / "model", network="cnn3", size=32, epochs=2, batch=8, labels="classes")
    return root / "model"


@pytest.fixture(scope="module")
def photos(drawn_photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos of people whom the model knows, and of two whom it does not."""
    root = tmp_path_factory.mktemp("photos")
    for number, photo in enumerate(sorted(drawn_photos.glob("*/*.jpg"))[::6]):
        shutil.copy(photo, root / f"known{number}.jpg")
    facekit.draw(root / "others", people=3, photos=1, seed=7, faults=False)
    return root


def _fields(answer: Any) -> dict[str, Any]:
    return {field.name: getattr(answer, field.name) for field in fields(facekit.Prediction)}


def test_it_answers_as_the_command_does(linear: Path, photos: Path) -> None:
    model = facekit.load(linear)
    answers = list(facekit.predict(linear, photos))
    for path in {answer.picture for answer in answers}:
        told = [_fields(one) for one in answers if one.picture == path and one.label is not None]
        assert [_fields(face) for face in model.predict(path)] == told
    labels = {answer.label for answer in answers}
    assert "unknown" in labels
    assert labels & set(model.labels)


def test_a_face_has_all_that_is_known_of_it(linear: Path, photos: Path) -> None:
    model = facekit.load(linear)
    face = next(face for path in sorted(photos.glob("*.jpg")) for face in model.predict(path))
    assert face.box is not None and min(face.box.w, face.box.h) >= 40
    assert face.label in (*model.labels, "unknown")
    assert face.similarity is not None and 0 < face.similarity <= 1
    assert face.probability is not None and 0 <= face.probability <= 1
    assert len(face.top) == 3


def test_the_rate_of_strangers_decides_who_is_unknown(linear: Path, photos: Path) -> None:
    def unknown(model: facekit.Model) -> int:
        faces = [face for path in sorted(photos.rglob("*.jpg")) for face in model.predict(path)]
        return sum(face.label == "unknown" for face in faces)

    assert unknown(facekit.load(linear, fpir=0.5)) < unknown(facekit.load(linear, fpir=0.0001))
    sure = facekit.load(linear).predict(sorted(photos.glob("*.jpg"))[0], min_confidence=1.0)
    assert {face.label for face in sure} <= {"unknown", *facekit.load(linear).labels}


def test_it_stays_loaded(linear: Path, photos: Path, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(linear, tmp_path / "model"))
    model, photo = facekit.load(moved), sorted(photos.glob("*.jpg"))[0]
    shutil.rmtree(moved)
    assert model.predict(photo) == facekit.load(linear).predict(photo)


@pytest.mark.parametrize("kind", ["linear", "network"])
def test_threads_get_what_one_alone_gets(kind: str, photos: Path, request: pytest.FixtureRequest) -> None:
    model = facekit.load(request.getfixturevalue(kind))
    # A network sees textures as whole pictures: what matters is that many ask at the same time.
    some = [images.read(path) for path in sorted(photos.rglob("*.jpg"))[:PHOTOS]]
    some += [patch(number % 3, number) for number in range(PHOTOS)]
    alone = [(model.predict(one), model.predict(one, detect=False, min_confidence=0)) for one in some]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(2):
            together = pool.map(
                lambda one: (model.predict(one), model.predict(one, detect=False, min_confidence=0)), some
            )
            for told, expected in zip(together, alone, strict=True):
                _check_alike(told, expected)


def _check_alike(told: Any, expected: Any) -> None:
    """Compare answers; a network's last digits depend on how its engine splits the work."""
    for some, others in zip(told, expected, strict=True):
        assert [(one.box, one.label) for one in some] == [(one.box, one.label) for one in others]
        assert [one.confidence for one in some] == pytest.approx([one.confidence for one in others], abs=2e-4)


def _label(model: facekit.Model, photo: Path) -> str | None:
    return model.predict(photo)[0].label


def test_another_process_loads_it_again(linear: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(linear.parent)
    model, photo = facekit.load("model", fpir=0.2), next(iter(sorted(photos.glob("*.jpg"))))
    monkeypatch.chdir(linear.parent.parent)
    again = pickle.loads(pickle.dumps(model))
    assert again.predict(photo) == model.predict(photo)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(_label, model, photo).result(timeout=120) == _label(model, photo)


# What it takes


def test_pixels_paths_and_pillow_are_one(linear: Path, photos: Path, tmp_path: Path) -> None:
    model = facekit.load(linear)
    path = sorted(photos.glob("*.jpg"))[0]
    pixels = images.read(path)
    expected = model.predict(pixels)
    assert expected
    assert model.predict(path) == model.predict(str(path)) == expected
    bgr = pixels[:, :, ::-1].copy()
    assert model.predict(bgr[:, :, ::-1]) == expected, "a view of OpenCV's pixels"
    assert model.predict(Pillow.fromarray(pixels)) == expected
    turned = Pillow.fromarray(np.rot90(pixels).copy())
    exif = Pillow.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    turned.save(tmp_path / "turned.png", exif=exif)
    assert model.predict(Pillow.open(tmp_path / "turned.png")) == expected
    assert model.predict(tmp_path / "turned.png") == expected


def test_what_is_transparent_is_white_as_in_a_file(linear: Path, tmp_path: Path) -> None:
    clear = np.zeros((60, 60, 4), np.uint8)
    clear[10:50, 10:50] = (200, 150, 120, 255)
    Pillow.fromarray(clear).save(tmp_path / "clear.png")
    from facekit.api.pixels import pixels_of

    assert np.array_equal(pixels_of(Pillow.open(tmp_path / "clear.png")), images.read(tmp_path / "clear.png"))
    grey = Pillow.fromarray(clear[:, :, 0])
    assert pixels_of(grey).shape == (60, 60, 3)


def test_a_photo_without_a_face_has_no_answers(linear: Path) -> None:
    assert facekit.load(linear).predict(empty_photo(np.random.default_rng(3))) == []


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (None, "the picture is NoneType; give RGB pixels"),
        (np.zeros((40, 40, 3)), "the picture is of type float64; give RGB pixels"),
        (np.zeros((40, 40), np.uint8), r"the picture has shape \(40, 40\); give RGB pixels"),
        (np.zeros((40, 40, 4), np.uint8), r"the picture has shape \(40, 40, 4\); give RGB pixels"),
        (np.zeros((3, 40, 40), np.uint8), r"the picture has shape \(3, 40, 40\); give RGB pixels"),
        (np.zeros((0, 40, 3), np.uint8), r"the picture has shape \(0, 40, 3\); give RGB pixels"),
        ("nowhere.jpg", "nowhere.jpg: cannot be read .*; give another picture"),
        (Path(__file__), "test_api_model.py: not a picture; give another picture"),
    ],
    ids=["nothing", "floats", "grey", "transparent", "channels first", "empty", "no file", "no picture"],
)
def test_what_is_no_picture_is_refused(linear: Path, picture: Any, message: str) -> None:
    with pytest.raises(facekit.FacekitError, match=message):
        facekit.load(linear).predict(picture)


def test_limits_are_those_of_the_command(linear: Path) -> None:
    with pytest.raises(facekit.FacekitError, match="--fpir is 3"):
        facekit.load(linear, fpir=3)
    with pytest.raises(facekit.FacekitError, match="--min-confidence is 2"):
        facekit.load(linear).predict(patch(0, 1), min_confidence=2)
    with pytest.raises(facekit.FacekitError, match="holds neither a trained model nor a gallery"):
        facekit.load(linear.parent)
