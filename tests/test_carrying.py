"""The proof: a person in more than twelve kinds of places is gone from all, also after kills, and stays away."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, manifest
from plainengine import ENGINES
from plainweb import Plain, many
from planting import Planted, alike, holds_vector, plant, traces

from facekit import runs
from facekit.base import plugins
from facekit.commands.forget import forget
from facekit.commands.scrape import scrape
from facekit.commands.train import train
from facekit.dataset.tombstones import FORGOTTEN
from facekit.identity.gallery import Gallery, NewFace
from facekit.identity.gallery.values import Where
from facekit.options.forget import Forget
from facekit.options.scrape import Scrape
from facekit.options.train import Train
from facekit.removal.kinds import registry
from facekit.runs.head import Head
from facekit.world.web import Web, serve

faces = pytest.mark.skipif(not plugins.installed("onnxruntime"), reason="the extra `faces` is not installed")


@pytest.fixture(autouse=True)
def _own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list and a cache of each test's own."""
    monkeypatch.setenv("FACEKIT_FORGOTTEN", str(tmp_path / "own" / "forgotten.jsonl"))
    monkeypatch.setenv("FACEKIT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def planted(drawn_photos: Path, drawn_faces: Path, even: Path, enrolled: Path, tmp_path: Path) -> Planted:
    return plant(tmp_path / "all", drawn_photos, drawn_faces, even, enrolled)


@faces
def test_nothing_is_left_of_a_person_anywhere(planted: Planted) -> None:
    before = traces(planted)
    assert {one.rpartition(": ")[2] for one in before} >= {
        *("a picture", "the name", "its name", "an address", "the hash of a picture", "an embedding"),
    }
    assert len({one.rpartition(": ")[0] for one in before}) > 60
    report = forget(Forget(names=[planted.name], in_=planted.roots, output=planted.root / "receipts", jobs=1))
    kinds = {one["what"] for one in report.details["places"]}
    assert kinds == set(registry.BY_NAME) - {"exported model", "unpacked archives", "copies of object storage"}
    assert len(report.details["places"]) >= 18
    assert traces(planted) == []
    _others_are_as_before(planted)


def _others_are_as_before(planted: Planted) -> None:
    """What is left works: the gallery names the others, and the head was fitted again without the person."""
    root = planted.root
    with Gallery.open(root / "gallery") as gallery:
        assert len(gallery.store.people()) == 2
        assert gallery.store.check() == []
        assert gallery.store.promise() is None  # that was found with the person
    run = runs.load(root / "models" / "head")
    assert len(run.labels) == 2
    assert {record.label for record in run.split} == set(run.labels)
    assert run.info.forgotten is None
    train(Train(input=root / "data" / "even", output=root / "fresh", backbone="dlib", jobs=1))
    heads = [Head.read(folder / "head.npz", 128, 2) for folder in (run.folder, root / "fresh")]
    np.testing.assert_allclose(heads[0].weights, heads[1].weights, atol=1e-5)
    assert run.info.dataset.digest == runs.load(root / "fresh").info.dataset.digest
    assert not (root / "models" / "begun").exists()
    assert {one["label"] for one in manifest(root / "data" / "photos")} == set(run.labels)
    assert len(manifest(root / "data" / "again")) == 2


@faces
@pytest.mark.slow
def test_twenty_kills_in_a_row_change_nothing_of_the_end(planted: Planted) -> None:
    words = ["forget", planted.name, *(word for root in planted.roots for word in ("--in", root))]
    words += ["-o", str(planted.root / "receipts"), "-j", "1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert alike(planted) != []
    kills = 0
    while kills < 20:
        killed = [sys.executable, str(ROOT / "tests" / "killing.py"), "1", "SIGKILL", *words]
        ended = subprocess.run(killed, capture_output=True, env=environment, check=False)
        assert ended.returncode in (-9, 0), ended.stderr.decode()
        if ended.returncode == 0:
            break
        kills += 1
    assert kills >= 18  # one in each place, after which the next begins
    done = subprocess.run([sys.executable, "-m", "facekit", *words], capture_output=True, env=environment, check=False)
    assert done.returncode == 0 or b"nobody in" in done.stderr, done.stderr.decode()
    assert traces(planted) == []
    assert alike(planted) == []
    _others_are_as_before(planted)
    (receipt,) = (planted.root / "receipts").glob("*.json")
    said = json.loads(receipt.read_text())
    assert {one["sha256"] for one in said["pictures"]} >= planted.hashes
    assert len(said["places"]) >= 18


@faces
@pytest.mark.parametrize("where", ["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def test_a_gallery_keeps_nothing_of_a_person_under_any_heading(
    enrolled: Path, tmp_path: Path, where: str, request: pytest.FixtureRequest
) -> None:
    """The same face as a stranger, as a denial, and once more under another name."""
    place = str(tmp_path / "g") if where == "sqlite" else request.getfixturevalue("postgres").address()
    with Gallery.open(enrolled) as source, Gallery.make(place, source.about) as gallery:
        people = {}
        for person in source.store.people():
            own = list(source.store.faces(person.number))
            vectors = [source.store.vector(face.id) for face in own]
            people[person.name] = [
                NewFace(face.where, vector) for face, vector in zip(own, vectors, strict=True) if vector is not None
            ]
        name, other, *_ = sorted(people)
        first = people[name][0]
        gallery.store.enroll(people)
        gallery.store.enroll({other: [NewFace(Where("x/y.jpg", "a" * 64), first.vector)]})
        gallery.store.set_strangers([("somebody", NewFace(Where("x/z.jpg", "b" * 64), first.vector))])
        gallery.store.deny(gallery.person(other).number, first)
        gallery.people()
        gallery.promise()
        before = gallery.person(other).faces
    forget(Forget(names=[name.upper()], in_=[place], output=tmp_path / "receipts", jobs=1))
    with Gallery.open(place) as gallery:
        assert {person.name for person in gallery.store.people()} == people.keys() - {name}
        assert gallery.person(other).faces == before - 1
        assert gallery.person(other).denied == 0
        assert len(gallery.store.strangers().who) == 0
        assert gallery.store.check() == []
        assert len(gallery.people().index.rows.slots) == sum(map(len, people.values())) - len(people[name])
    vectors = np.stack([face.vector for face in people[name]])
    files = [file for file in tmp_path.rglob("*") if file.is_file() and file.parent.name in ("g", "index")]
    assert where == "postgres" or len(files) >= 4
    assert [file for file in files if holds_vector(file.read_bytes(), vectors)] == []


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setitem(plugins.PARTS, "engine", {**plugins.PARTS["engine"], **ENGINES})
    names = {"more Ada": many("ada", 4), "more Bob": [*many("bob", 3), "/mirror/ada-1.jpg"]}
    with serve(Plain(names)) as one:
        yield one


def test_pictures_that_were_removed_are_not_fetched_and_not_kept_again(
    web: Web, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def scraped(folder: str) -> Any:
        values = {"output": tmp_path / folder, "per_name": 8, "base_url": web.base_url, "bots": 1, "engine": "plain"}
        return scrape(Scrape(names=["Ada", "Bob"], **values))

    assert scraped("raw").kept == 8
    forget(Forget(names=["Ada"], in_=[str(tmp_path / "raw")], output=tmp_path / "receipts", jobs=1))
    assert len(manifest(tmp_path / "raw")) == 3  # the picture that stood under both names goes from both
    before = web.requests.copy()
    report = scraped("new")
    asked = {path.rpartition("/")[2] for path in web.requests - before if path.endswith(".jpg")}
    assert report.kept == 3
    assert report.left[FORGOTTEN] == 5
    assert "Ada: removed with `facekit forget` before" in caplog.text
    assert asked == {"bob-0.jpg", "bob-1.jpg", "bob-2.jpg"}
    assert not any(b"ada-" in file.read_bytes() for file in (tmp_path / "new").rglob("*") if file.is_file())


def test_the_same_bytes_at_another_address_are_fetched_once_and_never_kept(web: Web, tmp_path: Path) -> None:
    def scraped(*names: str) -> Any:
        values = {"per_name": 8, "base_url": web.base_url, "bots": 1, "engine": "plain"}
        return scrape(Scrape(names=list(names), output=tmp_path / "-".join(names), **values))

    scraped("Ada")
    forget(Forget(names=["Ada"], in_=[str(tmp_path)], output=tmp_path / "receipts", jobs=1))
    assert scraped("Bob").kept == 3
    assert not any(b"mirror" in file.read_bytes() for file in (tmp_path / "Bob").rglob("*") if file.is_file())
    before = web.requests.copy()
    again = scrape(
        Scrape(names=["Bob"], output=tmp_path / "again", per_name=8, base_url=web.base_url, bots=1, engine="plain")
    )
    assert (again.kept, again.left[FORGOTTEN]) == (3, 1)
    assert not any("mirror" in path for path in web.requests - before)
