"""The faces of one picture are named together: nobody twice, whatever their order, with `unknown` as a way out."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from galleries import DIMENSIONS, about, face

from facekit.identity.gallery import Gallery, Identity
from facekit.identity.gallery.naming import Namer, Track

POINTS = {"Ada": 0, "Ben": 1, "Cleo": 2}


def point(axis: int, *, off: float = 0.0, towards: int | None = None) -> np.ndarray:
    found = np.zeros(DIMENSIONS, np.float32)
    found[axis] = 1.0
    if towards is not None:
        found[towards] += off
    return found


@pytest.fixture
def namer(tmp_path: Path) -> Namer:
    with Gallery.make(tmp_path / "g", about(fpir=0.1)) as gallery:
        gallery.store.enroll({name: [face(name, point(axis))] for name, axis in POINTS.items()})
        found = gallery.namer()
    return Namer(found.people, found.promise, 0.5, 0.1)


def names(identities: list[Identity]) -> list[str | None]:
    return [one.name for one in identities]


def test_one_name_goes_to_the_nearer_of_two_faces(namer: Namer) -> None:
    near, nearer = point(0, off=0.3, towards=5), point(0, off=0.1, towards=6)
    assert names(namer.name(np.stack([near, nearer]))) == [None, "Ada"]
    assert names(Namer(namer.people, namer.promise, 0.5, 0.1, repeats=True).name(np.stack([near, nearer]))) == [
        "Ada",
        "Ada",
    ]


def test_the_order_of_the_faces_does_not_matter(namer: Namer) -> None:
    some = [point(0, off=0.1, towards=5), point(0, off=0.3, towards=6), point(1), point(7)]
    wanted = ["Ada", None, "Ben", None]
    for order in permutations(range(4)):
        assert names(namer.name(np.stack([some[place] for place in order]))) == [wanted[place] for place in order]


def test_names_are_given_so_that_the_whole_photo_fits_best(namer: Namer) -> None:
    """The first face is a little nearer to Ada than the second, which can be nobody else; it is Ben as well."""
    between = np.zeros(DIMENSIONS, np.float32)
    between[0], between[1] = 0.72, 0.69
    only = point(0, off=0.45, towards=4)
    namer = Namer(namer.people, namer.promise, 0.2, 0.1)
    one = namer.name(between[None])
    both = namer.name(np.stack([between, only]))
    assert names(one) == ["Ada"]
    assert names(both) == ["Ben", "Ada"]


def test_a_stranger_gets_no_name_and_the_nearest_people(namer: Namer) -> None:
    (found,) = namer.name(point(7)[None])
    assert found.name is None
    assert found.similarity == found.nearest[0].similarity
    assert {one.name for one in found.nearest} == set(POINTS)


def test_a_denied_name_gives_way_to_the_next_one(tmp_path: Path) -> None:
    between = np.zeros(DIMENSIONS, np.float32)
    between[0], between[1] = 0.72, 0.69
    with Gallery.make(tmp_path / "g", about(fpir=0.1)) as gallery:
        gallery.store.enroll({name: [face(name, point(axis))] for name, axis in POINTS.items()})
        gallery.store.deny(gallery.person("Ada").number, face("no", between))
        found = gallery.namer()
    (answer,) = Namer(found.people, found.promise, 0.2, 0.1).name(between[None])
    assert answer.name == "Ben"
    assert [(one.name, one.denied) for one in answer.nearest[:2]] == [("Ada", True), ("Ben", False)]


def test_a_face_without_an_embedding_is_nobody(namer: Namer) -> None:
    (first, second) = namer.name(np.stack([np.full(DIMENSIONS, np.nan, np.float32), point(1)]))
    assert (first.name, first.similarity, first.nearest) == (None, None, ())
    assert second.name == "Ben"


def test_no_faces_and_nobody(namer: Namer) -> None:
    assert namer.name(np.empty((0, DIMENSIONS), np.float32)) == []


def track(*vectors: np.ndarray, weights: tuple[float, ...] = ()) -> Track:
    share = np.array(weights or [1 / len(vectors)] * len(vectors))
    return Track(np.stack(vectors), share)


def test_a_track_is_named_by_all_its_frames(namer: Namer) -> None:
    ada, ben = point(0, off=0.2, towards=5), point(1, off=0.2, towards=5)
    named = namer.name_tracks([track(ada, ada, ben, weights=(0.2, 0.2, 0.6))], [()])
    assert names(named) == [None]  # neither is near in the mean of the frames
    assert names(namer.name_tracks([track(ada, ada, ben, weights=(0.45, 0.5, 0.05))], [()])) == ["Ada"]


def test_the_similarity_of_a_track_is_the_mean_of_its_frames(namer: Namer) -> None:
    left, right = point(0, off=0.4, towards=5), point(0, off=0.4, towards=6)
    alone = [one.similarity for one in (namer.name(vector[None])[0] for vector in (left, right))]
    (together,) = namer.name_tracks([track(left, right)], [()])
    assert together.similarity == pytest.approx(np.mean(alone), abs=1e-3)  # the mean of the two would be nearer


def test_tracks_of_one_time_share_no_name(namer: Namer) -> None:
    near, nearer = track(point(0, off=0.3, towards=5)), track(point(0, off=0.1, towards=6))
    assert names(namer.name_tracks([near, nearer], [(), ()])) == [None, "Ada"]
    assert names(namer.name_tracks([near, nearer], [(), {"Ada"}])) == ["Ada", None]
    assert names(namer.name_tracks([nearer], [{"Ada"}])) == [None]
    repeats = Namer(namer.people, namer.promise, 0.5, 0.1, repeats=True)
    assert names(repeats.name_tracks([near, nearer], [(), {"Ada"}])) == ["Ada", "Ada"]


def test_a_track_without_an_embedding_is_nobody(namer: Namer) -> None:
    empty = Track(np.empty((0, 0), np.float32), np.empty(0))
    assert names(namer.name_tracks([empty, track(point(1))], [(), ()])) == [None, "Ben"]
    assert namer.name_tracks([], []) == []
