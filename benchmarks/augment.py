"""`facekit augment` beside a plain loop over albumentations, each as a process of its own, start-up included.

The loop is what one would write: each photo read once, the same recipe composed once and not seeded, `cv2.imwrite`.
It checks nothing, copies nothing, and cannot go on after a kill. With `--processes 2` it is the loop over a pool of
two, a person a task, and `facekit augment` takes `--jobs 2`. The two take turns; printed are wall and CPU seconds of
each (its processes together), and the median and range of loop / facekit: above 1 facekit is faster.

    python benchmarks/augment.py EVEN --children 500 --runs 5

EVEN is a folder that `facekit balance` has made. What would make its figures wrong: other work, by which wall time
says less than CPU time; a slow disk, which both wait for; a folder that is not balanced yet, in which facekit first
looks for copies of one photo.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path


def loop(even: Path, out: Path, count: int, processes: int) -> None:
    """Write `count` pictures a person: the photos of the training part, changed in turn."""
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
    lines = [json.loads(line) for line in (even / "manifest.jsonl").read_text().splitlines()]
    people = sorted({line["label"] for line in lines})
    tasks = []
    for label in people:
        inside = [line for line in lines if line["label"] == label]
        photos = [str(even / line["path"]) for line in inside if line["split"] == "train"]
        tasks.append((photos, str(out / label), count - len(inside)))
    if processes == 1:
        for task in tasks:
            one(task)
    else:
        with ProcessPoolExecutor(processes) as pool:
            list(pool.map(one, tasks))


def one(task: tuple[list[str], str, int]) -> None:
    """Write the children of one person."""
    import cv2

    photos, out, count = task
    Path(out).mkdir(parents=True)
    pictures = [cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB) for path in photos]
    transform = composed(*pictures[0].shape[:2])
    for number, picture in zip(range(count), itertools.cycle(pictures), strict=False):
        changed = cv2.cvtColor(transform(image=picture)["image"], cv2.COLOR_RGB2BGR)
        cv2.imwrite(f"{out}/{number}.jpg", changed, [cv2.IMWRITE_JPEG_QUALITY, 95])


def composed(height: int, width: int) -> object:
    """Return the recipe `standard`."""
    import albumentations
    import cv2

    a = albumentations
    return a.Compose([
        a.HorizontalFlip(p=0.5),
        a.Affine(rotate=(-12, 12), scale=(0.9, 1.1), translate_percent=(-0.06, 0.06),
                 border_mode=cv2.BORDER_REPLICATE, p=0.9),
        a.RandomCropFromBorders(crop_left=0.08, crop_right=0.08, crop_top=0.08, crop_bottom=0.08, p=0.5),
        a.Resize(height, width, interpolation=cv2.INTER_AREA),
        a.RandomBrightnessContrast(brightness_limit=0.25, contrast_limit=0.25, p=0.8),
        a.OneOf([a.GaussianBlur(blur_limit=(3, 5)), a.MotionBlur(blur_limit=(3, 5))], p=0.15),
        a.GaussNoise(std_range=(0.01, 0.05), p=0.3),
        a.CoarseDropout(num_holes_range=(1, 1), hole_height_range=(0.1, 0.25), hole_width_range=(0.1, 0.25), fill=0,
                        p=0.15),
    ])  # fmt: skip


def timed(command: Sequence[str | Path], out: Path) -> tuple[float, float]:
    """Return the wall and CPU seconds of a process and its children, which writes a folder."""
    shutil.rmtree(out, ignore_errors=True)
    began = time.perf_counter()
    # As in an installation, where modules are compiled once.
    with_bytecode = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=with_bytecode
    )
    error = process.stderr.read() if process.stderr else b""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(error.decode())
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("even", type=Path)
    parser.add_argument("--children", type=int, default=500, help="in all, at least")
    parser.add_argument("--processes", type=int, default=1, help="of the loop, and --jobs of facekit")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--loop", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.loop:
        loop(chosen.even, Path(chosen.loop[0]), int(chosen.loop[1]), chosen.processes)
        return
    lines = [json.loads(line) for line in (chosen.even / "manifest.jsonl").read_text().splitlines()]
    people = len({line["label"] for line in lines})
    count = -(-(chosen.children + len(lines)) // people)
    rows: dict[str, list[tuple[float, float]]] = {"facekit": [], "loop": []}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        ours = [sys.executable, "-m", "facekit", "augment", chosen.even, "-o", out, "--count", count]
        ours += ["--jobs", chosen.processes]
        theirs = [sys.executable, __file__, chosen.even, "--processes", chosen.processes, "--loop", out, count]
        for _ in range(chosen.runs):
            rows["facekit"].append(timed(ours, out))
            rows["loop"].append(timed(theirs, out))
    for who, times in rows.items():
        wall, cpu = ([row[place] for row in times] for place in (0, 1))
        print(f"{who:<8} wall {statistics.median(wall):6.2f} s ({min(wall):.2f} to {max(wall):.2f})   "
              f"CPU {statistics.median(cpu):6.2f} s ({min(cpu):.2f} to {max(cpu):.2f})")  # fmt: skip
    for place, what in enumerate(("wall", "CPU")):
        ratios = [b[place] / a[place] for a, b in zip(rows["facekit"], rows["loop"], strict=True)]
        print(f"loop / facekit, {what}: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
