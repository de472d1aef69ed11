"""How well each embedder tells people apart on LFW's development pairs, and how fast.

    FACEKIT_DATA=/path/to/data python benchmarks/verification.py
    … --embedder dlib --embedder path/to/run --detector dlib --detector haar

FACEKIT_DATA names a folder with `lfw/pairsDevTrain.txt`, `lfw/pairsDevTest.txt` and `lfw/pairs_images`. The threshold
is the one that is best on the pairs of Train; accuracy, area under the curve and the share of matched pairs
found at 10% and 1% of false matches are those of Test, whose people are others. A photo shows several people
now and then: the face nearest to its middle is the one that LFW names. `haar crops` gives the embedder what
`facekit crop` writes by default, not the photo. Faces per second are those of one core: CPU time for landmarks,
warp and network together, without the detector; on a machine that does other work too, the best tenth of
the batches says more than the middle one.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics.pairwise import paired_distances

from facekit.base import images
from facekit.base.contract import BadImage, Box, Embedder, Face, FacekitError, Image
from facekit.dataset import pairlists
from facekit.dataset.pairlists import Pair
from facekit.faces import detectors
from facekit.faces.detectors.boxes import foremost
from facekit.identity import embedders
from facekit.options.crop import Crop
from facekit.scores import verification as scores

BATCH = 16

FARS = (0.1, 0.01)

WRONG = {
    tuple(f"{name}/{name}_{number:04d}.jpg" for number in numbers)
    for name, *numbers in (
        ("Elisabeth_Schumacher", 1, 2),
        ("Flor_Montulo", 1, 2),
        ("Janica_Kostelic", 1, 2),
        ("Jim_OBrien", 1, 3),
        ("Recep_Tayyip_Erdogan", 2, 4),
    )
}
"""Matched pairs that show two people, by LFW's own errata."""

CROPS = " crops"


@dataclass
class Found:
    """The vectors of all photos, and what it took to get them."""

    vectors: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    missed: int = 0
    seconds: list[float] = field(default_factory=list)
    """CPU seconds a face, batch by batch."""


def looker(detector: str) -> Callable[[Path], tuple[Image, Box | None, bool]]:
    """Return what gives for a photo: the picture to align in, the box of the face, and whether one was found."""
    options = Crop(input=Path(), output=Path(), detector=detector.removesuffix(CROPS))
    detectors.ready(options)

    def look(path: Path) -> tuple[Image, Box | None, bool]:
        image = images.read(path)
        face = foremost(detectors.find(image, options), image)
        if face is None:  # LFW's faces stand in the middle and are of one size
            face = Face(Box(66, 62, 118, 118), 0.0)
            return image, face.box, False
        if not detector.endswith(CROPS):
            return image, face.box, True
        cut = images.decode(images.encode(detectors.cut_out(image, face, options)))
        side = round(options.size / (1 + options.margin))
        return cut, Box((options.size - side) // 2, (options.size - side) // 2, side, side), True

    return look


def embed(embedder: Embedder, detector: str, root: Path, paths: Sequence[str]) -> Found:
    look = looker(detector)
    found = Found()
    for start in range(0, len(paths), BATCH):
        seen = [look(root / path) for path in paths[start : start + BATCH]]
        found.missed += sum(not there for *_, there in seen)
        began = time.process_time()
        aligned = [_aligned(embedder, image, box) for image, box, _ in seen]
        good = [face for face in aligned if face is not None]
        vectors = iter(embedder.embed(good))
        found.seconds.append((time.process_time() - began) / len(seen))
        for path, face in zip(paths[start : start + BATCH], aligned, strict=True):
            found.vectors[path] = np.full(embedder.dimensions, np.nan, np.float32) if face is None else next(vectors)
    return found


def _aligned(embedder: Embedder, image: Image, box: Box | None) -> Image | None:
    try:
        return embedder.align(image, box)
    except BadImage:
        return None


def apart(embedder: Embedder, found: Found, pairs: Sequence[Pair]) -> NDArray[np.float64]:
    """Distances of pairs; where a face has no vector, as far apart as can be."""
    first, second = (np.stack([found.vectors[path] for path in side]) for side in zip(*map(photos, pairs), strict=True))
    far = np.full(len(pairs), 9.0)
    there = np.isfinite(first).all(1) & np.isfinite(second).all(1)
    far[there] = paired_distances(first[there], second[there], metric=embedder.metric)
    return far


def photos(pair: Pair) -> tuple[str, str]:
    return pair.first, pair.second


def label(pair: Pair, distance: float) -> str:
    known = "known to be wrong: " if pair.same and photos(pair) in WRONG else ""
    return f"    {known}{' '.join(Path(path).stem for path in photos(pair))} ({distance:.3f})"


def report(embedder: Embedder, detector: str, lfw: Path) -> None:
    train, test = (pairlists.read(lfw / f"pairsDev{part}.txt") for part in ("Train", "Test"))
    paths = sorted({*train.photos, *test.photos})
    found = embed(embedder, detector, lfw / "pairs_images", paths)
    same_train, same = (np.array([pair.same for pair in some.pairs]) for some in (train, test))
    threshold = scores.best_threshold(apart(embedder, found, train.pairs), same_train)
    far = apart(embedder, found, test.pairs)
    measures = scores.measure(far, same, FARS, (threshold, embedder.threshold))
    speed = 1 / np.percentile(found.seconds[2:], (50, 10))
    at_best, declared = (rates.accuracy for rates in measures.points)
    tar = ", ".join(f"{rate:.4f} at {share:g}" for rate, share in zip(measures.tar, FARS, strict=True))
    print(
        f"{embedder.name:<14} {detector:<11} threshold {threshold:.3f}  accuracy {at_best:.4f}"
        f"  at {embedder.threshold:.3f}: {declared:.4f}  AUC {measures.auc:.4f}  TAR {tar}"
        f"  {speed[0]:.0f} faces/s, at best {speed[1]:.0f}  ({found.missed} of {len(paths)} not found)",
        flush=True,
    )
    for pair, distance in zip(test.pairs, far, strict=True):
        if (distance <= threshold) != pair.same:
            print(label(pair, distance))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--embedder", action="append", help="default: all that are here")
    parser.add_argument("--detector", action="append", help="default: dlib, haar, haar crops")
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    lfw = Path(os.environ.get("FACEKIT_DATA", "data")) / "lfw"
    for name in chosen.embedder or ["dlib", "dlib-mirrored", "sface"]:
        try:
            embedder = embedders.load(name)
        except FacekitError as error:
            print(f"{name}: {error}")
            continue
        for detector in chosen.detector or ["dlib", "haar", f"haar{CROPS}"]:
            report(embedder, detector, lfw)


if __name__ == "__main__":
    main()
