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
from facekit.identity.gallery.values import Feedback

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


def said(number: int, right: bool, person: int | None, actual: int | None = None) -> Feedback:
    return Feedback(f"{number:032x}", right, person, actual, 0.625, f"2026-11-0{number}T00:00:00+00:00")


def test_what_was_said_of_answers_goes_with_the_people(gallery: Gallery) -> None:
    first, second, third = (gallery.person(f"p{number}").number for number in range(3))
    generation = gallery.store.generation
    assert gallery.store.feedback() == []
    told = [said(1, True, first), said(2, False, second, first), said(3, False, None, third), said(4, True, None)]
    assert all(gallery.store.note_feedback(one) for one in told)
    assert gallery.store.note_feedback(said(1, False, first))  # what is said last counts
    assert not gallery.store.note_feedback(said(5, True, 99_999))
    with Gallery.open(gallery.shown) as again:
        assert again.store.feedback() == [said(1, False, first), *told[1:]]
        assert again.store.generation == generation  # no index and no threshold depends on it
    gallery.store.merge(second, [first])
    assert gallery.store.feedback()[:2] == [said(1, False, second), said(2, False, second, second)]
    gallery.store.remove([second, third], [])
    assert gallery.store.feedback() == [said(4, True, None)]
    gallery.store.clear(gallery.about)
    assert gallery.store.feedback() == []


def test_who_may_ask_is_kept_beside_the_people(gallery: Gallery) -> None:
    generation = gallery.store.generation
    assert gallery.store.peek() == (generation, None)
    gallery.store.set_access(lambda before: f"{before} and more")
    with Gallery.open(gallery.shown) as again:
        assert (again.store.peek(), again.store.access()) == ((generation, "None and more"), "None and more")


def test_a_person_and_a_face_by_number_and_id(gallery: Gallery) -> None:
    one = gallery.person("p1")
    assert gallery.store.person(one.number) == one
    assert gallery.store.person(99_999) is None
    known = next(iter(gallery.store.faces(one.number)))
    assert gallery.store.face(known.id) == known
    assert gallery.store.face("0" * 16) is None


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
