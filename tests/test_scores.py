"""Scores against numbers worked out by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest

from facekit.scores.classes import accuracy, score, top_k

LABELS = ["a", "b", "c", "d"]
TRUTH = np.array([0, 0, 0, 1, 1, 2])
FOUND = [0, 0, 1, 1, 3, 2]


def _sure(found: list[int], labels: int = 4) -> np.ndarray:
    return np.eye(labels)[found] * 0.9 + 0.1 / labels


def test_scores_by_hand() -> None:
    result = score(TRUTH, _sure(FOUND), LABELS)
    assert result["pictures"] == 6
    assert result["accuracy"] == pytest.approx(4 / 6)
    by = {row["label"]: row for row in result["by_class"]}
    assert by["a"] == pytest.approx({"label": "a", "pictures": 3, "precision": 1, "recall": 2 / 3, "f1": 0.8})
    assert by["b"] == pytest.approx({"label": "b", "pictures": 2, "precision": 0.5, "recall": 0.5, "f1": 0.5})
    assert "d" not in by  # it has no pictures; what was taken for it lowers the recall of b
    assert result["macro"]["f1"] == pytest.approx((0.8 + 0.5 + 1) / 3)
    assert result["weighted"]["f1"] == pytest.approx((3 * 0.8 + 2 * 0.5 + 1) / 6)
    assert result["weighted"]["recall"] == pytest.approx(result["accuracy"])


def test_the_confusion_matrix_has_the_true_name_in_its_rows() -> None:
    result = score(TRUTH, _sure(FOUND), LABELS)
    assert result["confusion"] == [[2, 1, 0, 0], [0, 1, 0, 1], [0, 0, 1, 0], [0, 0, 0, 0]]
    assert result["confused"] == [
        {"label": "a", "taken_for": "b", "pictures": 1, "of": 3},
        {"label": "b", "taken_for": "d", "pictures": 1, "of": 2},
    ]


def test_top_k_counts_the_true_label_among_the_first() -> None:
    shares = np.array([[0.4, 0.3, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4]])
    truth = np.array([1, 0])
    assert accuracy(truth, shares) == 0
    assert top_k(truth, shares, 2) == 0.5
    assert top_k(truth, shares, 5) == 1


def test_the_result_is_plain_json() -> None:
    result = score(TRUTH, _sure(FOUND), LABELS)
    assert json.loads(json.dumps(result)) == result
