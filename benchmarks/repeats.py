"""Repeats that are found, missed, and given besides: facekit beside imagededup and cleanvision, on the same files.

    python benchmarks/repeats.py DATA [--imagededup PYTHON] [--cleanvision PYTHON] [--sheets FOLDER]

DATA is a folder with `scraped` and `fer2013`. Truth: `near_duplicates.csv` (search results saved twice, re-encoded or
resized; computed, so some are missing) and `exact_duplicates.csv` (byte-identical faces). Every tool sees whole
pictures, as they are, and says which pairs are repeats. A listed pair is found where it follows from what was said: a
repeat of a repeat is one. What a tool says besides the list is drawn on a sheet, for somebody to look at, and so is
what it missed.

imagededup is asked for PHash at its defaults. Empty modules stand in for those of its CNN, whose import asks for torch
and whose weights are fetched from the network: it is not asked.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import combinations
from pathlib import Path

import numpy as np

from facekit.base import images
from facekit.base.contract import BadImage, Image
from facekit.base.parallel import ordered_map
from facekit.dataset.groups import components
from facekit.identity.likeness import Fingerprint, fingerprint, proofs

Pair = frozenset[int]

IMAGEDEDUP = """
import json, sys, time
from types import ModuleType

for name, inside in (("imagededup.methods.cnn", "CNN"), ("imagededup.utils.models", "CustomModel")):
    sys.modules[name] = ModuleType(name)
    setattr(sys.modules[name], inside, None)
from imagededup.methods import PHash

if __name__ == "__main__":
    began = time.perf_counter()
    hasher = PHash(verbose=False)
    found = hasher.find_duplicates(encoding_map=hasher.encode_images(image_dir=sys.argv[1]))
    print(json.dumps([time.perf_counter() - began, [[a, b] for a, others in found.items() for b in others]]))
"""

CLEANVISION = """
import contextlib, json, os, sys, time
from cleanvision import Imagelab

if __name__ == "__main__":
    began = time.perf_counter()
    with contextlib.redirect_stdout(sys.stderr):
        lab = Imagelab(data_path=sys.argv[1])
        lab.find_issues({"exact_duplicates": {}, "near_duplicates": {}})
    sets = lab.info["exact_duplicates"]["sets"] + lab.info["near_duplicates"]["sets"]
    pairs = [[os.path.basename(a), os.path.basename(b)] for some in sets for a in some for b in some if a < b]
    print(json.dumps([time.perf_counter() - began, pairs]))
"""


def closed(pairs: Iterable[Pair], count: int) -> set[Pair]:
    """Return the pairs that follow: repeats of one picture repeat each other."""
    members = defaultdict(list)
    for place, number in enumerate(components(count, [tuple(sorted(pair)) for pair in pairs])):
        members[number].append(place)
    return {frozenset(pair) for some in members.values() for pair in combinations(some, 2)}


def own(files: Sequence[Path]) -> Iterator[tuple[str, float, set[Pair]]]:
    """Ask facekit for repeats, and for all that is proved to show one photo; the seconds are those of both."""

    def see(file: Path) -> Fingerprint | None:
        try:
            return fingerprint(images.read(file))
        except BadImage:
            return None

    began = time.perf_counter()
    found = proofs(list(ordered_map(see, files)))
    seconds = time.perf_counter() - began
    yield "facekit, repeats", seconds, {frozenset(proof[:2]) for proof in found if proof.repeat}
    yield "facekit, one photo", seconds, {frozenset(proof[:2]) for proof in found}


def other(python: Path, script: str, folder: Path) -> tuple[float, set[Pair]]:
    """Ask a tool in its own Python; the files of the folder are called by their places."""
    code = folder.parent / "ask.py"
    code.write_text(script)
    said = subprocess.run([python, code, folder], capture_output=True, text=True, check=True).stdout
    seconds, named = json.loads(said.splitlines()[-1])
    pairs = [frozenset(int(name.partition(".")[0]) for name in pair) for pair in named]
    return seconds, {pair for pair in pairs if len(pair) == 2}


def scraped(data: Path) -> tuple[list[Path], set[Pair]]:
    raw = data / "scraped" / "raw"
    files = sorted(path for path in raw.glob("*/*") if path.is_file())
    place = {file: n for n, file in enumerate(files)}
    with (data / "scraped" / "near_duplicates.csv").open(newline="") as lines:
        pairs = [
            frozenset(place[raw / row["person"] / row[key]] for key in ("file_a", "file_b"))
            for row in csv.DictReader(lines)
        ]
    return files, closed(pairs, len(files))


def fer(data: Path) -> tuple[list[Path], set[Pair]]:
    files = sorted((data / "fer2013").glob("*/*/*.jpg"))
    place = {str(file.relative_to(data / "fer2013")): n for n, file in enumerate(files)}
    groups = defaultdict(list)
    with (data / "fer2013" / "exact_duplicates.csv").open(newline="") as lines:
        for row in csv.DictReader(lines):
            groups[row["group"]].append(place[row["file"]])
    pairs = {frozenset(pair) for some in groups.values() for pair in combinations(some, 2)}
    return files, closed(pairs, len(files))


def sheet(files: Sequence[Path], pairs: Iterable[Pair], most: int = 60) -> Image | None:
    """Draw pairs side by side, six a row."""
    tiles = []
    for pair in sorted(map(sorted, pairs))[:most]:
        both = [images.shrink(images.read(files[place]), 110)[0] for place in pair]
        tile = np.full((116, 232, 3), 255, np.uint8)
        for n, pixels in enumerate(both):
            tile[: pixels.shape[0], 114 * n : 114 * n + pixels.shape[1]] = pixels
        tiles.append(tile)
    if not tiles:
        return None
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % 6)
    return np.vstack([np.hstack(tiles[n : n + 6]) for n in range(0, len(tiles), 6)])


def tell(
    name: str, tool: str, files: Sequence[Path], truth: set[Pair], answer: tuple[float, set[Pair]], sheets: Path | None
) -> None:
    seconds, given = answer
    found = closed(given, len(files))
    missed, beyond = truth - found, given - truth
    across = sum(len({files[place].parent for place in pair}) > 1 for pair in beyond) if name == "scraped" else ""
    cells = [name, tool, f"{len(truth & found)} of {len(truth)}", len(beyond), across, f"{seconds:.1f}"]
    print("|", " | ".join(map(str, cells)), "|", flush=True)
    for what, pairs in (("missed", missed), ("beyond", beyond)):
        drawn = sheet(files, pairs) if sheets else None
        if sheets and drawn is not None:
            (sheets / f"{name} {tool} {what}.png").write_bytes(images.encode_png(drawn))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--imagededup", type=Path, help="a Python that has imagededup")
    parser.add_argument("--cleanvision", type=Path, help="a Python that has cleanvision")
    parser.add_argument("--sheets", type=Path, help="folder for pictures of what was missed and given besides")
    chosen = parser.parse_args()
    if chosen.sheets:
        chosen.sheets.mkdir(parents=True, exist_ok=True)
    print("| set | tool | found | besides the list | of two people | s |\n|---|---|---|---|---|---|")
    for name, (files, truth) in (("scraped", scraped(chosen.data)), ("fer2013", fer(chosen.data))):
        say = partial(tell, name, files=files, truth=truth, sheets=chosen.sheets)
        for tool, seconds, found in own(files):
            say(tool, answer=(seconds, found))
        with tempfile.TemporaryDirectory() as folder:
            inside = Path(folder) / "pictures"
            inside.mkdir()
            for place, file in enumerate(files):
                shutil.copy(file, inside / f"{place}{file.suffix}")
            for tool, python, script in (
                ("imagededup 0.3.3 PHash", chosen.imagededup, IMAGEDEDUP),
                ("cleanvision 0.3.7", chosen.cleanvision, CLEANVISION),
            ):
                if python:
                    say(tool, answer=other(python, script, inside))


if __name__ == "__main__":
    main()
