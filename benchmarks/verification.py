"""How well each embedder tells people apart on LFW's development pairs, and how fast.

    FACEKIT_DATA=/path/to/data python benchmarks/verification.py
    … --embedder dlib --embedder path/to/run --detector dlib --detector haar

FACEKIT_DATA names a folder with `lfw/pairsDevTrain.txt`, `lfw/pairsDevTest.txt` and `lfw/pairs_images`. The threshold
is the one that is best on the pairs of Train; accuracy, area under the curve and the share of matched pairs
found at 1% and 0.1% of false matches are those of Test, whose people are others. A photo shows several people
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
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from facekit import detectors, embedders, images
from facekit.contract import BadImage, Box, Embedder, Face, FacekitError, Image
from facekit.options import Crop

BATCH = 16

WRONG = {
    ("Elisabeth_Schumacher", 1, 2),
    ("Flor_Montulo", 1, 2),
    ("Janica_Kostelic", 1, 2),
    ("Jim_OBrien", 1, 3),
    ("Recep_Tayyip_Erdogan", 2, 4),
}
"""Matched pairs that show two people, by LFW's own errata."""

CROPS = " crops"


class Pair(NamedTuple):
    first: Path
    second: Path
    same: bool
    label: str
    known_wrong: bool


@dataclass
class Found:
    """The vectors of all photos, and what it took to get them."""

    vectors: dict[Path, NDArray[np.float32]] = field(default_factory=dict)
    missed: int = 0
    seconds: list[float] = field(default_factory=list)
    """CPU seconds a face, batch by batch."""


def pairs(lfw: Path, name: str) -> list[Pair]:
    found = []
    for line in (lfw / name).read_text().splitlines()[1:]:
        parts = line.split("\t")
        if len(parts) not in (3, 4):
            continue
        one, other = (parts[0], int(parts[1])), (parts[-2] if len(parts) == 4 else parts[0], int(parts[-1]))
        paths = [lfw / "pairs_images" / who / f"{who}_{number:04d}.jpg" for who, number in (one, other)]
        wrong = (one[0], one[1], other[1]) in WRONG and len(parts) == 3
        found.append(Pair(paths[0], paths[1], len(parts) == 3, " ".join(parts), wrong))
    return found


def middle_face(image: Image, faces: Sequence[Face]) -> Face | None:
    height, width = image.shape[:2]

    def off(face: Face) -> float:
        return abs(complex(face.box.x + face.box.w / 2 - width / 2, face.box.y + face.box.h / 2 - height / 2))

    return min(faces, key=off, default=None)


def looker(detector: str) -> Callable[[Path], tuple[Image, Box | None, bool]]:
    """Return what gives for a photo: the picture to align in, the box of the face, and whether one was found."""
    options = Crop(input=Path(), output=Path(), detector=detector.removesuffix(CROPS))
    detectors.ready(options)

    def look(path: Path) -> tuple[Image, Box | None, bool]:
        image = images.read(path)
        face = middle_face(image, detectors.find(image, options))
        if face is None:  # LFW's faces stand in the middle and are of one size
            face = Face(Box(66, 62, 118, 118), 0.0)
            return image, face.box, False
        if not detector.endswith(CROPS):
            return image, face.box, True
        cut = images.decode(images.encode(detectors.cut_out(image, face, options)))
        side = round(options.size / (1 + options.margin))
        return cut, Box((options.size - side) // 2, (options.size - side) // 2, side, side), True

    return look


def embed(embedder: Embedder, detector: str, paths: Sequence[Path]) -> Found:
    look = looker(detector)
    found = Found()
    for start in range(0, len(paths), BATCH):
        seen = [look(path) for path in paths[start : start + BATCH]]
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


def apart(embedder: Embedder, found: Found, chosen: Sequence[Pair]) -> NDArray[np.float64]:
    """Distances of pairs; where a face has no vector, as far apart as can be."""
    rows = [(found.vectors[pair.first][None], found.vectors[pair.second][None]) for pair in chosen]
    far = np.array([float(embedders.distances(embedder.metric, a, b)[0, 0]) for a, b in rows])
    return np.asarray(np.nan_to_num(far, nan=9.0), np.float64)


def best(far: NDArray[np.float64], same: NDArray[np.bool_]) -> float:
    """The threshold with the most pairs right; of several as good, the middle one."""
    steps = np.unique(far)
    right = np.array([((far <= step) == same).mean() for step in steps])
    return float(np.median(steps[right == right.max()]))


def report(embedder: Embedder, detector: str, lfw: Path) -> None:
    train, test = (pairs(lfw, f"pairsDev{part}.txt") for part in ("Train", "Test"))
    paths = sorted({path for pair in train + test for path in pair[:2]})
    found = embed(embedder, detector, paths)
    same_train, same = (np.array([pair.same for pair in some]) for some in (train, test))
    threshold = best(apart(embedder, found, train), same_train)
    far = apart(embedder, found, test)
    near, wide = far[same], np.sort(far[~same])
    auc = ((near[:, None] < wide).mean() + (near[:, None] <= wide).mean()) / 2
    tar = [float((near < wide[int(share * len(wide))]).mean()) for share in (0.01, 0.001)]
    speed = 1 / np.percentile(found.seconds[2:], (50, 10))
    at_best, declared = (((far <= at) == same).mean() for at in (threshold, embedder.threshold))
    print(
        f"{embedder.name:<14} {detector:<11} threshold {threshold:.3f}  accuracy {at_best:.4f}"
        f"  at {embedder.threshold:.3f}: {declared:.4f}  AUC {auc:.4f}"
        f"  TAR {tar[0]:.4f} at 1%, {tar[1]:.4f} at 0.1%  {speed[0]:.0f} faces/s, at best {speed[1]:.0f}"
        f"  ({found.missed} of {len(paths)} not found)",
        flush=True,
    )
    wrong = [(pair, distance) for pair, distance in zip(test, far, strict=True) if (distance <= threshold) != pair.same]
    for pair, distance in wrong:
        print(f"    {'known to be wrong: ' if pair.known_wrong else ''}{pair.label} ({distance:.3f})")


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
