"""What is known of whole photos after each stage: pairs of real photos that were looked at by eye, and the split.

    python benchmarks/carried.py DATA [--folder FOLDER]

DATA is a folder with `scraped`. Its `near_duplicates.csv` has photos that are one, and `likeness_extra.csv` a few more,
some bursts, and photos that are not one though they share a print or a wall of logos. The stages run as commands, one
thread each. For each folder that they make: of how many pairs both photos are there, how many of these share a group,
and how many stand in two parts of the split. A pair of different photos that shares a group is named.

The first table is what `crop` costs, in CPU seconds; run it on an older version to compare.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import os
import resource
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from facekit.dataset import Dataset

Pair = tuple[str, str]

SAME, BURST, DIFFERENT = "same photo", "burst", "different"

RELATIONS = {"exact": SAME, "near": SAME, "same": SAME, "burst": BURST, "different": DIFFERENT}


def pairs(data: Path) -> dict[str, list[Pair]]:
    """Return relation -> pairs of hashes of photos; byte-identical ones are one photo already."""
    found: dict[str, list[Pair]] = defaultdict(list)
    for table, column in (("near_duplicates", "kind"), ("likeness_extra", "relation")):
        with (data / "scraped" / f"{table}.csv").open(newline="") as lines:
            for row in csv.DictReader(lines):
                files = [data / "scraped" / "raw" / row["person"] / row[name] for name in ("file_a", "file_b")]
                one, other = (hashlib.sha256(file.read_bytes()).hexdigest() for file in files)
                if one != other:
                    found[RELATIONS[row[column]]].append((one, other))
    return found


def run(*arguments: object) -> float:
    """Run a command of facekit on one thread; return its CPU seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "facekit", *map(str, arguments), "-j", "1", "--quiet"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def show(name: str, root: Path, listed: dict[str, list[Pair]]) -> None:
    """Print a line a relation for one folder."""
    dataset = Dataset.open(root)
    group = {record.origin: record.group or record.origin for record in dataset.records}
    parts = defaultdict(set)
    for record in dataset.records:
        parts[record.origin].add(record.split)
    for relation, some in listed.items():
        there = [pair for pair in some if set(pair) <= group.keys()]
        joined = [pair for pair in there if group[pair[0]] == group[pair[1]]]
        crossing = sum(len(parts[one] | parts[other]) > 1 for one, other in there)
        print(f"| {name} | {relation} | {len(there)} | {len(joined)} | {crossing} |")
        if relation == DIFFERENT:
            for one, other in joined:
                print(f"merged: {dataset.sources[one].url} and {dataset.sources[other].url}")


def main() -> None:
    """Run the stages, and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--folder", type=Path, help="where to keep what is made")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        home = options.folder or Path(made)
        faces, clean = home / "faces", home / "clean"
        print(
            f"crop --faces all: {run('crop', options.data / 'scraped/raw', '-o', faces, '--faces', 'all'):.1f} CPU s\n"
        )
        run("clean", faces, "-o", clean, "--min-images", 5)
        for source, out, count in ((clean, "balanced", 40), (faces, "balanced, with repeats", 120)):
            run("balance", source, "-o", home / out, "-n", count)
        listed = pairs(options.data)
        print("| after | pairs by eye | both there | one group | in two parts |\n|---|---|---:|---:|---:|")
        for name, folder in (("crop", faces), ("clean", clean), ("balance", home / "balanced")):
            show(name, folder, listed)
        show("balance, without clean", home / "balanced, with repeats", listed)


if __name__ == "__main__":
    main()
