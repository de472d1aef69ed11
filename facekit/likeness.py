"""Which pictures show one photo: a hash proposes, pixels laid over one another confirm.

Faces cut out of a re-encoded photo differ by the few pixels that the detector's box moved, and aligned
faces of one person look alike though they are two photos. So a pair that the hashes propose is warped onto
itself (ECC, Evangelidis and Psarakis 2008) and judged by what is left: the correlation of the pictures,
and of their fine structure, which two photos do not share.

The thresholds are measured on real faces, each changed (JPEG, half size, brighter, trimmed, mirrored), cropped
anew and laid over its original: 93 to 100 in 100 are proved to be one photo, by the kind of change, and of
2,086 cropped faces of 42 people (LFW) no two of different people are. Frames of one sitting that differ by
a blink pass too; a looser bound links so many that a name of ten studio photos (ORL) has too few left to split.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from facekit import images
from facekit.contract import BadImage, Image, Track, quiet
from facekit.dataset import Dataset
from facekit.images import Gray
from facekit.lineage import draw_groups
from facekit.parallel import ordered_map

HASH_BITS = 12
"""Most differing bits of 64 at which a pair is looked at: changed copies differ by 14 at most."""

COARSE = 0.8
"""Least correlation at 32 pixels, over shifts of a tenth, at which a pair is laid over one another."""

SIDE = 64


class Proof(NamedTuple):
    """Two pictures, by position, that show one photo.

    A `repeat` is the same picture again; without it they are still too alike for both sides of a split.
    """

    first: int
    second: int
    repeat: bool


class Bound(NamedTuple):
    """Least correlation of two aligned pictures, and of what a blur takes from them."""

    whole: float
    fine: float


REPEAT = Bound(0.995, 0.975)
SAME_PHOTO = Bound(0.992, 0.92)


@dataclass(frozen=True)
class Look:
    """What is kept of a picture to compare it: difference hashes, as it is and mirrored, and 64x64 grey."""

    hash: int
    mirrored: int
    pixels: Gray


def look(image: Image) -> Look:
    """Reduce an RGB picture to its `Look`."""
    grey = images.gray(image)
    pixels = cv2.GaussianBlur(images.thumbnail(grey, SIDE), (0, 0), 1.0)
    return Look(images.dhash(grey), images.dhash(grey[:, ::-1].copy()), np.asarray(pixels, np.uint8))


def alike(dataset: Dataset, track: Track = quiet) -> list[tuple[int, int]]:
    """Return the pairs of positions in `dataset.records` that show one photo; unreadable ones show none."""
    looks = list(
        track(ordered_map(partial(_look_at, dataset), range(len(dataset.records))), "look", len(dataset.records))
    )
    return [(proof.first, proof.second) for proof in proofs(looks)]


def grouped(dataset: Dataset, track: Track = quiet) -> Dataset:
    """Return the dataset with a group for every record; pixels are looked at only where one has none yet."""
    if all(record.group for record in dataset.records):
        return dataset
    return replace(dataset, records=draw_groups(dataset.records, alike(dataset, track)))


def proofs(looks: Sequence[Look | None], jobs: int = 0) -> list[Proof]:
    """Return every pair of pictures that is proved to show one photo, also mirrored."""
    places = [place for place, seen in enumerate(looks) if seen is not None]
    seen = [one for one in looks if one is not None]
    found = ordered_map(partial(_judge, seen), _proposed(seen), jobs)
    return [Proof(places[i], places[j], repeat) for i, j, repeat in filter(None, found)]


def _look_at(dataset: Dataset, place: int) -> Look | None:
    try:
        return look(images.read(dataset.root / dataset.records[place].path))
    except BadImage:
        return None


def _proposed(looks: Sequence[Look]) -> Iterator[tuple[int, int, bool]]:
    """Yield the pairs whose hashes are near, and whether they are nearer mirrored."""
    hashes = np.array([one.hash for one in looks], np.uint64)
    mirrored = np.array([one.mirrored for one in looks], np.uint64)
    for first in range(len(looks) - 1):
        straight = np.bitwise_count(hashes[first] ^ hashes[first + 1 :])
        # Both ways round, so that the order of the pictures does not matter.
        one_way = np.bitwise_count(hashes[first] ^ mirrored[first + 1 :])
        turned = np.minimum(one_way, np.bitwise_count(mirrored[first] ^ hashes[first + 1 :]))
        for step in np.nonzero(np.minimum(straight, turned) <= HASH_BITS)[0]:
            yield first, first + 1 + int(step), bool(turned[step] < straight[step])


def _judge(looks: Sequence[Look], pair: tuple[int, int, bool]) -> tuple[int, int, bool] | None:
    first, second, mirrored = pair
    # In an order of their own: a warped onto b is not quite b warped onto a.
    a, b = sorted((looks[first].pixels, looks[second].pixels), key=lambda pixels: pixels.tobytes())
    if mirrored:
        b = np.ascontiguousarray(b[:, ::-1])
    if np.array_equal(a, b):
        return first, second, True
    if min(_coarse(a, b), _coarse(b, a)) < COARSE:
        return None
    left = _aligned(a, b)
    if left.whole < SAME_PHOTO.whole or left.fine < SAME_PHOTO.fine:
        return None
    return first, second, left.whole >= REPEAT.whole and left.fine >= REPEAT.fine


def _coarse(a: Gray, b: Gray) -> float:
    """Return the best correlation of the middle of one picture anywhere in the other, at 32 pixels."""
    small, edge = images.thumbnail(a), 3
    middle = small[edge:-edge, edge:-edge]
    return float(cv2.matchTemplate(images.thumbnail(b), middle, cv2.TM_CCOEFF_NORMED).max())


def _aligned(a: Gray, b: Gray) -> Bound:
    """Return how two pictures correlate, whole and in fine structure, once one is warped onto the other."""
    warp = np.eye(2, 3, dtype=np.float32)
    stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 30, 1e-3)
    try:
        _, warp = cv2.findTransformECC(a, b, warp, cv2.MOTION_AFFINE, stop, np.empty(0, np.uint8), 3)
    except cv2.error:  # it says so when nothing converges: these are not one photo
        return Bound(0.0, 0.0)
    over = cv2.warpAffine(b, warp, (SIDE, SIDE), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return Bound(_correlation(_inner(a), _inner(over)), _correlation(_fine(a), _fine(over)))


def _fine(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    whole = pixels.astype(np.float32)
    return _inner(whole - cv2.GaussianBlur(whole, (0, 0), 4))


def _inner(pixels: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what is left of the edge, where a warp brings in nothing."""
    return np.asarray(pixels[5:-5, 5:-5], np.float32).ravel()


def _correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    if not a.std() or not b.std():
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
