"""From many pictures to the few pairs that may be one photo, and their proofs.

Three sieves, each a hundred times finer and slower than the one before: difference hashes, all with all; how much
of one picture lies in the moves and stretches of the other; and the warp. Of a billion pairs of faces some ten
million pass the first and ten thousand the second.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from facekit.base.contract import Track, quiet
from facekit.base.parallel import ordered_map
from facekit.identity.embedders.metrics import squared_distances
from facekit.identity.likeness import crops
from facekit.identity.likeness.fingerprints import Fingerprint, Floats, Tangent, hashes, small, unit
from facekit.identity.likeness.proof import EQUAL, Proof, judge, likeness

HASH_BITS = 12
"""Most differing bits of 64 at which a pair is looked at: changed copies differ by 14 at most."""

EQUAL_BITS = 4
"""Most differing bits of pictures that no eye can tell apart: compressing one again changes 3."""

COARSE_SIDE, COARSE_SHARE = 16, 0.9
FINE_SIDE, FINE_SHARE = 32, 0.88
"""Least share of one picture in the moves of the other, at two sizes: one in a thousand of the pairs of strangers that
the hashes let through is above, and of true pairs whose boxes moved by up to 3, 5 and 8% of the side 2, 34 and 207 in
a thousand are below."""

NEAR = 0.25
"""Greatest distance of two embeddings at which a pair is examined as crops of one photo."""

_ROWS = 64
_COLUMNS = 8192

Places = NDArray[np.intp]


def proofs(
    prints: Sequence[Fingerprint | None], vectors: Floats | None = None, jobs: int = 0, track: Track = quiet
) -> list[Proof]:
    """Return the proofs that pictures show one photo, also mirrored, by position, the lower one first.

    Every pair is proved, except that one picture represents all that no eye can tell apart: see `Proof.equal`.
    `vectors`, shape (pictures, dimensions), propose crops of one photo too; they are compared by Euclidean
    distance, so those of a cosine embedder must have length 1; a row of NaN is near nothing.
    """
    crowd = Crowd(prints, vectors)
    chunks = [range(start, min(start + _ROWS, len(crowd))) for start in range(0, len(crowd), _ROWS)]
    found = list(crowd.equal)
    for some in track(ordered_map(crowd.prove, chunks, jobs), "compare", len(chunks)):
        found += some
    return sorted(found)


class Crowd:
    """Pictures to be compared, one for each class of equals, in an order that their pixels alone decide."""

    def __init__(self, prints: Sequence[Fingerprint | None], vectors: Floats | None) -> None:
        """Put the pictures in order and find the equal ones."""
        self._place: list[int] = []
        self.equal: list[Proof] = []
        first: dict[bytes, int] = {}
        order: list[tuple[int, bytes, int]] = []
        for place, one in enumerate(prints):
            if one is None:
                continue
            digest = hashlib.blake2b(one.pixels.tobytes(), digest_size=16).digest()
            if digest in first:
                self.equal.append(Proof(first[digest], place, True, True))
            else:
                first[digest] = place
                order.append((one.hash, digest, place))
        self._take(prints, [place for *_, place in sorted(order)], vectors)
        self._drop_equal(prints, vectors)

    def __len__(self) -> int:
        """How many pictures are compared."""
        return len(self._place)

    def prove(self, rows: range) -> list[Proof]:
        """Return the proofs of some pictures with all that come after them."""
        judged: dict[tuple[int, int], bool | None] = {}
        for row in rows:
            others, turned = self._hashed_near(row)
            for other, flip in zip(others.tolist(), turned.tolist(), strict=True):
                judged[row, other] = judge(self._prints[row].pixels, self._prints[other].pixels, flip)
        for row, other in self._embedded_near(rows):
            if judged.get((row, other)) is None:
                judged[row, other] = crops.judge(self._prints[row].pixels, self._prints[other].pixels)
        return [self._proof(*pair, repeat) for pair, repeat in judged.items() if repeat is not None]

    def _take(self, prints: Sequence[Fingerprint | None], places: list[int], vectors: Floats | None) -> None:
        self._place = places
        self._prints = [one for place in places if (one := prints[place]) is not None]
        self._hashes, self._mirrored = hashes(self._prints)
        self._coarse = small([one.pixels for one in self._prints], COARSE_SIDE)
        self._fine = small([one.pixels for one in self._prints], FINE_SIDE)
        self._vectors = None if vectors is None else np.asarray(vectors, np.float32)[places]

    def _drop_equal(self, prints: Sequence[Fingerprint | None], vectors: Floats | None) -> None:
        """Keep one of each class of pictures that no eye can tell apart: the first in order represents it."""
        free = np.ones(len(self), bool)
        for row in range(len(self)):
            if free[row]:
                for other in self._equal_to(row, free):
                    free[other] = False
                    self.equal.append(self._proof(row, other, True, True))
        if not free.all():
            self._take(prints, [place for place, stays in zip(self._place, free, strict=True) if stays], vectors)

    def _equal_to(self, row: int, free: NDArray[np.bool_]) -> Iterator[int]:
        apart = np.bitwise_count(self._hashes[row] ^ self._hashes[row + 1 :])
        near = np.nonzero(apart <= EQUAL_BITS)[0] + row + 1
        near = near[free[near]]
        near = near[unit(self._coarse[near]) @ unit(self._coarse[row : row + 1])[0] >= EQUAL.whole - 0.01]
        mine = self._prints[row].pixels
        return (int(other) for other in near if EQUAL.reached_by(likeness(mine, self._prints[other].pixels)))

    def _hashed_near(self, row: int) -> tuple[Places, NDArray[np.bool_]]:
        """Return the later pictures that a row may show too, by hash and coarse pixels, and which are mirrored."""
        mine, mirrored = self._hashes[row], self._mirrored[row]
        rest = slice(row + 1, None)
        straight = np.bitwise_count(mine ^ self._hashes[rest])
        # Both ways round, so that the order of the pictures does not matter.
        turned = np.minimum(
            np.bitwise_count(mine ^ self._mirrored[rest]), np.bitwise_count(mirrored ^ self._hashes[rest])
        )
        near = np.nonzero(np.minimum(straight, turned) <= HASH_BITS)[0]
        if not near.size:
            return near, near.astype(bool)
        flips = turned[near] < straight[near]
        return self._sieved(row, near + row + 1, flips)

    def _sieved(self, row: int, others: Places, flips: NDArray[np.bool_]) -> tuple[Places, NDArray[np.bool_]]:
        """Return those of some pictures that may be a row's own, slightly moved: pictures lie in each other's moves."""
        for pixels, least in ((self._coarse, COARSE_SHARE), (self._fine, FINE_SHARE)):
            stays = np.zeros(others.size, bool)
            for flip in (False, True):
                some = np.nonzero(flips == flip)[0]
                if some.size:
                    mine = pixels[row, :, ::-1] if flip else pixels[row]
                    stays[some] = Tangent(mine.astype(np.float32)).share(pixels[others[some]]) >= least
            others, flips = others[stays], flips[stays]
        stays = np.array([self._in_turn(row, *pair) for pair in zip(others, flips, strict=True)], bool)
        return others[stays], flips[stays]

    def _in_turn(self, row: int, other: int, flip: bool) -> bool:
        """Whether a row lies in the moves of another picture too, so that the order of the two does not matter."""
        for pixels, least in ((self._coarse, COARSE_SHARE), (self._fine, FINE_SHARE)):
            mine = pixels[row, :, ::-1] if flip else pixels[row]
            if Tangent(pixels[other].astype(np.float32)).share(mine[None])[0] < least:
                return False
        return True

    def _embedded_near(self, rows: range) -> Iterator[tuple[int, int]]:
        """Yield the pairs whose vectors are near: a block of products at a time, never all with all."""
        if self._vectors is None:
            return
        mine = self._vectors[rows.start : rows.stop]
        for start in range(rows.start, len(self), _COLUMNS):
            theirs = self._vectors[start : start + _COLUMNS]
            for k, n in zip(*np.nonzero(squared_distances(mine, theirs) <= NEAR**2), strict=True):
                if rows.start + k < start + n:
                    yield rows.start + int(k), start + int(n)

    def _proof(self, row: int, other: int, repeat: bool, equal: bool = False) -> Proof:
        first, second = sorted((self._place[row], self._place[other]))
        return Proof(first, second, repeat, equal)
