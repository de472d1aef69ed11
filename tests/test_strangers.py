"""Strangers are numbered, and keep their number when they come back."""

from __future__ import annotations

import numpy as np

from facekit.video import strangers as module
from facekit.video.evidence import Evidence
from facekit.video.strangers import Strangers

NONE = np.empty(0, np.float32)


def seen(number: int, off: float = 0.1, frames: int = 3) -> Evidence:
    """A track of a person, whose embeddings are around a point."""
    evidence, rng = Evidence(), np.random.default_rng([number, frames])
    for _ in range(frames):
        vector = off * rng.normal(size=16) / 4
        vector[number % 16] += 1
        evidence.add(vector.astype(np.float32), NONE, 1.0)
    return evidence


def test_who_comes_back_keeps_their_number() -> None:
    strangers = Strangers("euclidean", lambda people: 0.5)
    assert [strangers.number(seen(who, frames=frames), ()) for who, frames in ((3, 3), (5, 3), (3, 7), (5, 2))] == [
        1, 2, 1, 2,
    ]  # fmt: skip


def test_among_many_one_must_be_nearer_than_among_few() -> None:
    asked: list[int] = []
    strangers = Strangers("euclidean", lambda people: [asked.append(people), 0.5 if people == 1 else 0.99][1])
    assert [strangers.number(seen(who, frames=frames), ()) for who, frames in ((3, 3), (3, 4), (5, 3), (3, 5))] == [
        1, 1, 2, 3,
    ]  # fmt: skip
    assert asked == [1, 1, 2]


def test_two_who_are_there_at_one_time_are_two() -> None:
    strangers = Strangers("euclidean", lambda people: 0.5)
    assert strangers.number(seen(3), ()) == 1
    assert strangers.number(seen(3, frames=4), {1}) == 2


def test_a_look_ahead_changes_nothing() -> None:
    strangers = Strangers("euclidean", lambda people: 0.5)
    assert [strangers.number(seen(3), (), keep=False) for _ in range(2)] == [1, 1]
    assert strangers.number(seen(5), ()) == 1
    assert strangers.number(seen(5, frames=5), (), keep=False) == 1


def test_whoever_could_not_be_embedded_is_somebody_new() -> None:
    strangers = Strangers("cosine", lambda people: 0.5)
    assert [strangers.number(Evidence(), ()) for _ in range(2)] == [1, 2]


def test_a_day_of_strangers_takes_no_more_room() -> None:
    strangers, before = Strangers("euclidean", lambda people: 0.9), module.MOST
    try:
        module.MOST = 10
        for number in range(30):
            far = Evidence()
            far.add(np.eye(40, dtype=np.float32)[number], NONE, 1.0)
            assert strangers.number(far, ()) == number + 1
        assert len(strangers._known) == 10
    finally:
        module.MOST = before
