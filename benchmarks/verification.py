"""How well each embedder tells people apart, for whom, how fast, and on which terms: the table behind the defaults.

    FACEKIT_DATA=/path/to/data python benchmarks/verification.py --keep vectors
    … --embedder dlib --embedder path/to/run --detector dlib --detector "yunet crops"

FACEKIT_DATA names a folder with `lfw` (`pairsDevTrain.txt`, `pairsDevTest.txt`, `pairs_images`, `gender.csv`) and
`utkface`.

LFW: the threshold is the one that is best on the pairs of Train; accuracy, area under the curve and the share of
matched pairs found at 1% and 0.1% of false matches are those of Test, whose people are others. A photo shows several
people now and then: the face nearest to its middle is the one that LFW names. A photo without a face has no vector;
its pairs are lost, and `all` is the accuracy with those counted as wrong. By gender: pairs of Test of two women, or of
two men.

UTKFace has no identities. All its photos are taken for different people, so each pair of one group that comes out as
one person at LFW's threshold is a false match. Pairs are of one gender and one group. Some people are in it twice, so
the rates are too high by as much; they are for comparing groups and embedders.

`crops` gives the embedder what `facekit crop` writes, not the photo. CPU time a face is for landmarks, warp and
network together, without the detector; on a machine that does other work too, the best tenth of the batches says more
than the middle one. `--keep FOLDER` keeps the vectors, so that the tables can be printed again at once.
"""

from __future__ import annotations

import argparse
import csv
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics.pairwise import paired_distances

from facekit.base import images
from facekit.base.contract import BadImage, Box, Embedder, FacekitError, Image
from facekit.base.provenance import EMBEDDERS
from facekit.dataset import pairlists
from facekit.dataset.pairlists import Pair
from facekit.faces import detectors
from facekit.faces.detectors.boxes import foremost
from facekit.identity import embedders
from facekit.options.crop import Crop
from facekit.scores import verification as scores

T = TypeVar("T")

BATCH = 16
WARM_UP = 2
"""Batches whose time does not count."""

FARS = (0.01, 0.001)

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

SUBJECTS = (
    ("dlib", "dlib"),
    ("dlib", "yunet"),
    ("dlib", f"yunet{CROPS}"),
    ("dlib-mirrored", "dlib"),
    ("sface", "yunet"),
    ("sface", f"yunet{CROPS}"),
)
"""Embedders and what finds faces for them, where nothing else is said."""

AGES = ((18, 29), (30, 44), (45, 59), (60, 80))
RACES = ("White", "Black", "Asian", "Indian", "Other")
UTK_NAME = re.compile(r"(\d+)_([01])_([0-4])_")


@dataclass
class Found:
    """The vectors of photos, NaN where there is no face, and what it took to get them."""

    paths: list[str]
    rows: NDArray[np.float32]
    seconds: NDArray[np.float64]
    """CPU seconds a face, batch by batch."""

    @property
    def there(self) -> NDArray[np.bool_]:
        return np.isfinite(self.rows).all(1)


@dataclass
class Subject:
    """An embedder with its detector, and what is known of it by now."""

    embedder: Embedder
    detector: str
    threshold: float = float("nan")
    seconds: list[float] = field(default_factory=list)

    @property
    def title(self) -> str:
        return f"{self.embedder.name}, {self.detector}"


def looker(detector: str) -> Callable[[Path], tuple[Image, Box]]:
    """Return what gives for a photo: the picture to align in, and the box of the face. It raises BadImage."""
    options = Crop(input=Path(), output=Path(), detector=detector.removesuffix(CROPS))
    detectors.ready(options)

    def look(path: Path) -> tuple[Image, Box]:
        image = images.read(path)
        face = foremost(detectors.find(image, options), image)
        if face is None:
            raise BadImage("no face")
        if not detector.endswith(CROPS):
            return image, face.box
        cut = images.decode(images.encode(detectors.cut_out(image, face, options)))
        side = round(options.size / (1 + options.margin))
        return cut, Box((options.size - side) // 2, (options.size - side) // 2, side, side)

    return look


def embed(subject: Subject, root: Path, paths: Sequence[str]) -> Found:
    look, embedder = looker(subject.detector), subject.embedder
    rows = np.full((len(paths), embedder.dimensions), np.nan, np.float32)
    seconds = []
    for start in range(0, len(paths), BATCH):
        places = range(start, min(start + BATCH, len(paths)))
        seen = _good(places, lambda place: look(root / paths[place]))
        began = time.process_time()
        good = _good(seen, lambda place, seen=seen: embedder.align(*seen[place]))
        rows[list(good)] = embedder.embed(list(good.values()))
        seconds.append((time.process_time() - began) / max(1, len(seen)))
    return Found(list(paths), rows, np.array(seconds[WARM_UP:]))


def _good(places: Iterable[int], act: Callable[[int], T]) -> dict[int, T]:
    """Return what comes of each place; nothing of one whose picture has no face."""
    found = {}
    for place in places:
        with suppress(BadImage):
            found[place] = act(place)
    return found


def vectors(subject: Subject, root: Path, paths: Sequence[str], keep: Path | None) -> Found:
    """Embed photos, or load what an earlier run kept of them."""
    name = f"{subject.embedder.name} {subject.embedder.version} {subject.detector} {root.name}.npz"
    file = keep and keep / name.replace("/", "_")
    if file and file.exists():
        with np.load(file) as kept:
            return Found(kept["paths"].tolist(), kept["rows"], kept["seconds"])
    found = embed(subject, root, paths)
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez(file, paths=np.array(found.paths), rows=found.rows, seconds=found.seconds)
    return found


def apart(embedder: Embedder, found: Found, pairs: Sequence[Pair]) -> NDArray[np.float64]:
    """Distances of pairs; NaN where a face has no vector."""
    place = {path: number for number, path in enumerate(found.paths)}
    first, second = (found.rows[[place[path] for path in side]] for side in zip(*map(photos, pairs), strict=True))
    far = np.full(len(pairs), np.nan)
    there = np.isfinite(first).all(1) & np.isfinite(second).all(1)
    far[there] = paired_distances(first[there], second[there], metric=embedder.metric)
    return far


def photos(pair: Pair) -> tuple[str, str]:
    return pair.first, pair.second


def faces_in_the_wild(subject: Subject, lfw: Path, keep: Path | None, errors: bool) -> None:
    """Print the rows of LFW, and find the threshold."""
    train, test = (pairlists.read(lfw / f"pairsDev{part}.txt") for part in ("Train", "Test"))
    found = vectors(subject, lfw / "pairs_images", sorted({*train.photos, *test.photos}), keep)
    far, same = (apart(subject.embedder, found, train.pairs), np.array([pair.same for pair in train.pairs]))
    there = np.isfinite(far)
    subject.threshold = scores.best_threshold(far[there], same[there])
    far, same = (apart(subject.embedder, found, test.pairs), np.array([pair.same for pair in test.pairs]))
    there = np.isfinite(far)
    measures = scores.measure(far[there], same[there], FARS, (subject.threshold, subject.embedder.threshold))
    at_best, declared = measures.points
    whole = at_best.accuracy * there.mean()
    genders = [
        scores.at(far[rows], same[rows], subject.threshold)
        for rows in (there & of for of in both_of(test.pairs, lfw / "gender.csv"))
    ]
    speed = 1000 * np.percentile(found.seconds, (50, 10))
    print(
        f"| {subject.title} | {subject.threshold:.3f} | {at_best.accuracy:.4f} ({whole:.4f}) | {measures.auc:.4f} "
        f"| {' / '.join(f'{rate:.4f}' for rate in measures.tar)} | {np.count_nonzero(~there)} "
        f"| {' / '.join(f'{one.accuracy:.4f}' for one in genders)} | {speed[0]:.1f} ({speed[1]:.1f}) |"
        f" declared {subject.embedder.threshold:g}: {declared.accuracy:.4f}",
        flush=True,
    )
    for pair, distance in zip(test.pairs, far, strict=True) if errors else ():
        if not np.isfinite(distance) or (distance <= subject.threshold) != pair.same:
            print(label(pair, distance))


def both_of(pairs: Sequence[Pair], table: Path) -> Iterator[NDArray[np.bool_]]:
    """Yield which pairs show two women, and which two men."""
    with table.open() as file:
        genders = {row["image"]: row["gender"] for row in csv.DictReader(file)}
    for wanted in ("female", "male"):
        yield np.array([all(genders.get(Path(path).stem) == wanted for path in photos(pair)) for pair in pairs])


def label(pair: Pair, distance: float) -> str:
    known = "known to be wrong: " if pair.same and photos(pair) in WRONG else ""
    return f"    {known}{' '.join(Path(path).stem for path in photos(pair))} ({distance:.3f})"


def false_matches(subject: Subject, utk: Path, keep: Path | None) -> None:
    """Print the shares of pairs of different people that are taken for one, by group."""
    found = vectors(subject, utk, sorted(str(path.relative_to(utk)) for path in utk.glob("*/*.jpg")), keep)
    matches = [UTK_NAME.match(Path(path).name) for path in found.paths]
    age, gender, race = np.array([[int(one) for one in match.groups()] if match else [-1] * 3 for match in matches]).T
    groups = {f"{low} to {high}": (age >= low) & (age <= high) for low, high in AGES}
    groups |= {name: race == number for number, name in enumerate(RACES)}
    groups |= {name: gender == number for number, name in enumerate(("men", "women"))}
    cells = []
    for name, members in groups.items():
        taken = pairs = 0
        for number in (0, 1):
            some = found.rows[members & found.there & (gender == number)]
            far = embedders.distances(subject.embedder.metric, some)[np.triu_indices(len(some), 1)]
            taken, pairs = taken + np.count_nonzero(far <= subject.threshold), pairs + len(far)
        cells.append(f"{name} {100 * taken / pairs:.2f}% of {pairs}")
    missed = f"{np.count_nonzero(~found.there)} of {len(found.paths)}"
    print(f"| {subject.title} | {missed} | {' | '.join(cells)} |", flush=True)


def subjects(chosen: argparse.Namespace) -> Iterator[Subject]:
    wanted: Sequence[tuple[str, str]] = SUBJECTS
    if chosen.embedder or chosen.detector:
        names, finders = chosen.embedder or ["dlib", "sface"], chosen.detector or ["dlib", "yunet"]
        wanted = [(name, finder) for name in names for finder in finders]
    for name, finder in wanted:
        try:
            yield Subject(embedders.load(name), finder)
        except FacekitError as error:
            print(f"{name}: {error}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--embedder", action="append", help="default: all that are here")
    parser.add_argument("--detector", action="append", help="haar, yunet or dlib, or one of these and ' crops'")
    parser.add_argument("--keep", type=Path, help="folder for the vectors")
    parser.add_argument("--errors", action="store_true", help="print the pairs that are wrong")
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    data = Path(os.environ.get("FACEKIT_DATA", "data"))
    every = list(subjects(chosen))
    heads = ("embedder, face found by", "threshold", "accuracy (all)", "AUC", "TAR at FAR 1% / 0.1%", "pairs lost")
    print(f"| {' | '.join(heads)} | women / men | CPU ms |")
    for subject in every:
        faces_in_the_wild(subject, data / "lfw", chosen.keep, chosen.errors)
    for subject in every:
        if not subject.detector.endswith(CROPS):
            false_matches(subject, data / "utkface", chosen.keep)
    for name in sorted({subject.embedder.name for subject in every} & EMBEDDERS.keys()):
        one = EMBEDDERS[name]
        print(f"| {name} | {one.licence} | trained on {one.trained_on} | {one.overlap} |")


if __name__ == "__main__":
    main()
