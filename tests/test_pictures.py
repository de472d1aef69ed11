"""One rule says what a picture is: by content, in every command, and what is left out is counted."""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Callable
from pathlib import Path

import PIL.Image
import pytest
from conftest import picture, plain_tree

from facekit.base import images
from facekit.commands.audit import trees
from facekit.commands.inspect.pictures import given
from facekit.dataset import Dataset, pictures
from facekit.dataset.given import _pictures
from facekit.dataset.inputs import Input
from facekit.dataset.listing import scan

NAMES = (
    "a.jfif",
    "b",
    "c.jpe",
    "e.jpg.1",
    "g.jpg?w=600",
    "ok.jpg",
    "x.avif",
    "x.jp2",
    "x.ppm",
    "broken.png",
    "UP.HEIC",
)
"""What is a picture, or is called like one."""

HEIC = Path(__file__).parent / "data" / "heic" / "plain.heic"

FOLDERS = (".ipynb_checkpoints", ".thumbnails", "@eaDir", "#recycle", "__MACOSX", "$RECYCLE.BIN", "lost+found")


def saved(kind: str) -> bytes:
    file = io.BytesIO()
    PIL.Image.fromarray(picture(1)).save(file, kind)
    return file.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A person's folder as it comes from a phone, a server and a browser."""
    made = tmp_path / "tree" / "Ada"
    made.mkdir(parents=True)
    kinds = {"x.avif": "AVIF", "x.jp2": "JPEG2000", "x.ppm": "PPM"}
    for number, name in enumerate(NAMES):
        data = HEIC.read_bytes() if name == "UP.HEIC" else saved(kinds.get(name, "JPEG"))
        (made / name).write_bytes(data + bytes([number]))
    (made / "broken.png").write_text("no picture")
    (made / "notes.txt").write_text("notes")
    (made / "Thumbs.db").write_bytes(b"x")
    (made / ".hidden.jpg").write_bytes(saved("JPEG"))
    for name in FOLDERS:
        (made / name).mkdir()
        (made / name / "copy.jpg").write_bytes(saved("JPEG"))
    (made / "dead.jpg").symlink_to("nowhere.jpg")
    return made


def names(paths: object) -> set[str]:
    return {Path(str(path)).name for path in paths}  # type: ignore[attr-defined]


READERS: dict[str, Callable[[Path], set[str]]] = {
    "predict": lambda folder: names(_pictures(Input(folder, folder)).files),
    "inspect": lambda folder: names(chosen.file for chosen in given([folder]).pictures) | {"broken.png"},
    "crop": lambda folder: names(r.path for r in Dataset.open(folder.parent).records) - {"notes.txt"},
    "audit": lambda folder: names(p.path for p in trees.read(folder.parent).pictures) - {"notes.txt"},
}
"""Commands -> the files that they look at; `crop` and `audit` look at each file of a label, and count what it is."""


@pytest.mark.parametrize("command", READERS)
def test_every_command_looks_at_the_same_files(folder: Path, command: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "facekit"):
        assert READERS[command](folder) == set(NAMES)
    said = next(record.getMessage() for record in caplog.records if "left out:" in record.getMessage())
    assert "6 system files or folders, 3 hidden" in said


def test_what_is_left_out_is_counted_with_its_reason(folder: Path) -> None:
    found = pictures.below(folder)
    assert names(found.files) == set(NAMES)
    assert found.left == {"hidden": 3, "system files or folders": 6, "broken link": 1, "not a picture": 1}
    assert str(found).startswith("6 system files or folders, 3 hidden")


def test_folders_that_lead_round_in_a_circle_are_looked_into_once(folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "one.jpg").write_bytes(saved("JPEG"))
    (folder / "deep" / "up").symlink_to("..")
    (folder / "self").symlink_to("self")
    found = pictures.below(folder)
    assert names(found.files) == {*NAMES, "one.jpg"}
    assert found.left["broken link"] == 2


def test_links_out_of_a_folder_with_a_manifest_are_not_followed(faces: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.jpg").write_bytes(saved("JPEG"))
    before = set(pictures.below(faces).files)
    assert len(before) == len(scan(faces).files)
    label = next(path for path in faces.iterdir() if path.is_dir())
    (label / "link.jpg").symlink_to(tmp_path / "elsewhere.jpg")
    (faces / "away").symlink_to(tmp_path)
    (faces / "sources.jsonl").unlink()
    (faces / "sources.jsonl").symlink_to(tmp_path / "elsewhere.jpg")
    found = pictures.below(faces)
    assert set(found.files) == before
    assert found.left["link out of the folder"] == 3


def test_pictures_beside_the_folders_are_told_by_their_content(tmp_path: Path) -> None:
    tree = plain_tree(tmp_path / "tree", {})
    tree.mkdir()
    (tree / "without a suffix").write_bytes(saved("PNG"))
    (tree / "notes.txt").write_text("notes")
    assert scan(tree).files == ["without a suffix"]


def test_labels_that_facekit_made_are_read_whatever_they_are_called(faces: Path) -> None:
    label = next(path for path in faces.iterdir() if path.is_dir())
    before = len(scan(faces).files)
    label.rename(faces / "lost+found")
    assert len(scan(faces).files) == before


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "PPM", "TIFF", "JPEG2000", "AVIF"])
def test_every_format_that_is_decoded_begins_as_a_picture(kind: str) -> None:
    assert images.begins_as_picture(saved(kind)[:16])


def test_real_photos_are_all_looked_at(data: Path) -> None:
    raw = data / "scraped" / "raw"
    assert len(pictures.below(raw).files) == sum(path.is_file() for path in raw.rglob("*")) == 299


def test_folders_without_end_are_left_out(tmp_path: Path) -> None:
    """An archive can hold thousands of folders, one inside the other: more than Python can go down."""
    plain_tree(tmp_path / "tree", {"Ada": 2})
    folder = os.open(tmp_path / "tree" / "Ada", os.O_RDONLY)
    for _ in range(1900):
        os.mkdir("a", dir_fd=folder)
        below = os.open("a", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(folder)
    found = pictures.below(tmp_path / "tree")
    assert (len(found.files), found.left) == (2, {"folder nested too deeply": 1})
    assert [picture.path for picture in trees.read(tmp_path / "tree").pictures] == ["Ada/0000.png", "Ada/0001.png"]
    assert len(Dataset.open(tmp_path / "tree").records) == 2
    flatten(tmp_path / "tree" / "Ada")


def test_links_that_lead_round_in_a_circle_are_nothing(tmp_path: Path) -> None:
    tree = plain_tree(tmp_path / "tree", {"Ada": 2})
    for place in ("loop", "Ada/loop", "Ada/below/loop", "Ada/below/loop.png"):
        (tree / place).parent.mkdir(exist_ok=True)
        (tree / place).symlink_to(Path(place).name)
    for look in (
        lambda: trees.read(tree).pictures,
        lambda: Dataset.open(tree).records,
        lambda: pictures.below(tree).files,
    ):
        assert len(look()) == 2


def flatten(folder: Path) -> None:
    """Take the folders out again: what deletes a test's folder goes down by itself."""
    while (folder / "a").is_dir():
        inner = folder / "a" / "a"
        if inner.is_dir():
            inner.rename(folder / "b")
        (folder / "a").rmdir()
        if (folder / "b").is_dir():
            (folder / "b").rename(folder / "a")
