"""Photos are sorted into a folder for each person; nothing is moved, changed or overwritten."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import plain_tree, read_tree

from facekit.base.contract import FacekitError
from facekit.dataset.given import Given
from facekit.dataset.sorting import SortedPhotos

Answer = tuple[str, str | None]
"""Photo and folder."""


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return plain_tree(tmp_path / "photos", {"2024": 3, "2025": 3})


def sort(photos: Path, answers: list[tuple[str, str | None]], into: Path) -> list[str]:
    """Sort by answers that name photos below a folder; return the files there are then."""
    files = sorted(photos.rglob("*.*"))
    place = SortedPhotos(into, [str(photos)])
    about: list[Answer] = [(str(photos / name), folder) for name, folder in answers]
    assert list(place.during([Given(files, {})], iter(about), lambda answer: answer)) == about
    return sorted(str(file.relative_to(into)) for file in into.rglob("[!.]*") if file.is_file())


def test_each_photo_goes_to_those_who_are_on_it(photos: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    before = read_tree(photos)
    answers = [
        ("2024/0000.png", "Ada"),
        ("2024/0000.png", "unknown"),
        ("2024/0000.png", "Bob / Co"),
        ("2024/0001.png", "unknown"),
        ("2024/0001.png", "unknown"),
        ("2024/0002.png", "no face"),
        ("2025/0003.png", None),
        ("2025/0004.png", "Ada"),
        ("2025/0004.png", "Ada"),
    ]
    there = [
        "Ada/0000.png",
        "Ada/0004.png",
        "Bob _ Co/0000.png",
        "no face/0002.png",
        "unknown/0001.png",
    ]
    assert sort(photos, answers, tmp_path / "sorted") == there
    assert "5 copies made (Ada 2, Bob / Co 1, unknown 1, no face 1)" in caplog.text
    assert (tmp_path / "sorted" / "Ada" / "0004.png").read_bytes() == (photos / "2025" / "0004.png").read_bytes()
    assert read_tree(photos) == before
    assert sort(photos, answers, tmp_path / "sorted") == there, "what is there already is not copied again"
    assert "0 copies made; 5 there already" in caplog.text


def test_photos_of_one_name_are_told_apart(photos: Path, tmp_path: Path) -> None:
    (photos / "2025" / "0003.png").rename(photos / "2025" / "0000.png")
    answers: list[Answer] = [("2024/0000.png", "Ada"), ("2025/0000.png", "Ada")]
    mine = tmp_path / "sorted" / "Ada" / "0000-2.png"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    there = ["Ada/0000-2.png", "Ada/0000-3.png", "Ada/0000.png"]
    assert sort(photos, answers, tmp_path / "sorted") == there
    assert mine.read_text() == "mine"
    assert sort(photos, answers, tmp_path / "sorted") == there


def test_a_photo_is_copied_once_all_its_faces_have_a_name(photos: Path, tmp_path: Path) -> None:
    place = SortedPhotos(tmp_path / "sorted", [str(photos)])
    first, second = (str(photos / "2024" / name) for name in ("0000.png", "0001.png"))

    def answers() -> Iterator[Answer]:
        yield first, "Ada"
        yield second, "Ada"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(place.during([Given([Path(first), Path(second)], {})], answers(), lambda answer: answer))
    assert [file.name for file in (tmp_path / "sorted").rglob("[!.]*.*")] == ["0000.png"]


@pytest.mark.parametrize("where", ["", "sorted", "2024/x"])
def test_a_folder_among_the_photos_is_refused(photos: Path, where: str) -> None:
    with pytest.raises(FacekitError, match=r"^--sort-into is .*, whose photos are sorted; give another folder$"):
        SortedPhotos(photos / where, [str(photos)])
    with pytest.raises(FacekitError, match="which is a file; give a folder$"):
        SortedPhotos(photos / "2024" / "0000.png", [])


def test_a_stranger_beside_a_place_that_is_no_face_is_a_stranger(photos: Path, tmp_path: Path) -> None:
    photo = str(next(photos.rglob("*.png")))
    answers = [(photo, "no face"), (photo, "unknown"), (photo, "no face")]
    list(SortedPhotos(tmp_path / "out", []).during([Given([Path(photo)], {})], iter(answers), lambda one: one))
    assert [folder.name for folder in (tmp_path / "out").glob("[!.]*")] == ["unknown"]
