"""Enrolling: faces and photos, again and with other options, strangers, and what is refused."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from colours import Colours
from colours import colours as colours
from conftest import Facekit

from facekit.base import images
from facekit.base.contract import FacekitError
from facekit.commands.enroll import enroll
from facekit.identity.gallery import Gallery
from facekit.options.enroll import Enroll

pytest.importorskip("onnxruntime", reason="the extra `faces` is not installed")


def people(folder: Path) -> dict[str, int]:
    with Gallery.open(folder) as gallery:
        return {one.name: one.faces for one in gallery.store.people()}


def pictures(folder: Path) -> int:
    return len(list(folder.glob("*/*.jpg")))


@pytest.fixture(scope="module")
def enrolled(drawn_faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gallery of three drawn people. Not to be changed."""
    root = tmp_path_factory.mktemp("enrolled") / "gallery"
    enroll(Enroll(input=drawn_faces, output=root, jobs=2))
    return root


@pytest.fixture
def gallery(enrolled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(enrolled, tmp_path / "gallery"))


def test_faces_keep_their_pictures_origins_and_how_they_were_found(enrolled: Path, drawn_faces: Path) -> None:
    with Gallery.open(enrolled) as gallery:
        faces = list(gallery.store.faces())
        crops = [gallery.store.crop(one.id) for one in faces]
        assert gallery.about.found_by.startswith("haar alt2")
    kept = [Path(one.where.path).read_bytes() for one in faces]
    assert len(faces) > 20
    assert [crop.data for crop in crops if crop is not None] == kept
    assert all(one.where.origin in one.where.source for one in faces)


def test_typed_again_it_adds_nothing_and_another_folder_is_added(gallery: Path, faces: Path) -> None:
    before = people(gallery)
    again = enroll(Enroll(input=faces, output=gallery, jobs=2))
    assert (again.made, again.left) == (0, {"is enrolled already": pictures(faces)})
    other = faces.parent / "other"
    shutil.copytree(faces, other)
    first = sorted(path for path in other.iterdir() if path.is_dir())[0]
    first.rename(other / "Somebody New")
    moved = enroll(Enroll(input=other, output=gallery, jobs=2))
    assert moved.left["is enrolled as somebody else"] >= before[first.name]
    assert people(gallery) == before


def test_replace_puts_new_faces_in_place_of_the_old(gallery: Path, faces: Path) -> None:
    label = sorted(path.name for path in faces.iterdir() if path.is_dir())[0]
    only = sorted((faces / label).iterdir())[:2]
    for file in set((faces / label).iterdir()) - set(only):
        file.unlink()
    before = people(gallery)
    enroll(Enroll(input=faces, output=gallery, replace=True, jobs=2))
    assert people(gallery) == {**before, label: 2}


def test_photos_are_searched_for_a_face(tmp_path: Path, photos: Path, facekit: Facekit) -> None:
    report = facekit("enroll", photos, "-o", tmp_path / "g", "--json").report
    assert report["left"]["no face"] >= 1
    with Gallery.open(tmp_path / "g") as gallery:
        one = next(gallery.store.faces())
        crop = gallery.store.crop(one.id)
        assert gallery.about.found_by == "dlib"
    assert one.where.box is not None
    assert crop is not None
    assert crop.box is not None
    height, width = images.decode(crop.data).shape[:2]
    assert 0 <= crop.box.x < width - crop.box.w + 2
    assert 0 <= crop.box.y < height - crop.box.h + 2


def test_too_few_people_are_promised_nothing(enrolled: Path, facekit: Facekit) -> None:
    shown = facekit("gallery", "show", enrolled)
    assert shown.code == 0
    assert "cannot be promised" in shown.out
    assert "people, or as many strangers (--strangers), would suffice" in shown.out


def test_strangers_are_heeded_and_people_of_the_gallery_are_none(tmp_path: Path, faces: Path, facekit: Facekit) -> None:
    names = sorted(path.name for path in faces.iterdir() if path.is_dir())
    (tmp_path / "one").mkdir()
    shutil.copytree(faces / names[0], tmp_path / "one" / names[0])
    done = facekit("enroll", tmp_path / "one", "-o", tmp_path / "g", "--no-detect", "--strangers", faces, "--json")
    details = done.report["details"]
    assert f"people of the gallery are no strangers and are left out: {names[0]}" in done.err
    with Gallery.open(tmp_path / "g") as gallery:
        assert set(gallery.store.strangers().who) == set(names[1:])
        assert gallery.promise().strangers == 2
        assert gallery.promise().open_set.people == 2
    assert details["fpir_interval"][0] < 0.01 < details["fpir_interval"][1]


def test_strangers_who_are_all_enrolled_are_refused(gallery: Path, faces: Path, facekit: Facekit) -> None:
    done = facekit("enroll", faces, "-o", gallery, "--strangers", faces)
    assert done.code == 2
    assert "shows no face of a stranger; give a folder of others" in done.err


def test_another_embedder_or_detector_is_refused_with_the_command(gallery: Path, faces: Path, photos: Path) -> None:
    before = people(gallery)
    with pytest.raises(FacekitError, match=r"facekit gallery migrate \S+ --embedder dlib-mirrored -o NEW"):
        enroll(Enroll(input=faces, output=gallery, embedder="dlib-mirrored"))
    with pytest.raises(FacekitError, match="were found by haar alt2 .*, and these by dlib; type `facekit enroll"):
        enroll(Enroll(input=photos, output=gallery, detector="dlib"))
    assert people(gallery) == before


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path, faces: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(FacekitError, match="is not empty and no gallery"):
        enroll(Enroll(input=faces, output=tmp_path))


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (
            {"dimensions": 8193},
            "embeddings of 'colours' have 8,193 numbers, and a gallery takes 1 to 8,192; choose",
        ),
        ({"dimensions": 0}, "embeddings of 'colours' have 0 numbers, and a gallery takes 1 to 8,192; choose"),
        ({"threshold": 0.0}, "'colours' has metric 'euclidean' and threshold 0.0; a gallery needs a metric"),
    ],
)
def test_an_embedder_that_no_gallery_can_hold_is_refused(
    fault: dict[str, float],
    why: str,
    colours: str,
    facekit: Facekit,
    faces: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in fault.items():
        monkeypatch.setattr(Colours, name, value)
    done = facekit("enroll", faces, "-o", tmp_path / "gallery", "--embedder", colours)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"error: {why}"), done.err
    assert not (tmp_path / "gallery").exists()


def test_pictures_without_a_face_are_refused(tmp_path: Path, plain: Path) -> None:
    with pytest.raises(FacekitError, match="no picture shows a face that can be enrolled"):
        enroll(Enroll(input=plain, output=tmp_path / "g", detector="dlib"))


def test_overwrite_begins_again(gallery: Path, faces: Path) -> None:
    shutil.rmtree(sorted(path for path in faces.iterdir() if path.is_dir())[0])
    enroll(Enroll(input=faces, output=gallery, overwrite=True, crops=False, jobs=2))
    assert len(people(gallery)) == 2
    with Gallery.open(gallery) as opened:
        assert opened.store.crop(next(opened.store.faces()).id) is None


def test_a_dry_run_makes_nothing(tmp_path: Path, faces: Path) -> None:
    report = enroll(Enroll(input=faces, output=tmp_path / "g", dry_run=True))
    assert report.details["people"] == 3
    assert not (tmp_path / "g").exists()


def test_folders_and_files_whose_names_are_not_utf8_are_enrolled_and_found_again(tmp_path: Path, faces: Path) -> None:
    first = sorted(path for path in faces.iterdir() if path.is_dir())[0]
    renamed = first.rename(faces / os.fsdecode(b"J\xf6rg"))
    inside = next(renamed.glob("*.jpg"))
    inside.rename(renamed / os.fsdecode(b"\xff 100%.jpg"))
    enroll(Enroll(input=faces, output=tmp_path / "gallery", jobs=2))
    with Gallery.open(tmp_path / "gallery") as gallery:
        paths = [Path(face.where.path) for face in gallery.store.faces()]
        assert gallery.store.check() == []
    assert sum(b"J\xf6rg" in os.fsencode(path) for path in paths) == len(list(inside.parent.iterdir()))
    assert any(os.fsencode(path).endswith(b"/\xff 100%.jpg") for path in paths)
    assert all(path.is_file() for path in paths)
