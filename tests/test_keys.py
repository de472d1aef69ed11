"""`facekit keys`, and what is kept of a key."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from conftest import Facekit

from facekit.serving.keys import FILE, Access, Key, RunKeys, allows, create, revoke
from facekit.serving.targets import keys_of

pytest.importorskip("onnxruntime", reason="the extra `faces` is not installed")


@pytest.fixture
def gallery(enrolled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(enrolled, tmp_path / "gallery"))


def test_a_key_is_shown_once_listed_and_revoked(gallery: Path, facekit: Facekit) -> None:
    given = facekit("keys", "create", gallery, "--scope", "write", "--name", "door").out.strip()
    number = given.split("_")[1]
    listed = facekit("keys", "list", gallery)
    assert number in listed.out
    assert "door" in listed.out
    assert given not in listed.out
    held = b"".join(file.read_bytes() for file in gallery.rglob("*") if file.is_file())
    assert given.encode() not in held  # its hash alone is kept
    assert number.encode() in held
    assert facekit("keys", "revoke", gallery, "00000000").code == 2
    assert facekit("keys", "revoke", gallery, number).out == f"revoked: {number}\n"
    assert "no keys yet" in facekit("keys", "list", gallery).out


@pytest.mark.parametrize("words", [("list", "G", "x"), ("revoke", "G"), ("create", "G", "--name", "a\nb")])
def test_what_makes_no_sense(gallery: Path, words: tuple[str, ...], facekit: Facekit) -> None:
    done = facekit("keys", *(str(gallery) if word == "G" else word for word in words))
    assert (done.code, done.err.count("\n")) == (2, 1)


def test_the_keys_of_a_folder_that_is_neither(tmp_path: Path, facekit: Facekit) -> None:
    done = facekit("keys", "list", tmp_path)
    assert done.code == 2
    assert "neither a gallery nor a trained run" in done.err


def test_scopes_include_those_before(tmp_path: Path) -> None:
    read, admin = (Key("1", "", scope, "") for scope in ("read", "admin"))
    assert [allows(read, scope) for scope in ("read", "write", "admin")] == [True, False, False]
    assert [allows(admin, scope) for scope in ("read", "write", "admin")] == [True, True, True]


def test_the_keys_of_a_run_are_in_a_file_for_its_owner_alone(tmp_path: Path) -> None:
    kept = RunKeys(tmp_path)
    given, key = create(kept, "read", "x")
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert RunKeys(tmp_path).access().holder(given) == key
    assert kept.access().holder(given[:-1] + "~") is None
    assert [one.id for one in revoke(kept, [key.id])] == [key.id]
    assert RunKeys(tmp_path).access() == Access()


def test_both_kinds_of_store_keep_keys(place: str, drawn_photos: Path) -> None:
    from facekit.identity.gallery import Gallery
    from facekit.identity.gallery.gallery import about
    from facekit.options.crop import CarriedCrop

    with Gallery.make(place, about("dlib", CarriedCrop(detect=False), 0.01)) as gallery:
        before = gallery.store.generation
    with keys_of(place) as kept:
        given, key = create(kept, "admin", "x")
    with keys_of(place) as kept:
        assert kept.access().holder(given) == key
    with Gallery.open(place) as gallery:
        assert gallery.store.peek() == (before, gallery.store.access())
