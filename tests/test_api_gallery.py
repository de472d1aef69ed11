"""`facekit.load` of a gallery: it stays open, answers as `identify` does, and sees what changes in it."""

from __future__ import annotations

import logging
import multiprocessing
import pickle
import shutil
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

import facekit
from facekit.base import images
from facekit.world.draw import empty_photo


@pytest.fixture(scope="module")
def photos(drawn_photos: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Photos of people in the gallery, and of three who are not."""
    root = tmp_path_factory.mktemp("photos")
    facekit.draw(root, people=3, photos=1, seed=7, faults=False)
    return [*sorted(drawn_photos.glob("*/*.jpg"))[::6], *sorted(root.glob("*/*.jpg"))]


@pytest.fixture
def copied(enrolled: Path, tmp_path: Path) -> Path:
    """A gallery that may be changed."""
    return Path(shutil.copytree(enrolled, tmp_path / "gallery"))


def _opened(folder: Path, **named: Any) -> facekit.Gallery:
    gallery = facekit.load(folder, **named)
    assert isinstance(gallery, facekit.Gallery)
    return gallery


def _fields(answer: Any) -> dict[str, Any]:
    return {field.name: getattr(answer, field.name) for field in fields(facekit.Identification)}


def test_it_answers_as_the_command_does(enrolled: Path, photos: list[Path]) -> None:
    gallery = _opened(enrolled)
    answers = list(facekit.identify(enrolled, photos))
    for photo in photos:
        told = [_fields(one) for one in answers if Path(one.picture) == photo and one.name is not None]
        assert [_fields(face) for face in gallery.identify(photo)] == told
    names = {answer.name for answer in answers}
    assert "unknown" in names
    assert names & set(gallery.names)


def test_a_face_has_all_that_is_known_of_it(enrolled: Path, photos: list[Path]) -> None:
    gallery = _opened(enrolled)
    face = next(face for photo in photos for face in gallery.identify(photo) if face.name != "unknown")
    assert face.box is not None and min(face.box.w, face.box.h) >= 40
    assert face.name in gallery.names
    assert face.similarity is not None and face.similarity >= face.threshold == pytest.approx(
        gallery.threshold, abs=1e-4
    )
    assert face.probability > 0.5
    assert (face.nearest[0].name, face.nearest[0].similarity) == (face.name, face.similarity)


def test_pixels_paths_and_pillow_are_one(enrolled: Path, photos: list[Path]) -> None:
    gallery, photo = _opened(enrolled), photos[0]
    pixels = images.read(photo)
    expected = gallery.identify(photo)
    assert expected
    assert gallery.identify(pixels) == gallery.identify(str(photo)) == expected
    assert gallery.identify(Pillow.fromarray(pixels)) == expected
    box = expected[0].box
    assert box is not None
    face = pixels[box.y : box.y + box.h, box.x : box.x + box.w]
    assert [one.box for one in gallery.identify(face, detect=False)] == [None]
    assert gallery.identify(empty_photo(np.random.default_rng(3))) == []


def test_the_rate_and_repeats_are_as_asked(enrolled: Path, photos: list[Path]) -> None:
    lax = _opened(enrolled, fpir=0.5)
    assert (lax.fpir, _opened(enrolled).fpir) == (0.5, 0.01)
    assert lax.threshold < _opened(enrolled).threshold
    one = images.read(photos[0])
    twice = np.concatenate([one, one[:, ::-1]], axis=1)
    known = next(face.name for face in lax.identify(one) if face.name != "unknown")
    assert [face.name for face in lax.identify(twice)].count(known) == 1
    assert [face.name for face in lax.identify(twice, allow_repeats=True)].count(known) == 2


def test_a_rate_that_cannot_be_promised_is_said(enrolled: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert not _opened(enrolled).promised
    (warning,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "cannot be promised" in warning.getMessage()


def test_who_is_removed_is_not_named_any_more(copied: Path, photos: list[Path]) -> None:
    gallery = _opened(copied)
    known = next(face for face in gallery.identify(photos[0]) if face.name != "unknown")
    facekit.gallery("rename", copied, [known.name, "Somebody Else"])
    assert "Somebody Else" in [face.name for face in gallery.identify(photos[0])]
    facekit.gallery("remove", copied, ["Somebody Else"])
    assert "Somebody Else" not in gallery.names
    assert not {known.name, "Somebody Else"} & {face.name for face in gallery.identify(photos[0])}


def test_threads_get_what_one_alone_gets(copied: Path, photos: list[Path]) -> None:
    gallery = _opened(copied)
    alone = [gallery.identify(photo) for photo in photos]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(gallery.identify, photos)) == alone


def _name(gallery: facekit.Gallery, photo: Path) -> str:
    return gallery.identify(photo)[0].name


def test_another_process_opens_it_again(copied: Path, photos: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(copied.parent)
    gallery = facekit.Gallery("gallery", fpir=0.2)
    monkeypatch.chdir(copied)
    again = pickle.loads(pickle.dumps(gallery))
    assert (again.fpir, again.identify(photos[0])) == (0.2, gallery.identify(photos[0]))
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(_name, gallery, photos[0]).result(timeout=120) == _name(gallery, photos[0])


def _forked(gallery: facekit.Gallery, photo: Path, answers: Any) -> None:
    answers.put(_name(gallery, photo))


def test_a_forked_process_does_not_use_its_parents_connection(copied: Path, photos: list[Path]) -> None:
    gallery = _opened(copied)
    expected = _name(gallery, photos[0])
    fork = multiprocessing.get_context("fork")
    answers = fork.Queue()
    child = fork.Process(target=_forked, args=(gallery, photos[0], answers))
    child.start()
    told = answers.get(timeout=60)
    child.join(timeout=60)
    assert (told, child.exitcode) == (expected, 0)
    assert _name(gallery, photos[0]) == expected


def test_a_folder_that_holds_neither_is_refused(tmp_path: Path, enrolled: Path, copied: Path) -> None:
    with pytest.raises(facekit.FacekitError, match="neither a trained model nor a gallery; give"):
        facekit.load(tmp_path)
    with pytest.raises(facekit.FacekitError, match="no such folder"):
        facekit.load(tmp_path / "gone")
    with pytest.raises(facekit.FacekitError, match="--fpir is 2"):
        facekit.load(enrolled, fpir=2)
    facekit.gallery("remove", copied, list(_opened(copied).names))
    with pytest.raises(facekit.FacekitError, match="is an empty gallery; enroll people with"):
        facekit.load(copied)
    with pytest.raises(facekit.FacekitError, match="give RGB pixels"):
        _opened(enrolled).identify(np.zeros((9, 9, 3), np.float32))  # type: ignore[arg-type]
