"""The store of a gallery: every change is whole, what was removed is gone, and two processes are safe."""

from __future__ import annotations

import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
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


def test_what_was_enrolled_is_there_when_it_is_opened_again(gallery: Gallery) -> None:
    with Gallery.open(gallery.folder) as again:
        assert counts(again) == {"p0": 4, "p1": 4, "p2": 4}
        assert again.about == gallery.about
        ((slots, vectors),) = again.store.vectors()
    wanted = [one.vector for some in people(3, 4).values() for one in some]
    assert slots.tolist() == list(range(12))
    assert np.array_equal(vectors, np.stack(wanted))


def test_a_face_is_enrolled_once(gallery: Gallery) -> None:
    some = people(3, 4)["p1"]
    assert gallery.store.enroll({"p1": some, "P1 ": [face("new", np.ones(8))]}) == 1
    assert counts(gallery) == {"p0": 4, "p1": 5, "p2": 4}


def test_replace_leaves_only_the_new_faces(gallery: Gallery) -> None:
    gallery.store.enroll({"p1": [face("new", np.ones(8))]}, replace=True)
    (only,) = gallery.store.faces(gallery.person("p1").number)
    assert (only.where.path, counts(gallery)) == ("new.jpg", {"p0": 4, "p1": 1, "p2": 4})


def test_rename_finds_a_name_however_it_is_spelled_and_refuses_one_that_is_taken(gallery: Gallery) -> None:
    gallery.store.rename(gallery.person("P0").number, "Zoë")
    assert counts(gallery) == {"p1": 4, "p2": 4, "Zoë": 4}
    assert gallery.person("ZOE\N{COMBINING DIAERESIS}").faces == 4
    with pytest.raises(FacekitError, match="use `gallery merge`"):
        gallery.store.rename(gallery.person("p1").number, "zoë")


@pytest.mark.parametrize("name", ["", "  ", "x" * 1001])
def test_no_name_is_refused(gallery: Gallery, name: str) -> None:
    with pytest.raises(FacekitError, match="is no name"):
        gallery.store.rename(gallery.person("p0").number, name)


def test_merge_takes_faces_and_decisions_along(gallery: Gallery) -> None:
    numbers = {one.name: one.number for one in gallery.store.people()}
    shared = face("shared", np.ones(8))
    for name in ("p0", "p1"):
        gallery.store.deny(numbers[name], shared)
    gallery.store.deny(numbers["p1"], face("only", np.zeros(8)))
    gallery.store.merge(numbers["p0"], [numbers["p1"]])
    assert counts(gallery) == {"p0": 8, "p2": 4}
    assert sorted(one.where.path for one in gallery.store.denied(numbers["p0"])) == ["only.jpg", "shared.jpg"]


def test_whoever_is_removed_leaves_no_trace_in_the_files(gallery: Gallery) -> None:
    blob = people(3, 4)["p1"][0].vector.astype("<f4").tobytes()
    gallery.people()  # the index
    gallery.store.remove([gallery.person("p1").number], [])
    gallery.people()
    gallery.store.close()
    held = [path.read_bytes() for path in gallery.folder.rglob("*") if path.is_file()]
    assert not any(blob in data or b"p1-0" in data for data in held)


def test_single_faces_and_denials_are_removed_by_id(gallery: Gallery) -> None:
    person = gallery.person("p0")
    gallery.store.deny(person.number, face("no", np.ones(8)))
    (denied,) = gallery.store.denied()
    one = next(gallery.store.faces(person.number))
    gallery.store.remove([], [denied.id, one.id])
    assert (counts(gallery)["p0"], list(gallery.store.denied())) == (3, [])
    assert gallery.store.crop(one.id) is None


def test_a_decision_counts_once_and_survives_that_its_number_is_used_again(gallery: Gallery) -> None:
    last = max(gallery.store.people(), key=lambda one: one.number)
    assert gallery.store.deny(last.number, face("no", np.ones(8)))
    assert not gallery.store.deny(last.number, face("no", np.ones(8)))
    gallery.store.remove([last.number], [])
    gallery.store.enroll({"somebody": [face("other", np.zeros(8))]})
    assert gallery.store.deny(gallery.person("somebody").number, face("no", np.ones(8)))


def test_a_change_that_fails_leaves_everything_as_it_was(gallery: Gallery) -> None:
    before = counts(gallery), gallery.store.generation
    with pytest.raises(ValueError, match="shape"):
        gallery.store.enroll({"new": [face("a", np.ones(8)), face("b", np.ones(7))]}, replace=True)
    assert (counts(gallery), gallery.store.generation) == before


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


def test_threads_and_a_second_process_write_side_by_side(gallery: Gallery) -> None:
    child = subprocess.Popen([sys.executable, str(HERE / "enrolling.py"), str(gallery.folder), "other", "20"])
    mine = [
        threading.Thread(target=gallery.store.enroll, args=({f"mine{k}": [face(f"mine-{k}", np.ones(8))]},))
        for k in range(20)
    ]
    for thread in mine:
        thread.start()
    for thread in mine:
        thread.join()
    assert child.wait(60) == 0
    found = counts(gallery)
    assert len(found) == 3 + 20 + 20
    assert (gallery.store.check(), gallery.people().faces) == ([], 52)


def killed(folder: Path, seconds: float) -> list[str]:
    """Enroll in a process that is killed, and return the names that it acknowledged."""
    command = [sys.executable, str(HERE / "enrolling.py"), str(folder), "k", "100000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        first = child.stdout.readline()
        time.sleep(seconds)
        child.send_signal(signal.SIGKILL)
        rest = child.stdout.read()
    return [line for line in (first + rest).splitlines() if line.endswith(".")]


def check_kills(folder: Path, rounds: int) -> None:
    rng = np.random.default_rng(0)
    for _ in range(rounds):
        acknowledged = {line.rstrip(".") for line in killed(folder, float(rng.uniform(0.0, 0.1)))}
        with Gallery.open(folder) as gallery:
            assert gallery.store.check() == []
            found = counts(gallery)
            assert acknowledged <= found.keys()
            assert set(found.values()) == {3}  # nobody is there by halves
            index = gallery.people()
            assert index.faces == 3 * len(found)
            gallery.store.clear(about())


def test_a_kill_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    check_kills(tmp_path / "g", 2)


@pytest.mark.slow
def test_twenty_kills_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    check_kills(tmp_path / "g", 20)
