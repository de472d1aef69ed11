"""How far a gallery's threshold can be relied on: galleries of people drawn at random, and whom else they name.

    python benchmarks/promises.py [DATA] [--embedder dlib] [--folder FOLDER] [--fpir 0.01] [--even]

People are drawn from `lfw/pairs_images`, without the 42 of `lfw/identities`: so many of those with two photos and more,
thirty times, are enrolled, and all others are strangers. The strangers are of the same kind as the people enrolled, so
that the rate that was asked for should be the one that is measured. `utkface`: people of one photo each, from all over
the world, some of whom are in it twice. The weights in `openset/threshold.py` and the width of the interval in
`openset/interval.py` were chosen by these tables. `--even` draws only people with an even CRC-32 of their name, of whom
what is usual for an embedder was measured. `benchmarks/galleries.py` measures other people.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from enrolled import Faces, faces

from facekit.identity import embedders
from facekit.identity.gallery.promise import FACTOR, LEAST
from facekit.identity.openset.interval import fpir_interval
from facekit.identity.openset.known import KnownFaces
from facekit.identity.openset.left_out import leave_out
from facekit.identity.openset.threshold import Prior, thresholds
from facekit.runs.known_faces import KnownVectors

ROUNDS = 30
COUNTS = (5, 10, 20, 42, 70, 100, 200, 300)


@dataclass(frozen=True)
class Drawn:
    """What became of one gallery."""

    rate: float
    low: float
    high: float
    promised: bool


def drawn(some: Faces, embedder: str, people: list[str], count: int, fpir: float) -> Iterator[Drawn]:
    """Yield galleries of so many of the people, with everybody else as a stranger."""
    one, names = embedders.load(embedder), some.names
    prior = Prior.of(one.metric, one.threshold)
    for seed in range(ROUNDS):
        chosen = np.random.default_rng([seed, count]).permutation(people)[:count]
        known = np.isin(names, chosen)
        _, classes = np.unique(names[known], return_inverse=True)
        gallery = KnownFaces.of(KnownVectors(some.vectors[known], classes.astype(np.int32)), count, one.metric)
        left = leave_out(gallery)
        if left is None:
            continue
        threshold = float(thresholds(left, prior, [fpir])[0])
        ends = fpir_interval(left, prior, threshold, fpir)
        rate = float((gallery.similarities(some.vectors[~known]).max(axis=1) >= threshold).mean())
        narrow = ends.high <= FACTOR * fpir and ends.low >= fpir / FACTOR
        yield Drawn(rate, ends.low, ends.high, narrow and left.people >= LEAST)


def table(title: str, some: Faces, embedder: str, people: list[str], fpir: float) -> None:
    """Print a row for each number of people."""
    for count in COUNTS:
        if count > 0.7 * len(people):
            break
        every = list(drawn(some, embedder, people, count, fpir))
        rates = np.array([one.rate for one in every])
        near = (rates >= fpir / FACTOR) & (rates <= FACTOR * fpir)
        kept = [ok for one, ok in zip(every, near, strict=True) if one.promised]
        print(
            f"| {title} | {embedder} | {count} | {rates.mean():.4f} | {near.mean():.2f} | "
            f"{np.mean([one.low <= one.rate <= one.high for one in every]):.2f} | "
            f"{np.median([one.low for one in every]):.4f} to {np.median([one.high for one in every]):.4f} | "
            f"{len(kept)} of {len(every)} | {f'{sum(kept)} of {len(kept)}' if kept else '-'} |",
            flush=True,
        )


def lfw(data: Path, work: Path, embedder: str, even: bool) -> tuple[Faces, list[str]]:
    """Return the faces of people who are not among the 42, and who of them has two photos and more."""
    known = {one.name for one in (data / "lfw" / "identities").iterdir()}
    some = faces(data / "lfw" / "pairs_images", work / "others", embedder)
    keep = [n not in known and not (even and zlib.crc32(n.encode()) % 2) for n in some.names.tolist()]
    some = some.where(np.flatnonzero(keep))
    return some, sorted(name for name, photos in Counter(some.names.tolist()).items() if photos > 1)


def utkface(data: Path, work: Path, embedder: str) -> tuple[Faces, list[str]]:
    """Return every second face, each as somebody else."""
    for folder in ("male", "female"):
        for file in sorted((data / "utkface" / folder).iterdir())[::2]:
            person = work / "utkface" / file.stem.replace(".", "_")
            person.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, person)
    some = faces(work / "utkface", work / "utkface-faces", embedder)
    return some, sorted(some.names.tolist())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=os.environ.get("FACEKIT_DATA"))
    parser.add_argument("--embedder", action="append")
    parser.add_argument("--folder", type=Path, help="where the faces are kept, so that they are cut once")
    parser.add_argument("--fpir", type=float, default=0.01)
    parser.add_argument("--even", action="store_true")
    parser.add_argument("--lfw", action="store_true", help="leave out utkface")
    options = parser.parse_args()
    if options.data is None:
        parser.error("give the folder of the data, or set FACEKIT_DATA")
    print("| of | embedder | people | measured | within a factor of 2 | in the interval | interval | promised | kept |")
    print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        work = options.folder or Path(folder)
        for embedder in options.embedder or ["dlib", "sface"]:
            some, people = lfw(Path(options.data), work, embedder, options.even)
            table("LFW", some, embedder, people, options.fpir)
            if not options.lfw:
                some, people = utkface(Path(options.data), work, embedder)
                table("UTKFace", some, embedder, people, options.fpir)


if __name__ == "__main__":
    main()
