"""The threshold for people of whom one appearance is known: strangers in a video, who may come back.

The threshold of a gallery is for its people, who have several photos: the middle of these is nearer to everybody than a
photo is, so the threshold has to be higher. Of a stranger there is one appearance. So people of the gallery are held
against one another by one face each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from facekit.identity.embedders.metrics import Embeddings
from facekit.identity.openset.known import KnownFaces
from facekit.identity.openset.left_out import leave_out
from facekit.identity.openset.threshold import RATES, Prior, assumed, thresholds
from facekit.runs.known_faces import KnownVectors

MOST = 1000
"""People who are held against one another, at most: more would take long and say no more."""

_EARLIER = 10
"""People who stand for strangers who were there before; all others come as newcomers. With these few, rates of mistakes
are far from 0 and 1 for one stranger as for a thousand."""

_ROUNDS = 10
"""How often others stand for them, with another face of each person: the mean counts."""


class Newcomers:
    """Thresholds that so many people of one appearance are told from somebody new by, at one rate of mistakes."""

    def __init__(self, known: KnownFaces, prior: Prior, rate: float, strangers: Sequence[Embeddings] = ()) -> None:
        """Hold people, and strangers who were given, against one another; `rate` is of newcomers who are mistaken."""
        self._rate, self._names = rate, max(1, min(_EARLIER, int(np.count_nonzero(known.counts))))
        rng = np.random.default_rng(0)
        self._curve = np.mean([_curve(known, prior, strangers, rng) for _ in range(_ROUNDS)], axis=0)

    def threshold(self, people: int) -> float:
        """Return the similarity from which somebody is one of so many people: fewer are mistaken less often.

        Each of them is one chance to be mistaken, and these are taken for independent. Outside the rates that are
        found for the people held against one another, it is the threshold of the nearest one.
        """
        same = -np.expm1(np.log1p(-self._rate) * self._names / max(1, people))
        return float(np.interp(np.log(same), np.log(RATES), self._curve))


def lazily(find: Callable[[], Newcomers]) -> Callable[[int], float]:
    """Return their thresholds, found when one is asked for: most videos have no strangers who could come back."""
    found = cache(find)
    return lambda people: found().threshold(people)


def _curve(
    known: KnownFaces, prior: Prior, strangers: Sequence[Embeddings], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the threshold of each of `RATES`, by one face of each person."""
    there = rng.permutation(np.flatnonzero(known.counts))
    ends = np.cumsum(known.counts)[there]
    faces = known.vectors[rng.integers(ends - known.counts[there], ends)]
    first, others = faces[:_EARLIER], faces[_EARLIER:]
    earlier = KnownFaces.of(KnownVectors(first, np.arange(len(first), dtype=np.int32)), len(first), known.metric)
    left = leave_out(earlier, [*others[:, None], *strangers]) if len(first) else None
    return assumed(prior, max(1, len(first)), RATES) if left is None else thresholds(left, prior, RATES)
