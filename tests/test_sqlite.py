"""What is special about a gallery in a SQLite file: its rights, its locks, and that nothing stays in it."""

from __future__ import annotations

import resource
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from galleries import about, face, made, people

from facekit.base.contract import FacekitError
from facekit.identity.gallery import Gallery, opening
from facekit.identity.gallery.sqlite import SqliteStore

HERE = Path(__file__).resolve().parent


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Gallery]:
    with made(tmp_path / "g") as opened:
        yield opened


def counts(gallery: Gallery) -> dict[str, int]:
    return {one.name: one.faces for one in gallery.store.people()}


def test_whoever_is_removed_leaves_no_trace_in_the_files(gallery: Gallery) -> None:
    blob = people(3, 4)["p1"][0].vector.astype("<f4").tobytes()
    gallery.people()  # the index
    gallery.store.remove([gallery.person("p1").number], [])
    gallery.people()
    gallery.store.close()
    held = [path.read_bytes() for path in gallery.folder.rglob("*") if path.is_file()]
    assert not any(blob in data or b"p1-0" in data for data in held)


def test_only_the_owner_may_read_it(gallery: Gallery) -> None:
    gallery.people()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [gallery.folder, *gallery.folder.rglob("*")]}
    assert {name: mode for name, mode in modes.items() if mode & 0o077} == {}
    assert opening.FILE in modes


def test_a_gallery_of_an_earlier_mode_is_made_private(gallery: Gallery) -> None:
    (gallery.folder / opening.FILE).chmod(0o644)
    Gallery.open(gallery.folder).store.close()
    assert stat.S_IMODE((gallery.folder / opening.FILE).stat().st_mode) == 0o600


def test_what_was_begun_and_killed_is_begun_again(tmp_path: Path) -> None:
    folder = tmp_path / "g"
    folder.mkdir()
    (folder / opening.FILE).touch()
    with pytest.raises(FacekitError, match="empty gallery"):
        Gallery.open(folder)
    with Gallery.make(folder, about()) as gallery:
        assert gallery.store.people() == []


def test_a_locked_database_is_one_line(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "BUSY_SECONDS", 0.1)
    with sqlite3.connect(gallery.folder / opening.FILE, isolation_level=None) as other:
        other.execute("begin exclusive")
        with Gallery.open(gallery.folder) as second, pytest.raises(FacekitError, match="locked; try again"):
            second.store.rename(second.person("p0").number, "late")
        other.execute("rollback")
    other.close()


def test_a_quota_is_one_line_and_loses_nothing(gallery: Gallery) -> None:
    big = {"big": [face(f"big-{k}", np.ones(8), crop=True) for k in range(3000)]}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((gallery.folder / opening.FILE).stat().st_size + 30_000, limits[1]))
    try:
        with pytest.raises(FacekitError, match="cannot be written .*; nothing of the last step was written, so make"):
            gallery.store.enroll(big)
        assert gallery.people().faces == 12
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert counts(gallery) == {"p0": 4, "p1": 4, "p2": 4}
    assert gallery.store.enroll(big) == 3000
    assert gallery.store.check() == []


def test_a_full_disk_is_one_line_and_loses_nothing(gallery: Gallery) -> None:
    store = gallery.store
    assert isinstance(store, SqliteStore)
    pages = store._connection.execute("pragma page_count").fetchone()[0]
    store._connection.execute(f"pragma max_page_count = {pages}")  # SQLite answers as on a full disk
    big = {"big": [face(f"big-{k}", np.ones(8), crop=True) for k in range(500)]}
    with pytest.raises(FacekitError, match="is full; nothing of the last step was written"):
        store.enroll(big)
    assert counts(gallery) == {"p0": 4, "p1": 4, "p2": 4}
    assert store.check() == []


NAMES = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); print(*c.execute('select name from people'))"


def test_opening_it_twice_in_one_process_keeps_its_locks(gallery: Gallery) -> None:
    """Another process that leaves must see that somebody is here: it would remove the log of changes otherwise."""

    def another() -> str:
        command = [sys.executable, "-S", "-c", f"{NAMES}; c.close()", str(gallery.folder / opening.FILE)]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    Gallery.open(gallery.folder).store.close()
    assert "p0" in another()
    assert (gallery.folder / f"{opening.FILE}-wal").exists()
    gallery.store.rename(gallery.person("p0").number, "renamed")
    assert "renamed" in another()
    Gallery.open(gallery.folder).store.close()
