"""One network for several targets beside one for each on one split: the drawn world, and identity and gender on LFW.

    FACEKIT_DATA=/path/to/data python benchmarks/targets.py -o work [--people 12 --photos 60 --epochs 20] [--only drawn]

FACEKIT_DATA names a folder with `lfw/identities/NAME/` and `lfw/gender.csv` (columns `image,gender`); without it only
the drawn world is measured. Of LFW the people with most photos are taken, women and men alike as far as there are, and
so many photos of each. Everything is done by `facekit draw`, `crop` and `compare --targets`, whose lines are printed:
for each target the accuracy of the joint network and of the one for it alone on the same pictures, their difference
with its 95% interval (bootstrap over photos), and the seconds of each. What is done is not done again.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path


def main() -> None:
    """Measure what is asked for, and print it."""
    given = _arguments()
    work = Path(given.output)
    work.mkdir(parents=True, exist_ok=True)
    if given.only in (None, "drawn"):
        _facekit("draw", "-o", work / "drawn", "--people", given.people, "--photos", given.photos)
        _study(given, work / "drawn", "identity,expression,gender", None)
    data = os.environ.get("FACEKIT_DATA")
    if given.only in (None, "lfw") and data:
        table = _lfw(Path(data) / "lfw", work / "lfw", given.people, given.photos)
        _study(given, work / "lfw", "identity,gender", table)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--people", type=int, default=12)
    parser.add_argument("--photos", type=int, default=60, help="of each person at most")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--network", default="cnn5")
    parser.add_argument("--size", type=int, default=48)
    parser.add_argument("--weights", help="as `--target-weights` takes them, such as learned")
    parser.add_argument("--only", choices=("drawn", "lfw"))
    return parser.parse_args()


def _study(given: argparse.Namespace, photos: Path, targets: str, table: Path | None) -> None:
    faces = photos.with_name(f"{photos.name}-faces")
    _facekit("crop", photos, "-o", faces)
    weights = given.weights or "equal"
    study = photos.with_name(f"{photos.name}-study-{weights.replace('=', '-').replace(',', '-')}")
    options = ["--targets", targets, "--networks", given.network, "--size", given.size, "--epochs", given.epochs]
    options += ["--targets-from", table] if table else []
    options += ["--target-weights", given.weights] if given.weights else []
    report = json.loads(_facekit("compare", faces, "-o", study, *options, "--json"))
    print(f"{photos.name}, weights {weights}:")
    for name, said in {**report, **report.get("details", {})}.items():
        if name.startswith("verdict"):
            print(f"  {said}")


def _lfw(data: Path, tree: Path, people: int, photos: int) -> Path:
    """Link the photos of some people into a tree, and return the table of their gender."""
    genders: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    with (data / "gender.csv").open(newline="", encoding="utf-8-sig") as rows:
        for row in csv.DictReader(rows):
            name, file = row["image"].rpartition("_")[0], f"{row['image']}.jpg"
            if (data / "identities" / name / file).is_file():
                genders[row["gender"]][name].append(file)
    table = tree.with_suffix(".csv")
    lines = []
    for gender, known in sorted(genders.items()):
        most = sorted(known, key=lambda name: (-len(set(known[name])), name))[: people // len(genders)]
        for name in most:
            (tree / name).mkdir(parents=True, exist_ok=True)
            for file in sorted(set(known[name]))[:photos]:
                if not (tree / name / file).exists():
                    shutil.copyfile(data / "identities" / name / file, tree / name / file)
            lines.append([name, gender])
    with table.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([["label", "gender"], *lines])
    return table


def _facekit(*words: object) -> str:
    """Run a command, and return what it prints."""
    done = subprocess.run([sys.executable, "-m", "facekit", *map(str, words)], stdout=subprocess.PIPE, check=True)
    return done.stdout.decode()


if __name__ == "__main__":
    main()
