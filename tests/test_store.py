"""The store of a gallery, in a file and in a database: every change is whole, and two processes are safe."""

from __future__ import annotations

import signal
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
from facekit.identity.gallery import Gallery

HERE = Path(__file__).resolve().parent


@pytest.fixture
def gallery(place: str) -> Iterator[Gallery]:
    with made(place) as opened:
        yield opened


def counts(gallery: Gallery) -> dict[str, int]:
    return {one.name: one.faces for one in gallery.store.people()}


def test_what_was_enrolled_is_there_when_it_is_opened_again(gallery: Gallery) -> None:
    with Gallery.open(gallery.shown) as again:
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


def test_threads_and_a_second_process_write_side_by_side(gallery: Gallery) -> None:
    child = subprocess.Popen([sys.executable, str(HERE / "enrolling.py"), gallery.shown, "other", "20"])
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


def killed(place: str, seconds: float) -> list[str]:
    """Enroll in a process that is killed, and return the names that it acknowledged."""
    command = [sys.executable, str(HERE / "enrolling.py"), place, "k", "100000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        first = child.stdout.readline()
        time.sleep(seconds)
        child.send_signal(signal.SIGKILL)
        rest = child.stdout.read()
    return [line for line in (first + rest).splitlines() if line.endswith(".")]


def check_kills(place: str, rounds: int) -> None:
    rng = np.random.default_rng(0)
    for _ in range(rounds):
        acknowledged = {line.rstrip(".") for line in killed(place, float(rng.uniform(0.0, 0.1)))}
        with Gallery.open(place) as gallery:
            assert gallery.store.check() == []
            found = counts(gallery)
            assert acknowledged <= found.keys()
            assert set(found.values()) == {3}  # nobody is there by halves
            index = gallery.people()
            assert index.faces == 3 * len(found)
            gallery.store.clear(about())


def test_a_kill_loses_nothing_that_was_acknowledged(place: str) -> None:
    check_kills(place, 2)


@pytest.mark.slow
def test_twenty_kills_lose_nothing_that_was_acknowledged(place: str) -> None:
    check_kills(place, 20)
