"""The population stability index: what is known of it, and what chance alone gives."""

from __future__ import annotations

import numpy as np
import pytest

from facekit.scores.stability import Sample, between_days, between_people, exceeds, psi, shift

EVEN = np.full(10, 0.1)
DARKER = np.diff(np.linspace(0, 1, 11) ** 0.6)


def drawn(rng: np.random.Generator, count: int, shares: np.ndarray = EVEN) -> Sample:
    return Sample(rng.multinomial(count, shares))


def test_the_index_is_the_textbooks() -> None:
    now, then = np.array([3000, 7000]), np.array([5000, 5000])
    assert psi(now, then) == pytest.approx(-0.2 * np.log(0.6) + 0.2 * np.log(1.4), abs=1e-3)
    assert psi(then, then) == 0
    assert psi(np.array([0, 10]), np.array([10, 0])) < 10  # an empty bin is no infinite change


def test_the_interval_misses_the_true_index_as_often_as_it_says() -> None:
    rng, truth = np.random.default_rng(1), float(((DARKER - EVEN) * np.log(DARKER / EVEN)).sum())
    found = [shift(drawn(rng, 300, DARKER), drawn(rng, 400)) for _ in range(200)]
    assert np.mean([one.low > truth or one.high < truth for one in found]) < 0.1
    assert np.mean([one.low > 0 for one in found]) > 0.9
    assert all(one.low <= one.high for one in found)


def test_ten_pictures_raise_no_alarm_and_without_a_change_few_do() -> None:
    rng = np.random.default_rng(2)
    few = [shift(drawn(rng, 10, DARKER), drawn(rng, 300)) for _ in range(50)]
    assert not any(one.low > 0.1 for one in few)
    assert np.mean([shift(drawn(rng, 200), drawn(rng, 300), 0.1).low > 0 for _ in range(200)]) < 0.1


def test_exceeds_says_what_the_end_of_the_interval_says() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        now, then = drawn(rng, 200, DARKER), drawn(rng, 300)
        assert exceeds(now, then, 0.1, 0.01) == (shift(now, then, 0.02).low >= 0.1)


def test_it_says_which_way_values_moved() -> None:
    low, high = np.array([90, 5, 5]), np.array([5, 5, 90])
    assert shift(Sample(low), Sample(high)).moved < -0.5
    assert shift(Sample(high), Sample(low)).moved > 0.5


def test_pictures_of_a_person_that_are_all_alike_count_once() -> None:
    rng = np.random.default_rng(4)
    alike = np.stack([20 * np.eye(10, dtype=int)[rng.integers(10)] for _ in range(60)])
    unlike = rng.multinomial(20, EVEN, size=60)
    assert between_people(alike) == pytest.approx(20, rel=0.2)
    assert between_people(unlike) == pytest.approx(1, abs=0.3)
    assert between_people(unlike[:1]) == 20  # nothing is known of how people differ


def test_days_that_differ_from_one_another_say_less_and_a_change_among_them_little() -> None:
    rng = np.random.default_rng(5)
    quiet = [rng.multinomial(200, EVEN) for _ in range(20)]
    restless = [10 * rng.multinomial(20, EVEN) for _ in range(20)]
    assert between_days([]) == between_days(quiet[:1]) == 2
    assert between_days(quiet) < 1.5 < 5 < between_days(restless)
    changed = [*quiet[:10], *(rng.multinomial(200, DARKER) for _ in range(10))]
    assert between_days(changed) < 1.7
