"""Which of many pictures share local features: an index in which like features stand under one word.

A word is which side of some random planes a feature lies on (Charikar 2002). There are as many planes as keep about one
feature under a word, so that the work grows with the pictures, not with their pairs; several tables of words find what
one misses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from facekit.identity.likeness.features import Features, Floats

TABLES = 6

VOTES = 3
"""Words that two pictures share, in all tables, from which on they are compared."""

CROWDED = 16
"""Features under one word beyond which it says nothing."""

SECTORS = 4
"""A feature's angle is part of its word: by quarters, as a photo is turned a little at most."""

Codes = NDArray[np.int64]


def shared_words(pictures: Sequence[Features]) -> tuple[Codes, Codes, NDArray[np.bool_], Codes]:
    """Return pairs of pictures, the lower first, whether one is mirrored, and their votes, by the first picture."""
    owners = np.repeat(np.arange(len(pictures)), [len(one) for one in pictures])
    if len(owners) == 0:
        nothing = np.zeros(0, np.int64)
        return nothing, nothing, nothing.astype(bool), nothing
    planes = max(12, int(np.ceil(np.log2(len(owners)))) + 2)
    keys = [np.concatenate(list(_collisions(codes, owners, len(pictures)))) for codes in _tables(pictures, planes)]
    found, votes = np.unique(np.concatenate(keys), return_counts=True)
    found, votes = found[votes >= VOTES], votes[votes >= VOTES]
    pair, flip = found // 2, found % 2 == 1
    return pair // len(pictures), pair % len(pictures), flip, votes


def _tables(pictures: Sequence[Features], planes: int) -> Iterator[Codes]:
    """Yield the words of all features, as they are and then mirrored, table by table."""
    both = (list(pictures), [one.mirrored(0) for one in pictures])
    rows = [np.concatenate([one.descriptors for one in some]) for some in both]
    angles = [np.concatenate([one.angles for one in some]) for some in both]
    sector = np.floor(np.concatenate(angles) / (2 * np.pi / SECTORS)).astype(np.int64) % SECTORS
    middle = np.float32(sum(some.mean(axis=0, dtype=np.float64) for some in rows) / 2)
    for table in range(TABLES):
        normals = np.random.default_rng([table, planes]).normal(size=(128, planes)).astype(np.float32)
        yield np.concatenate([_codes(some, normals, middle @ normals) for some in rows]) * SECTORS + sector


def _codes(rows: NDArray[np.uint8], normals: Floats, least: Floats, block: int = 65536) -> Codes:
    weights = np.int64(1) << np.arange(normals.shape[1])
    codes = np.empty(len(rows), np.int64)
    for start in range(0, len(rows), block):
        sides = rows[start : start + block].astype(np.float32) @ normals > least
        codes[start : start + block] = sides @ weights
    return codes


def _collisions(codes: Codes, owners: Codes, count: int) -> Iterator[Codes]:
    """Yield keys of pairs of pictures under one word: (lower, higher, whether mirrored) in one number."""
    order = np.argsort(codes, kind="stable")
    codes = codes[order]
    flipped = order >= len(owners)
    owner = owners[order % len(owners)]
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    sizes = np.diff(starts, append=len(codes))
    few = np.repeat(sizes <= CROWDED, sizes) & np.repeat(sizes > 1, sizes)
    codes, flipped, owner = codes[few], flipped[few], owner[few]
    yield np.zeros(0, np.int64)
    for step in range(1, CROWDED):
        same = codes[step:] == codes[:-step]
        if not same.any():
            return
        one, other = np.flatnonzero(same), np.flatnonzero(same) + step
        # Of a straight and a mirrored feature the straight one is the lower picture's: the other way round is the same.
        lower, higher = np.minimum(owner[one], owner[other]), np.maximum(owner[one], owner[other])
        turned = flipped[one] != flipped[other]
        straight = np.where(flipped[one], owner[other], owner[one])
        good = (lower != higher) & np.where(turned, straight == lower, ~flipped[one])
        yield (lower[good] * count + higher[good]) * 2 + turned[good]
