"""The nearest of many vectors, looked for in the nearest cells: an inverted file (Jégou, Douze and Schmid 2011)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Places = NDArray[np.intp]

CELL = 400
"""Vectors in a cell, about: the work grows with the vectors, not with their pairs."""

PROBES = 4
"""Cells in which the neighbours of a vector are looked for."""

SAMPLE, ROUNDS = 32, 4
"""Vectors a cell that its centre is found from, and rounds of k-means."""


class Cells:
    """Vectors of length 1, shape (count, dimensions), in cells. Their order decides how: give them in a fixed one."""

    def __init__(self, rows: Floats) -> None:
        """Find the cells and put each vector into the nearest."""
        self.rows = rows
        self.centres = _centres(rows, max(1, round(len(rows) / CELL)))
        self._members = _by_cell(_nearest_cells(rows, self.centres, 1), len(self.centres))

    def nearest(self, queries: Floats, most: int, least: float) -> tuple[Places, Places, Floats]:
        """Return for each query up to `most` of the vectors, with a cosine of at least `least`, its own place left out.

        Three arrays: the queries, the vectors near them, the cosines.
        """
        asked = _by_cell(_nearest_cells(queries, self.centres, PROBES), len(self.centres))
        found = [self._in_cell(queries, *pair, most, least) for pair in zip(asked, self._members, strict=True)]
        query, row, cosine = (np.concatenate([one[part] for one in found]) for part in range(3))
        order = np.lexsort((row, -cosine, query))
        query, row, cosine = query[order], row[order], cosine[order]
        starts = np.flatnonzero(np.diff(query, prepend=-1))
        rank = np.arange(len(query)) - np.repeat(starts, np.diff(starts, append=len(query)))
        best = rank < most
        return query[best], row[best], cosine[best]

    def _in_cell(
        self, queries: Floats, asked: Places, members: Places, most: int, least: float
    ) -> tuple[Places, Places, Floats]:
        if not len(asked) or not len(members):
            return np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0, np.float32)
        cosines = queries[asked] @ self.rows[members].T
        cosines[asked[:, None] == members[None]] = -1
        if len(members) > most:
            bound = np.partition(cosines, -most, axis=1)[:, -most]
            good = cosines >= np.maximum(bound, least)[:, None]
        else:
            good = cosines >= least
        one, other = np.nonzero(good)
        return asked[one], members[other], cosines[one, other]


def _centres(rows: Floats, count: int) -> Floats:
    some = rows[:: max(1, len(rows) // (SAMPLE * count))]
    centres = some[:: max(1, len(some) // count)][:count].copy()
    for _ in range(ROUNDS if len(centres) > 1 else 0):
        cell = _nearest_cells(some, centres, 1)[:, 0]
        sums = np.zeros_like(centres)
        np.add.at(sums, cell, some)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(lengths > 1e-6, sums / np.maximum(lengths, 1e-6), centres)
    return centres


def _nearest_cells(rows: Floats, centres: Floats, count: int, block: int = 4096) -> Places:
    """Return the nearest cells of each vector, shape (vectors, count or as many as there are)."""
    count = min(count, len(centres))
    parts: list[Places] = [np.zeros((0, count), np.intp)]
    for start in range(0, len(rows), block):
        cosines = rows[start : start + block] @ centres.T
        parts.append(np.argpartition(-cosines, count - 1, axis=1)[:, :count])
    return np.concatenate(parts)


def _by_cell(cells: Places, count: int) -> list[Places]:
    """Return the vectors of each cell, in order."""
    vectors = np.repeat(np.arange(len(cells)), cells.shape[1])
    flat = cells.ravel()
    order = np.argsort(flat, kind="stable")
    return np.split(vectors[order], np.searchsorted(flat[order], np.arange(1, count)))
