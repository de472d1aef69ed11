"""Which pictures share local features: an index that maps similar features to the same word.

A word is which side of some random planes a feature lies on (Charikar 2002). There are as many planes as keep about one
feature under a word, so that the work grows with the pictures, not with their pairs; several tables of words find what
one misses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from facekit.identity.likeness.features import MIRROR, Features, Floats

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
    keys = [np.concatenate(list(_collisions(codes, owners, len(pictures)))) for codes in _words(pictures, planes)]
    found, votes = np.unique(np.concatenate(keys), return_counts=True)
    found, votes = found[votes >= VOTES], votes[votes >= VOTES]
    pair, flip = found // 2, found % 2 == 1
    return pair // len(pictures), pair % len(pictures), flip, votes


def _words(pictures: Sequence[Features], planes: int) -> Codes:
    """Return the words of all features, as they are and then mirrored, table by table: shape (TABLES, 2 * features)."""
    rows = np.concatenate([one.descriptors for one in pictures])
    angles = np.concatenate([one.angles for one in pictures])
    middle = rows.mean(axis=0, dtype=np.float64)
    middle = (middle + middle[MIRROR]) / 2
    tables = [np.random.default_rng([table, planes]).normal(size=(128, planes)) for table in range(TABLES)]
    normals = np.concatenate(tables, axis=1)
    least = np.asarray(middle @ normals, np.float32)
    # A mirrored descriptor has the same numbers in another order: so have the normals that it is held against.
    turned = np.asarray(normals[np.argsort(MIRROR)], np.float32)
    ways = (np.asarray(normals, np.float32), angles), (turned, np.float32(np.pi) - angles)
    return np.concatenate([_codes(rows, some, least, planes) * SECTORS + _sectors(turn) for some, turn in ways], axis=1)


def _sectors(angles: Floats) -> Codes:
    return np.asarray(np.floor(angles / (2 * np.pi / SECTORS)), np.int64) % SECTORS


def _codes(rows: NDArray[np.uint8], normals: Floats, least: Floats, planes: int, block: int = 16384) -> Codes:
    """Return which side of each table's planes the rows are on, as numbers, shape (tables, rows)."""
    low = planes // 2
    weights = _weights(normals.shape[1] // planes, planes)
    codes = np.empty((normals.shape[1] // planes, len(rows)), np.int64)
    for start in range(0, len(rows), block):
        sides = rows[start : start + block].astype(np.float32) @ normals > least
        halves = (sides.astype(np.float32) @ weights).astype(np.int64)
        codes[:, start : start + block] = (halves[:, 0::2] + (halves[:, 1::2] << low)).T
    return codes


def _weights(tables: int, planes: int) -> Floats:
    """Return what turns sides into two numbers a table, shape (tables * planes, 2 * tables).

    Two, because a float32 is exact up to 24 bits; and floats are multiplied many times faster than integers.
    """
    low = planes // 2
    bits = np.zeros((planes, 2))
    bits[:low, 0] = 2.0 ** np.arange(low)
    bits[low:, 1] = 2.0 ** np.arange(planes - low)
    return np.kron(np.eye(tables), bits).astype(np.float32)


def _collisions(codes: Codes, owners: Codes, count: int) -> Iterator[Codes]:
    """Yield keys of pairs of pictures under one word: (lower, higher, whether mirrored) in one number."""
    # To sort numbers is ten times faster than to sort their places: so the place is the end of the number.
    bits = len(codes).bit_length()
    packed = np.sort((codes << bits) | np.arange(len(codes)))
    order = packed & ((1 << bits) - 1)
    codes = packed >> bits
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    sizes = np.diff(starts, append=len(codes))
    few = np.repeat((sizes <= CROWDED) & (sizes > 1), sizes)
    codes, order = codes[few], order[few]
    flipped = order >= len(owners)
    owner = owners[order % len(owners)]
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
