"""Histograms: every finite value in one bar, whatever the values, and axes with a few round numbers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facekit.report.histogram import BINS, EDGE, HEIGHT, LEFT, WIDTH, histogram


def test_values_that_are_no_numbers_are_left_out() -> None:
    found = histogram("sharpness", [1.0, 2.0, 2.5, math.nan, 9.0, math.inf, 1e300], [2.0])
    assert found is not None
    assert sum(bar.count for bar in found.bars) == 4
    assert (found.bars[0].low, found.bars[-1].high, found.limits) == (1.0, 9.0, (2.0,))
    assert histogram("yaw", []) is histogram("yaw", [math.nan]) is None


def test_a_limit_beyond_all_values_is_in_the_picture() -> None:
    found = histogram("size", [100.0, 120.0], [40.0])
    assert found is not None
    assert found.low < 40
    assert found.ticks == [40, 60, 80, 100, 120]
    assert found.counts == [0, 1]


@pytest.mark.parametrize("value", [0.0, 1e9, 140737488355328.0, -9.99e14])
def test_one_value_has_bins_whatever_its_size(value: float) -> None:
    found = histogram("any", [value])
    assert found is not None
    assert len({bar.low for bar in found.bars}) == BINS
    assert sum(bar.count for bar in found.bars) == 1


@given(st.lists(st.floats(allow_nan=True), max_size=30), st.lists(st.floats(allow_nan=True), max_size=2))
def test_everything_is_drawn_inside(values: list[float], limits: list[float]) -> None:
    found = histogram("any", values, limits)
    assert (found is None) == (not any(abs(value) < 1e15 for value in values))
    if found is None:
        return
    assert len(found.bars) == BINS
    assert sum(bar.count for bar in found.bars) == sum(abs(value) < 1e15 for value in values)
    places = [found.x(value) for bar in found.bars for value in (bar.low, bar.high)] + [found.x(t) for t in found.ticks]
    assert all(LEFT - 1 <= place <= WIDTH - EDGE + 1 for place in [*places, *map(found.x, found.limits)])
    assert all(EDGE <= found.y(count) <= HEIGHT for count in [*(bar.count for bar in found.bars), *found.counts])
    assert len(found.ticks) <= 10
    assert found.counts == pytest.approx([round(count) for count in found.counts])
