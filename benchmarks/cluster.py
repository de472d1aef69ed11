"""What `--cluster` costs: `crop` of small drawn pictures by two processes of a Dask cluster here, beside `--jobs 2`.

The two alternate, each in a process of its own, and the trees are compared. CPU seconds are those of the command and of
all that it starts: scheduler, workers, encryption. `hash` takes each picture as a face (`--no-detect`): two
milliseconds of work, the worst case for what it costs to send it. `detect` looks for a face in each.

What would make the figures wrong: pictures in the memory of the machine, where a cluster reads them over a network;
both sides sharing two cores, which hides what other machines would add; other work on the machine, in the wall times.
"""

from __future__ import annotations

import argparse
import filecmp
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

SIDES = {"--jobs 2": ("--jobs", "2"), "local:2": ("--cluster", "local:2", "--jobs", "2")}


class Cost(NamedTuple):
    """What one run took, in seconds."""

    wall: float
    cpu: float


def draw(folder: Path, count: int, side: int) -> Path:
    """Draw pictures of ten people, no two alike: blocks of colour, an oval, and grain."""
    for number in range(count):
        rng = np.random.default_rng([number, side])
        picture = cv2.resize(rng.integers(0, 255, (6, 6, 3), np.uint8), (side, side), interpolation=cv2.INTER_CUBIC)
        centre, axes = (side // 2, side // 2), (side // 4, side // 3)
        cv2.ellipse(picture, centre, axes, 0, 0, 360, tuple(map(int, rng.integers(80, 230, 3))), -1)
        grain = rng.integers(0, 24, picture.shape, np.uint8)
        file = folder / f"Person {number % 10}" / f"{number:06}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), cv2.add(picture, grain))
    return folder


def run(photos: Path, out: Path, *arguments: str) -> Cost:
    """Crop in a process of its own."""
    shutil.rmtree(out, ignore_errors=True)
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "facekit", "crop", str(photos), "-o", str(out), "--quiet", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(time.perf_counter() - began, cpu)


def differing(one: Path, other: Path) -> Iterator[str]:
    """Yield the files in which two trees differ."""
    found = filecmp.dircmp(one, other)
    yield from [*found.left_only, *found.right_only]
    yield from filecmp.cmpfiles(one, other, found.common_files, shallow=False)[1]
    for name in found.common_dirs:
        yield from differing(one / name, other / name)


def measure(photos: Path, root: Path, rounds: int, *arguments: str) -> None:
    """Print what each round took, and the ratios."""
    costs: dict[str, list[Cost]] = {side: [] for side in SIDES}
    for number in range(rounds):
        for side in list(SIDES)[:: 1 if number % 2 == 0 else -1]:
            costs[side].append(run(photos, root / side, *arguments, *SIDES[side]))
            print(f"  {side:<10} wall {costs[side][-1].wall:8.1f} s   CPU {costs[side][-1].cpu:8.1f} s", flush=True)
        assert not list(differing(*(root / side for side in SIDES)))
    for name in Cost._fields:
        ratios = [getattr(b, name) / getattr(a, name) for a, b in zip(*costs.values(), strict=True)]
        print(
            f"  {name} of local:2 / --jobs 2: {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=20_000)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--detect", action="store_true", help="look for a face in each picture")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, {options.pictures} pictures of {options.side} pixels, {options.rounds} rounds")
    with tempfile.TemporaryDirectory() as folder:
        photos = draw(Path(folder) / "photos", options.pictures, options.side)
        measure(photos, Path(folder), options.rounds, *([] if options.detect else ["--no-detect"]))


if __name__ == "__main__":
    main()
