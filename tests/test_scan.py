"""The scan over all embeddings: what it finds is the nearest, and its distances are never too large."""

from __future__ import annotations

import numpy as np
import pytest

from facekit.identity.embedders.metrics import Metric, distances
from facekit.identity.gallery import scan
from facekit.identity.gallery.scan import Scan

ROWS, DIMENSIONS = 500, 16


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "_CELLS", 64 * DIMENSIONS)


def drawn(count: int, seed: int, far: float = 0.0) -> np.ndarray:
    """Embeddings, all as far from zero as a careless embedder puts them."""
    return (np.random.default_rng(seed).normal(size=(count, DIMENSIONS)) + far).astype(np.float32)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("far", [0.0, 1000.0])
def test_nobody_who_was_not_found_is_nearer(metric: Metric, far: float) -> None:
    held, asked = drawn(ROWS, 0, far), drawn(20, 1, far)
    counts = np.arange(ROWS) % 7 != 0
    places, found = Scan.of(metric, held, counts).nearest(asked, 10)
    exact = distances(metric, asked, held).astype(np.float64)
    exact[:, ~counts] = np.inf
    for row in range(len(asked)):
        assert counts[places[row]].all()
        assert len(set(places[row])) == 10
        rest = np.delete(exact[row], places[row])
        assert found[row].max() <= rest.min() + 1e-6
        assert (found[row] <= exact[row, places[row]] + 1e-6).all()


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_ordinary_embeddings_come_in_their_true_order(metric: Metric) -> None:
    held, asked = drawn(ROWS, 0), drawn(20, 1)
    places, found = Scan.of(metric, held, None).nearest(asked, 5)
    exact = distances(metric, asked, held)
    assert [set(row) for row in places] == [set(np.argsort(row)[:5]) for row in exact]
    assert np.allclose(np.sort(found), np.sort(exact)[:, :5], atol=1e-2)


def test_fewer_rows_than_asked_for_and_no_embedding_are_infinitely_far() -> None:
    some = Scan.of("euclidean", drawn(3, 0), np.array([True, False, True]))
    _, found = some.nearest(np.concatenate([drawn(1, 1), np.full((1, DIMENSIONS), np.nan, np.float32)]), 5)
    assert np.isfinite(found).sum(axis=1).tolist() == [2, 0]
    _, found = Scan.of("cosine", drawn(3, 0)[:0], None).nearest(drawn(1, 1), 2)
    assert np.isinf(found).all()


def test_a_row_of_zeros_is_as_far_as_the_metric_says() -> None:
    held = np.zeros((1, DIMENSIONS), np.float32)
    _, found = Scan.of("cosine", held, None).nearest(drawn(1, 1), 1)
    assert found[0, 0] == pytest.approx(1, abs=1e-4)
