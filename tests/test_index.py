"""The index of a gallery: it follows the store, is rebuilt where it differs, and the search over it is exact."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from galleries import DIMENSIONS, face, made, people

from facekit.identity.gallery import Gallery, index, scan, search
from facekit.identity.gallery.values import Denials
from facekit.identity.openset.known import KnownFaces
from facekit.runs.known_faces import KnownVectors


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Gallery]:
    with made(tmp_path / "g", count=6, faces=5) as opened:
        yield opened


def state(gallery: Gallery) -> dict[str, object]:
    return dict(json.loads((gallery.folder / "index" / "state.json").read_text()))


def vectors_of(gallery: Gallery) -> dict[str, np.ndarray]:
    found = gallery.people().index
    names = [found.rows.names[number] for number in found.rows.people.tolist()]
    return {name: found.vectors[found.places][[n == name for n in names]] for name in set(names)}


def check_follows(gallery: Gallery) -> None:
    """The index holds what the store does."""
    ours, theirs = index.load(gallery.store, gallery.folder), index.load(gallery.store, None)
    assert np.array_equal(ours.vectors[ours.places], theirs.vectors[theirs.places])
    assert (ours.rows.generation, index.faults(gallery.store, gallery.folder)) == (gallery.store.generation, [])


def test_changes_are_taken_over_without_building_it_again(gallery: Gallery) -> None:
    gallery.people()
    before = state(gallery)["build"]
    gallery.store.enroll({"new": people(1, 3, seed=9)["p0"][:3]})
    gallery.store.enroll({"more": [face("more", np.ones(DIMENSIONS))]})
    check_follows(gallery)
    gallery.store.rename(gallery.person("p1").number, "renamed")
    gallery.store.merge(gallery.person("p2").number, [gallery.person("p3").number])
    gallery.store.remove([gallery.person("p4").number], [])
    check_follows(gallery)
    assert state(gallery)["build"] == before
    assert {name: len(some) for name, some in vectors_of(gallery).items()} == {
        "p0": 5,
        "renamed": 5,
        "p2": 10,
        "p5": 5,
        "more": 1,
    }


def test_past_half_of_removed_rows_it_is_built_again_in_files_of_another_name(gallery: Gallery) -> None:
    old = gallery.people()
    kept = old.index.vectors.copy()
    gallery.store.remove([one.number for one in gallery.store.people()[:4]], [])
    check_follows(gallery)
    assert (state(gallery)["build"], state(gallery)["rows"]) == (2, 10)
    assert np.array_equal(old.index.vectors, kept)  # whoever still reads the old one is not disturbed
    assert sorted(path.name for path in (gallery.folder / "index").iterdir()) == [
        "slots-2.i64",
        "state.json",
        "vectors-2.f32",
    ]


@pytest.mark.parametrize("name", ["vectors-1.f32", "slots-1.i64", "state.json"])
@pytest.mark.parametrize("how", ["bits", "cut", "gone"])
def test_one_that_differs_is_built_again(gallery: Gallery, name: str, how: str) -> None:
    gallery.people()
    file = gallery.folder / "index" / name
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    if how == "gone":
        file.unlink()
    else:
        file.write_bytes(data if how == "bits" else data[:-5])
    check_follows(gallery)


def test_one_of_another_gallery_is_built_again(gallery: Gallery, tmp_path: Path) -> None:
    with made(tmp_path / "other", count=6, faces=5, seed=1) as other:
        other.people()
    (gallery.folder / "index").mkdir(mode=0o700, exist_ok=True)
    for file in (tmp_path / "other" / "index").iterdir():
        text = file.read_bytes().replace(b'"made"', b'"else"')
        (gallery.folder / "index" / file.name).write_bytes(text)
    check_follows(gallery)


def test_where_it_cannot_be_written_it_is_kept_in_memory(gallery: Gallery) -> None:
    (gallery.folder / "index").write_text("in the way")
    assert gallery.people().faces == 30


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_the_search_is_exact_with_few_nominations(tmp_path: Path, metric: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_FIRST", 3)
    monkeypatch.setattr(scan, "_CELLS", 16 * DIMENSIONS)
    monkeypatch.setattr(search, "_PEOPLE", 7)
    with made(tmp_path / "g", count=60, faces=3, metric=metric) as gallery:
        gallery.store.remove([gallery.person("p7").number], [])
        some = gallery.people()
        asked = np.random.default_rng(5).normal(size=(40, DIMENSIONS)).astype(np.float32)
        how = "cosine" if metric == "cosine" else "euclidean"
        held = some.index.vectors[some.index.places]
        classes = np.searchsorted(some.numbers, some.index.rows.people).astype(np.int32)
        every = KnownFaces.of(KnownVectors(held, classes), len(some.numbers), how).similarities(asked)
        least = float(np.quantile(every, 0.9))
        found = some.near(asked, least)
    assert 3 < len(found.people) <= 59
    assert np.allclose(found.similarity.max(axis=1), every.max(axis=1))
    for row in range(len(asked)):  # everybody who is near enough to be named is among them
        assert set(np.flatnonzero(every[row] >= least)) <= set(found.people.tolist())


def test_a_denied_face_counts_against_one_name_only(gallery: Gallery) -> None:
    some = people(6, 5)
    near = (some["p0"][0].vector + some["p0"][1].vector) / 2 + 0.02
    gallery.store.deny(gallery.person("p0").number, face("no", near + 0.001))
    people_now = gallery.people()
    found = people_now.near(np.stack([near, some["p0"][2].vector]), 0.0)
    names = [people_now.names[place] for place in found.people]
    assert found.denied[0].tolist() == [name == "p0" for name in names]
    assert not found.denied[1].any()  # nearer to a face of its own


def test_nobody_is_near_in_an_empty_gallery(gallery: Gallery) -> None:
    gallery.store.remove([one.number for one in gallery.store.people()], [])
    nobody = search.People(
        index.load(gallery.store, None), Denials(np.empty((0, 8), np.float32), np.empty(0)), "cosine"
    )
    assert nobody.near(np.ones((2, DIMENSIONS), np.float32), 0.5).similarity.shape == (2, 0)
