"""Strangers who come back are told from newcomers, who are mistaken for them as often as was asked for."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from facekit.identity.openset.known import KnownFaces
from facekit.identity.openset.newcomers import Newcomers, lazily
from facekit.identity.openset.threshold import Prior
from facekit.runs.known_faces import KnownVectors

RATE, DIMENSIONS = 0.05, 64


def photos(people: int, each: int, seed: int) -> NDArray[np.float32]:
    """Embeddings of so many people, shape (people, each, dimensions): as far apart as those of dlib are."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 0.55 / np.sqrt(DIMENSIONS), (people, 1, DIMENSIONS))
    away = rng.normal(0, 0.28 / np.sqrt(DIMENSIONS), (people, each, DIMENSIONS))
    return np.asarray(centres + away, np.float32)


def gallery(people: int, each: int = 8) -> KnownFaces:
    known = KnownVectors(photos(people, each, 1).reshape(-1, DIMENSIONS), np.repeat(np.arange(people), each))
    return KnownFaces.of(known, people, "euclidean")


@pytest.mark.parametrize("count", [1, 3, 30])
def test_newcomers_are_mistaken_as_often_as_was_asked_for(count: int) -> None:
    threshold = Newcomers(gallery(100), Prior.of("euclidean", 0.6), RATE).threshold(count)
    drawn = photos(4000 // count * (count + 1), 2, 2).reshape(-1, count + 1, 2, DIMENSIONS)
    earlier, newcomer, again = drawn[:, :count, 0], drawn[:, count:, 0], drawn[:, :1, 1]
    mistaken = (1 - np.linalg.norm(earlier - newcomer, axis=2)).max(axis=1) >= threshold
    known_again = 1 - np.linalg.norm(earlier[:, :1] - again, axis=2)[:, 0] >= threshold
    assert RATE / 2 < mistaken.mean() < 2 * RATE
    assert known_again.mean() > 0.95


def test_among_more_one_must_be_nearer() -> None:
    found = Newcomers(gallery(20), Prior.of("euclidean", 0.6), 0.01)
    thresholds = [found.threshold(count) for count in (1, 2, 10, 100, 10_000)]
    assert thresholds == sorted(set(thresholds))


def test_strangers_who_were_given_say_how_alike_they_are() -> None:
    prior, (own, *alike) = Prior.of("euclidean", 0.6), photos(101, 2, 3) / 2
    one = KnownFaces.of(KnownVectors(own, np.zeros(2, np.int32)), 1, "euclidean")
    assert Newcomers(one, prior, 0.01, alike).threshold(1) > Newcomers(one, prior, 0.01).threshold(1) + 0.1


def test_nothing_is_computed_until_somebody_could_come_back() -> None:
    asked: list[int] = []

    def find() -> Newcomers:
        asked.append(1)
        return Newcomers(gallery(2), Prior.of("euclidean", 0.6), 0.01)

    telling = lazily(find)
    assert asked == []
    assert telling(1) < telling(2)
    assert asked == [1]
