"""Intervals of shares by formula."""

from __future__ import annotations

import numpy as np
import pytest

from facekit.scores.bootstrap import Interval
from facekit.scores.shares import Part, together, wilson


@pytest.mark.parametrize(
    ("count", "of", "ends"),
    # By statsmodels 0.14, proportion_confint(count, of, method="wilson").
    [(0, 10, (0.0, 0.2775)), (10, 10, (0.7225, 1.0)), (9, 25, (0.2025, 0.5548)), (5, 10, (0.2366, 0.7634))],
)
def test_the_interval_of_a_share_is_wilsons(count: int, of: int, ends: tuple[float, float]) -> None:
    assert wilson(count, of) == pytest.approx(ends, abs=1e-4)


def test_one_share_alone_keeps_its_interval() -> None:
    assert together([Part(1.0, 0.9, Interval(0.8, 0.95))]) == pytest.approx((0.8, 0.95))


def test_the_interval_of_two_shares_holds_the_true_value_in_95_of_100_draws() -> None:
    rng, held = np.random.default_rng(0), 0
    true = 0.9 * 0.95 + 0.1 * 0.4
    for _ in range(2000):
        one, other = int(rng.binomial(60, 0.95)), int(rng.binomial(25, 0.4))
        parts = [Part(0.9, one / 60, wilson(one, 60)), Part(0.1, other / 25, wilson(other, 25))]
        low, high = together(parts)
        held += low <= true <= high
    assert held / 2000 == pytest.approx(0.95, abs=0.025)
