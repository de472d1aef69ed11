"""Which of many pictures show one photo: the few pairs that may, and their proofs."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from facekit.base.contract import Track, quiet
from facekit.base.parallel import ordered_map
from facekit.identity.likeness.candidates import Candidate, candidates
from facekit.identity.likeness.fingerprints import Fingerprint
from facekit.identity.likeness.neighbours import Floats
from facekit.identity.likeness.proof import Proof, Reason, compare, equal, verdict

EQUAL_BITS = 4
"""Most differing bits of 64 of the hashes of pictures that no eye can tell apart: compressing one again changes 3."""

EQUAL_SHAPE = 0.9
"""Least cosine of their shapes."""

CHUNK = 64
"""Pairs that a worker compares at a time."""


def proofs(
    prints: Sequence[Fingerprint | None], vectors: Floats | None = None, jobs: int = 0, track: Track = quiet
) -> list[Proof]:
    """Return the proofs that pictures show one photo, however it was edited, by position, the lower one first.

    Pairs that hashes, features, shapes or `vectors` propose are laid over one another; pixels decide. One picture
    represents all that no eye can tell apart: see `Proof.equal`. `vectors`, shape (pictures, dimensions), are compared
    by rank, so any embedder's will do; a row of NaN is near nothing.
    """
    crowd = Crowd(prints)
    rows = None if vectors is None else np.asarray(vectors, np.float32)[crowd.places]
    pairs = candidates(crowd.prints, rows)
    chunks = [pairs[start : start + CHUNK] for start in range(0, len(pairs), CHUNK)]
    judged = chain.from_iterable(ordered_map(crowd.prove, chunks, jobs))
    proved = [proof for proof in track(judged, "compare pairs", len(pairs)) if proof is not None]
    return sorted(_once([*crowd.equal, *proved]))


class Crowd:
    """Pictures to be compared, one for each class of equals, in an order that their pixels alone decide."""

    def __init__(self, prints: Sequence[Fingerprint | None]) -> None:
        """Put the pictures in order and find the equal ones."""
        self.equal: list[Proof] = []
        first: dict[bytes, int] = {}
        order: list[tuple[int, bytes, int]] = []
        for place, one in enumerate(prints):
            if one is None:
                continue
            digest = hashlib.blake2b(one.pixels.tobytes(), digest_size=16, key=repr(one.pixels.shape).encode()).digest()
            if digest in first:
                self.equal.append(Proof(first[digest], place, True, True))
            else:
                first[digest] = place
                order.append((one.hash, digest, place))
        self.places = [place for *_, place in sorted(order)]
        self.prints = [one for place in self.places if (one := prints[place]) is not None]
        self._drop_equal()

    def prove(self, some: Sequence[Candidate]) -> list[Proof | None]:
        """Return the proof of each of some candidates; None for those that show two photos."""
        return [self._prove(*candidate) for candidate in some]

    def _prove(self, one: int, other: int, mirrored: bool) -> Proof | None:
        judged = verdict(compare(self.prints[one], self.prints[other], mirrored))
        return None if judged is None else self._proof(one, other, *judged)

    def _drop_equal(self) -> None:
        """Keep one of each class of pictures that no eye can tell apart: the first in order represents it."""
        hashes = np.array([one.hash for one in self.prints], np.uint64)
        shapes = np.array([one.shape for one in self.prints], np.float32)
        free = np.ones(len(hashes), bool)
        for row, near in _near_hashes(hashes):
            if free[row]:
                alike = near[free[near] & (shapes[near] @ shapes[row] > EQUAL_SHAPE)]
                for other in alike.tolist():
                    if equal(self.prints[row], self.prints[other]):
                        free[other] = False
                        self.equal.append(self._proof(row, other, True, equals=True))
        self.places = [place for place, stays in zip(self.places, free, strict=True) if stays]
        self.prints = [one for one, stays in zip(self.prints, free, strict=True) if stays]

    def _proof(self, row: int, other: int, repeat: bool, reason: Reason = "photo", equals: bool = False) -> Proof:
        first, second = sorted((self.places[row], self.places[other]))
        return Proof(first, second, repeat, equals, reason)


def _near_hashes(hashes: NDArray[np.uint64]) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Yield each row with the later rows whose hashes differ by few bits, where there are any.

    Hashes that differ by four bits of 64 share at least one of five bands (Norouzi, Punjani and Fleet 2012).
    """
    if not len(hashes):
        return
    bands: list[dict[int, NDArray[np.intp]]] = []
    keys = []
    for band in range(EQUAL_BITS + 1):
        low, high = (64 * edge // (EQUAL_BITS + 1) for edge in (band, band + 1))
        key = (hashes >> np.uint64(low)) & np.uint64((1 << (high - low)) - 1)
        order = np.argsort(key, kind="stable")
        starts = np.flatnonzero(np.diff(key[order], prepend=key[order][:1] + np.uint64(1)))
        bands.append(dict(zip(key[order][starts].tolist(), np.split(order, starts[1:]), strict=True)))
        keys.append(key.tolist())
    for row, mine in enumerate(hashes):
        later = [
            some[np.searchsorted(some, row, "right") :]
            for some in (b[k[row]] for b, k in zip(bands, keys, strict=True))
        ]
        near = np.concatenate(later)
        near = np.unique(near[np.bitwise_count(hashes[near] ^ mine) <= EQUAL_BITS])
        if len(near):
            yield row, near


def _once(found: Sequence[Proof]) -> Iterator[Proof]:
    """Yield one proof a pair: the strongest, where it was compared straight and mirrored."""
    best: dict[tuple[int, int], list[Proof]] = defaultdict(list)
    for proof in found:
        best[proof.first, proof.second].append(proof)
    for some in best.values():
        yield max(some, key=lambda proof: (proof.equal, proof.repeat, proof.reason == "photo"))
