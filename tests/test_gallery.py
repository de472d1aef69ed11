"""`facekit gallery`: what it shows, and what each action changes."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import Facekit

from facekit.base import plain
from facekit.base.contract import FacekitError
from facekit.commands.enroll import enroll
from facekit.identity.gallery import Gallery
from facekit.identity.gallery.promise import Promise
from facekit.options.enroll import Enroll
from facekit.options.gallery import Gallery as Options

pytest.importorskip("onnxruntime", reason="the extra `faces` is not installed")


@pytest.fixture
def root(enrolled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(enrolled, tmp_path / "gallery"))


def people(folder: Path) -> dict[str, int]:
    with Gallery.open(folder) as gallery:
        return {one.name: one.faces for one in gallery.store.people()}


def faces(folder: Path, name: str) -> list[tuple[str, Path]]:
    with Gallery.open(folder) as gallery:
        return [(one.id, Path(one.where.path)) for one in gallery.store.faces(gallery.person(name).number)]


def test_list_and_show_say_who_is_there(enrolled: Path, facekit: Facekit) -> None:
    listed = facekit("gallery", "list", enrolled, "--json").report["details"]["people"]
    assert {one["name"]: one["faces"] for one in listed} == people(enrolled)
    name = listed[0]["name"]
    shown = facekit("gallery", "show", enrolled, name.upper())
    assert [line.split()[0] for line in shown.out.splitlines()[1:]] == [one for one, _ in faces(enrolled, name)]
    about = facekit("gallery", "show", enrolled, "--json").report["details"]
    assert (about["embedder"], about["found_by"], about["promised"]) == ("dlib", "dlib", False)


def test_rename_merge_and_remove(root: Path, facekit: Facekit) -> None:
    first, second, third = people(root)
    counts = people(root)
    assert facekit("gallery", "rename", root, first, "Zoë").out == f"{first} is now Zoë\n"
    assert facekit("gallery", "merge", root, "zoë", second).code == 0
    face, _ = faces(root, third)[0]
    assert facekit("gallery", "remove", root, face).out == f"removed: {face}\n"
    assert people(root) == {"Zoë": counts[first] + counts[second], third: counts[third] - 1}
    assert facekit("gallery", "remove", root, third).code == 0
    assert list(people(root)) == ["Zoë"]


def test_each_change_finds_the_threshold_anew(root: Path, facekit: Facekit) -> None:
    def threshold() -> tuple[float, int]:
        with Gallery.open(root) as gallery:
            stored = gallery.store.promise()
            assert stored is not None
            assert stored[0] == gallery.store.generation  # it is stored, not found when it is asked for
            return gallery.promise().open_set.threshold, gallery.promise().open_set.people

    before = threshold()
    facekit("gallery", "remove", root, next(iter(people(root))))
    after = threshold()
    assert before != after
    assert (before[1], after[1]) == (3, 2)


def test_a_threshold_of_an_earlier_version_is_found_anew(root: Path) -> None:
    """Its similarities were others: the distance to a person's centre counted a half."""
    with Gallery.open(root) as gallery:
        now = gallery.promise()
        before = plain.dump(replace(now, open_set=replace(now.open_set, centre=0.5, threshold=0.123)))
        assert plain.parse(before.replace('"centre"', '"unknown"'), Promise).open_set.centre == 0.5
        gallery.store.set_promise(gallery.store.generation, before)
        assert gallery.promise() == now
        stored = gallery.store.promise()
        assert stored is not None
        assert "0.123" not in stored[1]


def test_a_denied_face_is_not_named_so_again(root: Path, facekit: Facekit) -> None:
    name = next(iter(people(root)))
    face, photo = faces(root, name)[0]
    facekit("gallery", "remove", root, face)  # else it would be nearest to itself
    before = json.loads(facekit("identify", root, photo).out.splitlines()[0])
    assert before["nearest"][0]["name"] == name
    done = facekit("gallery", "deny", root, f"{photo}#1", name)
    assert done.out == f"{photo}#1 is not {name}\n"
    assert facekit("gallery", "deny", root, f"{photo}#1", name).out.endswith(", as was decided before\n")
    after = json.loads(facekit("identify", root, photo).out.splitlines()[0])
    assert after["name"] != name
    assert after["nearest"][0] == {**before["nearest"][0], "denied": True}
    with Gallery.open(root) as gallery:
        (denied,) = gallery.store.denied()
    facekit("gallery", "remove", root, denied.id)
    assert json.loads(facekit("identify", root, photo).out.splitlines()[0]) == before


def test_an_enrolled_face_is_denied_to_somebody_else_by_its_id(root: Path, facekit: Facekit) -> None:
    first, second, _ = people(root)
    face, _ = faces(root, first)[0]
    assert facekit("gallery", "deny", root, face, second).code == 0
    done = facekit("gallery", "deny", root, face, first)
    assert (done.code, f"gallery remove GALLERY {face}" in done.err) == (2, True)


def test_check_finds_a_face_under_a_wrong_name_and_builds_a_broken_index_again(root: Path, facekit: Facekit) -> None:
    first, second, _ = people(root)
    with Gallery.open(root) as gallery:
        moved, _ = faces(root, first)[0]
        gallery.store._connection.execute(  # type: ignore[attr-defined]
            "update faces set person = ? where id = ?", (gallery.person(second).number, moved)
        )
        gallery.store.set_about(gallery.about)
        gallery.people()
    vectors = next((root / "index").glob("vectors-*"))
    vectors.write_bytes(bytes(vectors.stat().st_size))
    details = facekit("gallery", "check", root, "--json").report["details"]
    assert details["index_rebuilt"]
    assert moved in details["doubtful"]
    said = facekit("gallery", "check", root).out
    assert f"{moved} ({second}, " in said
    assert f"`facekit gallery remove {root} ID` removes one" in said
    assert {details["confusable"][0]["person"], details["confusable"][0]["and"]} == {first, second}


def test_migrate_keeps_names_and_decisions_and_leaves_the_old_one_as_it_is(root: Path, facekit: Facekit) -> None:
    first, second, _ = people(root)
    face, _ = faces(root, first)[0]
    facekit("gallery", "deny", root, face, second)
    before = (root / "gallery.sqlite").read_bytes()
    new = root.parent / "new"
    report = facekit("gallery", "migrate", root, "--embedder", "dlib-mirrored", "-o", new, "--json").report
    assert (report["details"]["lost"], report["details"]["denials"]) == ([], 1)
    assert people(new) == people(root)
    with Gallery.open(new) as gallery:
        assert gallery.about.embedder.name == "dlib-mirrored"
        (denied,) = gallery.store.denied()
        ids = [one.id for one in gallery.store.faces()]
    assert denied.name == second
    with Gallery.open(root) as gallery:
        assert [one.id for one in gallery.store.faces()] == ids
    assert (root / "gallery.sqlite").read_bytes() == before
    again = facekit("gallery", "migrate", root, "--embedder", "dlib", "-o", new)
    assert (again.code, "is there already" in again.err) == (2, True)


def test_migrate_without_kept_pictures_takes_the_photos_and_tells_what_is_gone(
    photos: Path, tmp_path: Path, facekit: Facekit
) -> None:
    enroll(Enroll(input=photos, output=tmp_path / "g", crops=False, jobs=2))
    name = next(iter(people(tmp_path / "g")))
    (gone, path), (changed, other) = faces(tmp_path / "g", name)[:2]
    path.unlink()
    other.write_bytes(other.read_bytes() + b"edited")
    details = facekit(
        "gallery", "migrate", tmp_path / "g", "--embedder", "dlib-mirrored", "-o", tmp_path / "new", "--json"
    ).report["details"]
    assert sorted(details["lost"]) == sorted([gone, changed])
    assert details["reasons"] == {"neither its picture nor its photo is there": 2}
    assert people(tmp_path / "new")[name] == people(tmp_path / "g")[name] - 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rename", "{root}", "Nobody", "x"], "nobody in .* is called 'Nobody'.*; see `facekit gallery list"),
        (["rename", "{root}", "only"], "type `facekit gallery rename GALLERY NAME NEW-NAME`"),
        (["list", "{root}", "more"], "type `facekit gallery list GALLERY`"),
        (["deny", "{root}", "none.jpg", "{name}"], "'none.jpg' is neither a photo nor the id of an enrolled face"),
        (["deny", "{root}", "{photo}#9", "{name}"], "shows . faces?; give a number from 1"),
        (["migrate", "{root}", "--embedder", "sface"], "type `facekit gallery migrate GALLERY --embedder"),
        (["merge", "{root}", "{name}", "{name}"], "is one person already"),
        (["list", "{photo}"], "has no gallery|no gallery|cannot be"),
    ],
)
def test_bad_input_is_one_line_and_changes_nothing(
    enrolled: Path, facekit: Facekit, arguments: list[str], message: str
) -> None:
    name = next(iter(people(enrolled)))
    places = {"root": enrolled, "name": name, "photo": faces(enrolled, name)[0][1]}
    before = (enrolled / "gallery.sqlite").read_bytes()
    done = facekit("gallery", *(argument.format(**places) for argument in arguments))
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert re.search(message, done.err)
    assert (enrolled / "gallery.sqlite").read_bytes() == before


def test_output_is_for_migrate_alone() -> None:
    with pytest.raises(FacekitError, match="type `facekit gallery list GALLERY`"):
        Options(action="list", gallery=Path("g"), output=Path("new"))
