"""Find pictures of the same photo across parts: each is decoded once, and pairs are confirmed pixel by pixel."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations_with_replacement
from pathlib import Path

from facekit.base import images
from facekit.base.contract import BadImage, Track, quiet
from facekit.base.parallel import ordered_map
from facekit.commands.audit.trees import Picture
from facekit.identity.embedders.metrics import Embeddings
from facekit.identity.likeness import Fingerprint, fingerprint, proofs
from facekit.identity.likeness.proof_graph import ProofGraph
from facekit.report.audit import Side, Twins
from facekit.runs.pictures import picture_bytes

BYTES, PICTURE, PHOTO, BURST = KINDS = ("same bytes", "same picture", "same photo", "burst")
"""How two files show one photo, the surest first: a picture may be compressed, scaled, cut or mirrored again, and a
photo's pictures differ more. Those of a burst are two photos, taken seconds apart."""

MANY = 200
"""Pairs of equal pictures of two parts and labels that are all named; of more, each picture is named once."""


@dataclass(frozen=True)
class Shown:
    """A picture of one of the trees. `part` tells trees apart too, where there are two."""

    root: Path
    picture: Picture
    part: str
    own: bool = True
    """Whether it is of the first tree."""

    @property
    def file(self) -> Path:
        """Where it is."""
        return self.root / self.picture.path

    @property
    def side(self) -> Side:
        """What a report says of it."""
        return Side(self.file, self.picture.path, self.part, self.picture.label, self.picture.targets or {})


@dataclass(frozen=True)
class Pair:
    """Two pictures that show one photo, by position, and of what kind."""

    first: int
    second: int
    kind: str


@dataclass(frozen=True)
class Matches:
    """The pairs of pictures that show one photo, and what could not be read, by reason."""

    shown: Sequence[Shown]
    pairs: list[Pair]
    left: Counter[str]
    readable: Counter[str]
    """Part -> its pictures that could be read."""
    digests: Sequence[bytes]
    """SHA-256 of each picture; empty for one that cannot be read."""

    def twins(self, pair: Pair) -> Twins:
        """Return a pair as it is reported."""
        return Twins(self.shown[pair.first].side, self.shown[pair.second].side, pair.kind)

    def parts(self, pair: Pair) -> tuple[str, str]:
        """Return the parts that the two are in."""
        return self.shown[pair.first].part, self.shown[pair.second].part


@dataclass(frozen=True)
class _Seen:
    digest: bytes = b""
    fingerprint: Fingerprint | None = None
    reason: str = ""


def find(shown: Sequence[Shown], jobs: int = 0, track: Track = quiet, vectors: Embeddings | None = None) -> Matches:
    """Fingerprint every picture and prove which show one photo, also mirrored; what cannot be read is counted.

    `vectors`, the embeddings of faces in the order of `shown`, propose pairs too: see `proofs`.
    """
    seen = list(track(ordered_map(partial(_see, shown), range(len(shown)), jobs), "look", len(shown)))
    left = Counter(one.reason for one in seen if one.reason)
    readable = Counter(one.part for one, sight in zip(shown, seen, strict=True) if sight.fingerprint is not None)
    proved = proofs([one.fingerprint for one in seen], vectors, jobs, track)
    digests = [one.digest for one in seen]
    return Matches(shown, list(_pairs(ProofGraph(proved), shown, digests)), left, readable, digests)


def _see(shown: Sequence[Shown], place: int) -> _Seen:
    one = shown[place]
    try:
        data = picture_bytes(one.file, one.picture.sha256)
        return _Seen(hashlib.sha256(data).digest(), fingerprint(images.decode(data)))
    except BadImage as error:
        return _Seen(reason=error.reason)


def _pairs(graph: ProofGraph, shown: Sequence[Shown], digests: Sequence[bytes]) -> Iterator[Pair]:
    """Yield the pairs that follow from the proofs: every picture with one of each part and label that shows it."""
    for own, members in graph.members.items():
        rows = _rows(members, shown)
        for one, other in combinations_with_replacement(sorted(rows), 2):
            for first, second in _matched(rows[one], rows[other], digests):
                yield Pair(first, second, BYTES if digests[first] == digests[second] else PICTURE)
        for near, repeat in graph.near.get(own, {}).items():
            if own < near:
                others = _rows(graph.members[near], shown)
                kind = PICTURE if repeat else BURST if graph.reason(own, near) == "burst" else PHOTO
                for one, other in ((a, b) for a in rows for b in others):
                    for first, second in _matched(rows[one], others[other], digests):
                        yield Pair(first, second, kind)


def _rows(members: Iterable[int], shown: Sequence[Shown]) -> dict[tuple[str, str], list[int]]:
    rows: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place in members:
        rows[shown[place].part, shown[place].picture.label].append(place)
    return rows


def _matched(ones: list[int], others: list[int], digests: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """Yield pairs, the lower position first: all; of very many, enough to name each picture, equal bytes first.

    Pictures are listed part by part, so that of two the first is in the earlier part.
    """
    if len(ones) * len(others) <= MANY:
        matched = {(min(a, b), max(a, b)) for a in ones for b in others if a != b}
    else:
        matched = {*_each(ones, others, digests), *_each(others, ones, digests)}
    yield from sorted(matched)


def _each(ones: list[int], others: list[int], digests: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    at = {digests[place]: place for place in reversed(others)}
    for place in ones:
        other = at.get(digests[place], others[0])
        if other == place:
            other = others[0] if others[0] != place else others[1]
        yield min(place, other), max(place, other)
