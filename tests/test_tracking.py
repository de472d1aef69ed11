"""Faces of successive frames are linked by where they are and how alike they are."""

from __future__ import annotations

import numpy as np
import pytest

from facekit.base.contract import Box
from facekit.video.tracking import Likeness, Sighting, Tracker, quality

LIKE = Likeness("euclidean", 0.6)
NONE = np.empty(0, np.float32)


def who(number: int, off: float = 0.0) -> np.ndarray:
    """The embedding of a person, a little off."""
    vector = np.zeros(8, np.float32)
    vector[number] = 1.0
    vector[7] = off
    return vector


def sighting(x: int, vector: np.ndarray | None, side: int = 40, y: int = 50) -> Sighting:
    return Sighting(Box(x, y, side, side), vector, NONE, 1.0)


def numbers(tracker: Tracker, frames: list[list[Sighting]], step: float = 0.2) -> list[list[int]]:
    """The numbers of the tracks of each frame's faces."""
    return [[track.number for track in tracker.update(place * step, seen)[0]] for place, seen in enumerate(frames)]


def test_a_face_that_walks_is_one_track() -> None:
    frames = [[sighting(10 + 15 * place, who(0, 0.1 * (place % 2)))] for place in range(12)]
    assert numbers(Tracker(LIKE, 1.0), frames) == [[1]] * 12


def test_two_who_cross_keep_their_tracks() -> None:
    left = [sighting(10 + 20 * place, who(0)) for place in range(10)]
    right = [sighting(190 - 20 * place, who(1)) for place in range(10)]
    # Where both are in one place, the detector sees one of them.
    frames = [[a, b] if abs(a.box.x - b.box.x) > 30 else [b] for a, b in zip(left, right, strict=True)]
    assert [len(frame) for frame in frames].count(1) == 2
    found = numbers(Tracker(LIKE, 1.0), frames)
    assert all(pair == ([1, 2] if len(pair) == 2 else [2]) for pair in found)


def test_boxes_alone_do_where_nothing_embeds_faces() -> None:
    frames = [[sighting(10 + 8 * place, NONE), sighting(200 - 8 * place, NONE)] for place in range(8)]
    assert numbers(Tracker(None, 1.0), frames) == [[1, 2]] * 8


def test_a_cut_to_somebody_else_in_the_same_place_is_another_track() -> None:
    frames = [[sighting(50, who(0))]] * 3 + [[sighting(50, who(1))]] * 3
    assert numbers(Tracker(LIKE, 1.0), frames) == [[1]] * 3 + [[2]] * 3


def test_who_moves_fast_is_found_again_by_their_face() -> None:
    frames = [[sighting(10, who(0))], [sighting(75, who(0))], [sighting(140, who(0))]]
    assert numbers(Tracker(LIKE, 1.0), frames) == [[1]] * 3
    far = [[sighting(10, who(0))], [sighting(600, who(0))]]  # nobody crosses a room in a fifth of a second
    assert numbers(Tracker(LIKE, 1.0), far) == [[1], [2]]


def test_a_face_that_cannot_be_aligned_stays_in_its_track() -> None:
    frames = [[sighting(50, who(0))], [sighting(54, None)], [sighting(58, who(0))]]
    tracker = Tracker(LIKE, 1.0)
    assert numbers(tracker, frames) == [[1]] * 3
    (track,) = tracker.close()
    assert (track.frames, len(track.evidence)) == (3, 2)


def test_a_track_ends_when_its_face_has_gone_for_long_enough() -> None:
    tracker = Tracker(LIKE, patience=1.0)
    tracker.update(0.0, [sighting(50, who(0))])
    assert tracker.update(0.9, []) == ([], [])
    (track,), ended = tracker.update(1.0, [sighting(52, who(0))])
    assert (track.number, ended) == (1, [])
    _, (gone,) = tracker.update(2.1, [])
    assert (gone.number, gone.start, gone.last, gone.frames) == (1, 0.0, 1.0, 2)
    assert tracker.close() == []


def test_a_good_picture_counts_more_than_a_bad_one() -> None:
    rng = np.random.default_rng(0)
    sharp = np.kron(rng.integers(0, 255, (16, 16, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    blurred = np.kron(rng.integers(0, 255, (2, 2, 3)), np.ones((64, 64, 1))).astype(np.uint8)
    small, flat = sharp[::4, ::4], (sharp * 0.1).astype(np.uint8)
    best = quality(sharp)
    assert 0.5 < best <= 1
    for worse in (blurred, small, flat):
        assert 0 < quality(worse) < 0.6 * best


@pytest.mark.parametrize("likeness", [LIKE, None])
def test_no_face_at_all(likeness: Likeness | None) -> None:
    tracker = Tracker(likeness, 1.0)
    assert tracker.update(0.0, []) == ([], [])
    assert tracker.close() == []
