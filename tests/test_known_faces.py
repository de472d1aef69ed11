"""The known faces of a model on disk: for their owner alone, and harmless where a stranger wrote them."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from facekit.base.contract import FacekitError
from facekit.runs.known_faces import KnownVectors

SHAPE = (3, 4, 2)
"""Faces, dimensions, names."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "gallery.npz"
    KnownVectors(np.arange(12, dtype=np.float32).reshape(3, 4), np.array([0, 1, 1], np.int32)).write(path)
    return path


def test_it_comes_back_as_it_was_and_only_its_owner_may_read_it(file: Path) -> None:
    gallery = KnownVectors.read(file, *SHAPE)
    assert gallery.vectors.tolist() == np.arange(12).reshape(3, 4).tolist()
    assert gallery.classes.tolist() == [0, 1, 1]
    assert file.stat().st_mode & 0o777 == 0o600


def _write(file: Path, **arrays: np.ndarray) -> None:
    good = {"vectors": np.zeros((3, 4), "<f4"), "classes": np.zeros(3, "<i4")}
    np.savez(file, **{**good, **arrays})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"vectors": np.zeros((3, 5), "<f4")}, "does not match its model.json"),
        ({"vectors": np.zeros((1 << 20, 4), "<f4")}, "more than the"),
        ({"vectors": np.zeros((3, 4), "<f8")}, "is not a gallery that facekit wrote"),
        ({"vectors": np.full((3, 4), np.nan, "<f4")}, "holds numbers that are not finite"),
        ({"vectors": np.full((3, 4), np.inf, "<f4")}, "holds numbers that are not finite"),
        ({"classes": np.full(3, 2, "<i4")}, "has faces of names that the model does not know"),
        ({"classes": np.full(3, -1, "<i4")}, "has faces of names that the model does not know"),
        ({"classes": np.zeros(2, "<i4")}, "does not match its model.json"),
        ({"classes": np.zeros(3, "<f4")}, "is not a gallery that facekit wrote"),
    ],
)
def test_what_a_stranger_wrote_is_refused_in_a_line(file: Path, arrays: dict[str, np.ndarray], message: str) -> None:
    _write(file, **arrays)
    with pytest.raises(FacekitError) as caught:
        KnownVectors.read(file, *SHAPE)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("ran"),)  # type: ignore[return-value]


def test_no_code_is_run(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez(file, vectors=np.array([Evil()], dtype=object), classes=np.zeros(3, "<i4"))
    with pytest.raises(FacekitError, match="is not a gallery that facekit wrote"):
        KnownVectors.read(file, *SHAPE)
    file.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(FacekitError, match="is not a gallery that facekit wrote"):
        KnownVectors.read(file, *SHAPE)
    assert not (tmp_path / "ran").exists()


def test_a_file_that_unpacks_to_more_than_it_holds_is_refused(file: Path) -> None:
    with zipfile.ZipFile(file) as held:
        parts = {name: held.read(name) for name in held.namelist()}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as held:
        for name, data in parts.items():
            held.writestr(name, data)
    with pytest.raises(FacekitError, match="vectors is compressed"):
        KnownVectors.read(file, *SHAPE)


def test_a_link_and_a_missing_file_are_refused(file: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    outside = file.rename(tmp_path / "other" / "gallery.npz")
    with pytest.raises(FacekitError, match=r"gallery.npz is gone; train again with --overwrite$"):
        KnownVectors.read(file, *SHAPE)
    (tmp_path / "run").mkdir()
    link = tmp_path / "run" / "gallery.npz"
    link.symlink_to(outside)
    with pytest.raises(FacekitError, match="is a link out of its folder"):
        KnownVectors.read(link, *SHAPE)
