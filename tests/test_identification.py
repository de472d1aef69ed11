"""Scores among strangers: rates, the curve, intervals over people."""

from __future__ import annotations

import numpy as np
import pytest

from facekit.report import model_charts
from facekit.scores.identification import Identification, Searches, curve, identification, intervals, rates


def searches(similarity: list[float], right: bool | list[bool], people: str) -> Searches:
    flags = [right] * len(similarity) if isinstance(right, bool) else right
    return Searches(np.array(similarity), np.array(flags), list(people))


KNOWN = searches([0.9, 0.8, 0.7, 0.6], [True, True, False, True], "aabb")
STRANGERS = searches([0.75, 0.5, 0.4, -np.inf], False, "wxyz")


def test_rates_at_a_threshold() -> None:
    at = rates(KNOWN, STRANGERS, 0.7)
    assert (at.fpir, at.tpir) == (0.25, 0.5), "of 4 strangers one; of 4 known 2, as one is near and misnamed"
    assert rates(KNOWN, STRANGERS, 0.75).fpir == 0.25, "a similarity as high as the threshold is named"
    assert rates(KNOWN, STRANGERS, 0.76).fpir == 0


def test_the_curve_has_each_rate_of_strangers_and_ends_without_any() -> None:
    points = curve(KNOWN, STRANGERS)
    assert [(point.fpir, point.tpir) for point in points] == [(0.75, 0.75), (0.5, 0.75), (0.25, 0.5), (0, 0.5)]
    for point in points:
        at = rates(KNOWN, STRANGERS, point.threshold)
        assert (at.fpir, at.tpir) == (point.fpir, point.tpir)


def test_without_a_stranger_who_is_near_anybody_there_is_one_point() -> None:
    nobody = searches([-np.inf, -np.inf], False, "xy")
    assert [(point.fpir, point.tpir) for point in curve(KNOWN, nobody)] == [(0, 0.75)]


def test_intervals_draw_whole_people() -> None:
    rng = np.random.default_rng(0)
    people = [f"p{number}" for number in range(40) for _ in range(25)]
    near = np.repeat(rng.random(40) < 0.25, 25)  # all faces of a person alike: 40 observations, not 1000
    strangers = Searches(np.where(near, 0.9, 0.1), np.zeros(1000, bool), people)
    ends = intervals(KNOWN, strangers, 0.5, rounds=300)
    share = near.mean()
    assert ends.fpir is not None
    assert ends.fpir.low < share < ends.fpir.high
    assert 0.2 < ends.fpir.high - ends.fpir.low < 0.4
    assert intervals(KNOWN, strangers, 0.5, rounds=0).fpir is None


def test_of_no_error_the_interval_is_what_so_many_people_leave_open() -> None:
    strangers = Searches(np.zeros(100), np.zeros(100, bool), [f"p{number}" for number in range(100)])
    ends = intervals(KNOWN, strangers, 0.5, rounds=100).fpir
    assert ends is not None
    assert ends.low == 0
    assert ends.high == pytest.approx(0.036, abs=0.002)


def test_a_report_names_only_rates_that_so_many_strangers_can_tell() -> None:
    rng = np.random.default_rng(1)
    known = Searches(rng.normal(0.7, 0.1, 500), np.ones(500, bool), list(range(500)))
    strangers = Searches(rng.normal(0.3, 0.1, 150), np.zeros(150, bool), list(range(150)))
    scores = identification(known, strangers, 0.5, 0.01, "others", 42, rounds=50)
    assert [round(point.fpir, 2) for point in scores.at] == [0.01, 0.1]
    assert (scores.known, scores.known_people, scores.strangers, scores.stranger_people) == (500, 500, 150, 150)
    many = Searches(rng.normal(0.3, 0.1, 5000), np.zeros(5000, bool), list(range(5000)))
    points = identification(known, many, 0.5, 0.01, "others", 42, rounds=0).curve
    assert 50 < len(points) <= 202
    assert points[0].fpir == 1
    assert points[-1].fpir == 0
    assert all(a.fpir > b.fpir and a.tpir >= b.tpir for a, b in zip(points, points[1:], strict=False))


def test_a_report_says_how_each_interval_was_found_and_what_a_rate_was_measured_at() -> None:
    def of(known: Searches, strangers: Searches, threshold: float) -> Identification:
        return identification(known, strangers, threshold, 0.01, "others", 4, rounds=20)

    strangers = Searches(np.linspace(0.2, 0.5, 43), np.zeros(43, bool), list(range(43)))
    exact = "exact for as many people without an error (Clopper and Pearson)"
    one = of(KNOWN, strangers, 0.6)
    assert (one.rates.fpir, one.how) == (0, f"that of the TPIR by bootstrap over people, that of the FPIR {exact}")
    assert of(KNOWN, strangers, 0.4).how == "by bootstrap over people"
    assert of(searches([0.9, 0.8], True, "ab"), strangers, 0.6).how == exact
    ((rate, point),) = one.reached
    assert (rate, point.fpir) == (0.1, pytest.approx(4 / 43)), "the nearest that 43 faces can tell, and not above it"


def test_no_stranger_named_stands_at_zero_on_the_chart() -> None:
    strangers = Searches(np.linspace(0.2, 0.5, 43), np.zeros(43, bool), list(range(43)))
    chart = model_charts.strangers(identification(KNOWN, strangers, 0.6, 0.01, "others", 4, rounds=0))
    axis = chart.drawn["x"]
    assert isinstance(axis, dict)
    assert (axis["zero"], axis["ticks"]) == (True, [0.5 / 43, 0.1, 1.0])
    assert chart.series[1].x == [axis["low"]], "the model's threshold, at which no stranger has a name"
