"""What a track is named by stays small, and still counts every frame."""

from __future__ import annotations

import numpy as np
import pytest

from facekit.video.evidence import Evidence

NONE = np.empty(0, np.float32)


def test_every_frame_counts_by_its_weight() -> None:
    evidence = Evidence()
    evidence.add(np.array([1, 0], np.float32), NONE, 0.25)
    evidence.add(np.array([0, 1], np.float32), NONE, 0.75)
    assert evidence.weights == pytest.approx([0.25, 0.75])
    assert evidence.vectors.tolist() == [[1, 0], [0, 1]]


def test_hours_of_frames_take_no_more_room_and_lose_no_weight() -> None:
    evidence, rng = Evidence(most=16), np.random.default_rng(0)
    for number in range(2000):
        look = np.array([number // 500, 0], np.float32)  # four looks, one after the other
        evidence.add(look + 0.01 * rng.normal(size=2).astype(np.float32), np.full(3, 1 / 3, np.float32), 1.0)
    assert len(evidence) == len(evidence.weights) == len(evidence.vectors) == len(evidence.rows) == 16
    looks = np.round(evidence.vectors[:, 0])
    assert [evidence.weights[looks == look].sum() for look in range(4)] == pytest.approx([0.25] * 4, abs=0.01)
    assert evidence.rows.sum(axis=1) == pytest.approx(np.ones(16))


def test_what_comes_later_is_added_with_its_weights() -> None:
    first, later = Evidence(), Evidence()
    first.add(np.array([1, 0], np.float32), NONE, 1.0)
    later.add(np.array([0, 1], np.float32), NONE, 3.0)
    first.extend(later)
    assert first.weights == pytest.approx([0.25, 0.75])


def test_nothing_is_no_evidence() -> None:
    assert (len(Evidence()), Evidence().vectors.size, Evidence().last(3).size) == (0, 0, 0)
