"""Histograms: every finite value in one bar, whatever the values, and all of them on the axis."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facekit.report.histogram import BINS, histogram


def test_values_that_are_no_numbers_are_left_out() -> None:
    found = histogram("sharpness", [1.0, 2.0, 2.5, math.nan, 9.0, math.inf, 1e300], [2.0])
    assert found is not None
    (bars,) = found.series
    assert sum(count or 0 for count in bars.y) == 4
    assert (found.x.label, found.marks) == ("sharpness", (2.0,))
    assert [row[2] for row in found.numbers.rows] == ["1", "1", "1", "1"]  # bins of no picture are not listed
    assert histogram("yaw", []) is histogram("yaw", [math.nan]) is None


def test_a_limit_beyond_all_values_is_on_the_axis() -> None:
    found = histogram("size", [100.0, 120.0], [40.0])
    assert found is not None
    assert (found.x.low or 0) < 40
    assert (found.x.high or 0) > 120


@pytest.mark.parametrize("value", [0.0, 1e9, 140737488355328.0, -9.99e14])
def test_one_value_has_bins_whatever_its_size(value: float) -> None:
    found = histogram("any", [value])
    assert found is not None
    (bars,) = found.series
    assert len(set(bars.x)) == BINS
    assert sum(count or 0 for count in bars.y) == 1


@given(st.lists(st.floats(allow_nan=True), max_size=30), st.lists(st.floats(allow_nan=True), max_size=2))
def test_everything_is_on_the_axis(values: list[float], limits: list[float]) -> None:
    found = histogram("any", values, limits)
    assert (found is None) == (not any(abs(value) < 1e15 for value in values))
    if found is None:
        return
    (bars,) = found.series
    assert len(bars.x) == len(bars.y) == BINS
    assert sum(count or 0 for count in bars.y) == sum(abs(value) < 1e15 for value in values)
    low, high = found.x.low, found.x.high
    assert low is not None and high is not None
    assert all(low <= place <= high for place in (*bars.x, *found.marks) if place is not None)
