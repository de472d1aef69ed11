"""Two embedders measured on the same pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from facekit.scores import verification
from facekit.scores.beside import Beside, Gain, Side
from facekit.scores.bootstrap import interval, rounds_of
from facekit.scores.pairs import Pairs
from facekit.scores.verification import Distances


def beside(
    pairs: Pairs,
    names: tuple[str, str],
    thresholds: tuple[float, float],
    far_of_other: Distances,
    fars: Sequence[float],
    rounds: int,
    seed: int,
) -> Beside:
    """Return two embedders' measures of the same pairs, and their differences with 95% intervals over people.

    `far_of_other` are the other one's distances of `pairs`, NaN where it has none. Both count only what both compare.
    """
    both = np.isfinite(far_of_other)
    parts = {name: getattr(pairs, name)[both] for name in ("far", "same", "first", "second", "folds")}
    pairs = replace(pairs, **parts)
    able = tuple(verification.resolved(pairs.same, fars))
    sides = [
        Side(name, threshold, verification.measure(far, pairs.same, able, (threshold,)))
        for name, threshold, far in zip(names, thresholds, (pairs.far, far_of_other[both]), strict=True)
    ]

    def differences(counts: NDArray[np.int64]) -> list[float]:
        weights = verification.pair_weights(counts, pairs.first, pairs.second)
        own, other = (
            verification.measure(far, pairs.same, able, (), weights) for far in (pairs.far, far_of_other[both])
        )
        return [a - b for a, b in zip((own.auc, *own.tar), (other.auc, *other.tar), strict=True)]

    drawn = rounds_of(differences, range(pairs.people), rounds, seed).reshape(rounds, 1 + len(able))
    own, other = sides[0].measures, sides[1].measures
    gains = [
        Gain(a - b, interval(column) if rounds else None)
        for a, b, column in zip((own.auc, *own.tar), (other.auc, *other.tar), drawn.T, strict=True)
    ]
    return Beside(sides[0], sides[1], len(pairs.far), able, gains[0], tuple(gains[1:]))
