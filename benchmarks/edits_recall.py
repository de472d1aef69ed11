"""How many edited photos are known again, by kind and strength of edit, beside other tools; and what is merged falsely.

    FACEKIT_DATA=/path/to/data python benchmarks/edits_recall.py [--half report] [--photos 12] [--others PYTHON]
    … --false 530

Photos are of LFW and of `scraped` (shrunk to 700 pixels), each edited in the twenty ways and three strengths of
`edits.py`. They are compared as whole photos, and as faces: found anew in the edited photo and cut out, as `crop` does.
A photo in which its face is not found any more is not counted among faces, as nothing of it is left to leak.

Each edited picture is compared with its original in a bank of the others: a set of one kind and strength and all
originals is given to the matcher as a tree is. The bounds of the matcher were chosen on `--half tune` (every other of
LFW's people, without the one of 530 photos; two names of `scraped`); `--half report` has the other people.

`--others` names a Python that has imagededup and cleanvision. The baseline is SIFT with RANSAC (OpenCV): ten matches
that agree on one transform. `--false N` looks instead at the pairs of different photos of one person, up to N photos
each, and lists all that are linked, to be looked at.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
from edits import EDITS, STRENGTHS, Edit, edited
from repeats import CLEANVISION, IMAGEDEDUP

from facekit.base import images
from facekit.base.contract import BadImage, Box, Image
from facekit.base.files import write_json
from facekit.faces.detectors.cuts import cut_out, find
from facekit.identity.embedders.registry import PerThread
from facekit.identity.likeness import MATCHER, fingerprint, proofs
from facekit.identity.likeness.recall import FILE, EditRecall, Recall, Shares
from facekit.options.crop import Crop

CROP = Crop(input=Path("in"), output=Path("out"), faces="all")

SAME_FACE = 0.55
"""Greatest distance of dlib's embeddings at which a face in an edited photo is the original's, not a neighbour's."""

Floats = np.ndarray


@dataclass(frozen=True)
class Shown:
    """A picture, with its face if there is one, and the face's embedding."""

    file: Path
    whole: Image
    box: Box | None = None
    face: Image | None = None
    vector: Floats | None = None


def halves(data: Path, half: str) -> tuple[list[Path], list[Path]]:
    """Return the files of LFW and of `scraped` in a half: other people in each."""
    people = sorted(path for path in (data / "lfw" / "identities").iterdir() if path.is_dir())
    largest = max(people, key=lambda path: len(list(path.iterdir())))
    rest = [path for path in people if path != largest]
    mine = rest[0::2] if half == "tune" else [*rest[1::2], largest]
    names = ("roger_federer", "maria_sharapova") if half == "tune" else ("lionel_messi", "virat_kohli")
    raw = [file for name in names for file in sorted((data / "scraped" / "raw" / name).iterdir())]
    return [file for person in mine for file in sorted(person.glob("*.jpg"))], raw


def faces(image: Image) -> Iterator[tuple[Box, Image, Floats]]:
    embedder = PerThread("dlib")()
    side = round(CROP.size / (1 + CROP.margin))
    edge = (CROP.size - side) // 2
    for found in find(image, CROP):
        face = cut_out(image, found, CROP)
        try:
            yield found.box, face, np.asarray(embedder.embed([embedder.align(face, Box(edge, edge, side, side))])[0])
        except BadImage:
            continue


def originals(files: Sequence[Path], count: int, seed: int) -> list[Shown]:
    """Return photos with a face, drawn from many."""
    drawn: list[Shown] = []
    for place in np.random.default_rng(seed).permutation(len(files)):
        if len(drawn) == count:
            break
        try:
            image = images.shrink(images.read(files[place]), 700)[0]
        except BadImage:
            continue
        first = next(faces(image), None)
        if first is not None:
            drawn.append(Shown(files[place], image, *first))
    return drawn


def again(image: Image, original: Shown) -> Shown:
    """Return an edited photo with the original's face as it is found there, if it is."""
    near = [(float(np.linalg.norm(one[2] - original.vector)), n, one) for n, one in enumerate(faces(image))]
    apart, _, best = min(near, default=(9.0, 0, (None, None, None)))
    return Shown(original.file, image, *(best if apart <= SAME_FACE else (None, None, None)))


def own(bank: Sequence[Image], copies: Sequence[Image], vectors: Floats | None) -> set[tuple[int, int]]:
    prints = [fingerprint(image) for image in (*bank, *copies)]
    return {proof[:2] for proof in proofs(prints, vectors, jobs=1)}


def sift(bank: Sequence[Image], copies: Sequence[Image], places: Sequence[int]) -> set[tuple[int, int]]:
    """Ask for the pairs (place, copy) alone: all pairs would take hours."""
    finder, matcher = cv2.SIFT_create(500), cv2.BFMatcher(cv2.NORM_L2)
    found = set()
    for n, (place, copy) in enumerate(zip(places, copies, strict=True)):
        (one, rows), (other, theirs) = (
            finder.detectAndCompute(images.gray(image), None) for image in (bank[place], copy)
        )
        if rows is None or theirs is None or len(theirs) < 2:
            continue
        good = [a for a, *rest in matcher.knnMatch(rows, theirs, k=2) if rest and a.distance < 0.75 * rest[0].distance]
        if len(good) >= 10:
            ends = (np.float32([one[m.queryIdx].pt for m in good]), np.float32([other[m.trainIdx].pt for m in good]))
            _, agree = cv2.estimateAffinePartial2D(*ends, ransacReprojThreshold=4)
            if agree is not None and agree.sum() >= 10:
                found.add((place, len(bank) + n))
    return found


def asked(python: Path, script: str, pictures: Sequence[Image]) -> set[tuple[int, int]]:
    """Ask a tool in its own Python."""
    with tempfile.TemporaryDirectory() as folder:
        inside = Path(folder, "pictures")
        inside.mkdir()
        for place, image in enumerate(pictures):
            (inside / f"{place}.png").write_bytes(images.encode_png(image))
        code = Path(folder, "ask.py")
        code.write_text(script)
        said = subprocess.run([python, code, inside], capture_output=True, text=True, check=True).stdout
    pairs = [sorted(int(name.partition(".")[0]) for name in pair) for pair in json.loads(said.splitlines()[-1])[1]]
    return {(pair[0], pair[1]) for pair in pairs}


def recall(shown: Sequence[Shown], others: Path | None) -> Mapping[tuple[str, str, str], list[bool]]:
    cells: dict[tuple[str, str, str], list[bool]] = defaultdict(list)
    wholes = [one.whole for one in shown]
    where: dict[int, tuple[int, str, str]] = {}
    for edit in EDITS:
        for strength, named in enumerate(STRENGTHS):
            made = []
            for n, one in enumerate(shown):
                rest = [shown[(n + 1 + k) % len(shown)].whole for k in range(5)]
                made.append(again(edited(edit, strength, one.whole, n, one.box, rest), one))
                where[len(wholes)] = (n, edit.name, named)
                wholes.append(made[-1].whole)
            for tool, hits in hit(shown, made).items():
                cells[tool, edit.name, named] = hits
        print(edit.name, {key: share(hits) for key, hits in cells.items() if key[1] == edit.name}, file=sys.stderr)
    for tool, script in (("PHash", IMAGEDEDUP), ("cleanvision", CLEANVISION)) if others else ():
        found = asked(others, script, wholes)
        for place, (n, *key) in where.items():
            cells[tool, *key].append((n, place) in found)
    tell(cells)
    return cells


def tell(cells: Mapping[tuple[str, str, str], list[bool]]) -> None:
    """Print the table: a row an edit, a column a tool with its three strengths."""
    tools = list(dict.fromkeys(tool for tool, *_ in cells))
    print("| edit |", " | ".join(tools), "|")
    print("|---|" + "---|" * len(tools))
    for edit in EDITS:
        rows = [[share(cells[tool, edit.name, one]) for one in STRENGTHS] for tool in tools]
        print(f"| {edit.name} |", " | ".join(" / ".join(row) for row in rows), "|")
    every = {
        (tool, one): [h for edit in EDITS for h in cells[tool, edit.name, one]] for tool in tools for one in STRENGTHS
    }
    print("| all |", " | ".join(" / ".join(share(every[tool, one], 3) for one in STRENGTHS) for tool in tools), "|")
    print(
        "| pictures |", " | ".join(" / ".join(str(len(every[tool, one])) for one in STRENGTHS) for tool in tools), "|"
    )


def write(cells: Mapping[tuple[str, str, str], list[bool]], photos: int) -> None:
    """Write the table that `audit` shows."""

    def shares(tool: str, edit: Edit | None = None) -> Shares:
        edits = EDITS if edit is None else (edit,)
        mild, medium, strong = (np.mean([h for e in edits for h in cells[tool, e.name, one]]) for one in STRENGTHS)
        return round(float(mild), 4), round(float(medium), 4), round(float(strong), 4)

    rows = tuple(EditRecall(edit.name, shares("facekit", edit), shares("facekit, faces", edit)) for edit in EDITS)
    write_json(FILE, Recall(MATCHER, photos, rows, shares("facekit"), shares("facekit, faces")))


def hit(shown: Sequence[Shown], made: Sequence[Shown]) -> dict[str, list[bool]]:
    """Return for each tool whether each edited picture was linked with its original."""
    bank, copies, count = [one.whole for one in shown], [one.whole for one in made], len(shown)
    places = list(range(count))
    answers = {"facekit": own(bank, copies, None), "SIFT": sift(bank, copies, places)}
    hits = {tool: [(n, count + n) in found for n in places] for tool, found in answers.items()}
    there = [n for n in places if made[n].face is not None]
    cut = [one.face for one in shown], [made[n].face for n in there]
    vectors = np.array([*(one.vector for one in shown), *(made[n].vector for n in there)], np.float32)
    for tool, rows in (("facekit, faces", vectors), ("facekit, faces, no embeddings", None)):
        found = own(*cut, rows)
        hits[tool] = [(n, count + k) in found for k, n in enumerate(there)]
    return hits


def share(hits: Sequence[bool], digits: int = 2) -> str:
    return f"{np.mean(hits):.{digits}f}" if hits else "–"


def false_merges(files: Sequence[Path], most: int) -> None:
    """Link faces and whole photos of LFW, and list what is linked within a person."""
    people: dict[str, list[Path]] = defaultdict(list)
    for file in files:
        people[file.parent.name].append(file)
    chosen = [file for some in people.values() for file in some[:most]]
    seen = []
    for file in chosen:
        image = images.read(file)
        height, width = image.shape[:2]
        near = [
            (abs(b.x + b.w / 2 - width / 2) + abs(b.y + b.h / 2 - height / 2), n, f, v)
            for n, (b, f, v) in enumerate(faces(image))
        ]
        _, _, face, vector = min(near, default=(0, 0, None, np.full(128, np.nan)))
        seen.append(Shown(file, image, None, face, vector))
    names = [one.file.parent.name for one in seen]
    for what in ("faces", "whole"):
        pictures = [one.face if what == "faces" else one.whole for one in seen]
        prints = [None if image is None else fingerprint(image) for image in pictures]
        began = time.process_time()
        found = proofs(prints, np.array([one.vector for one in seen], np.float32) if what == "faces" else None, jobs=1)
        there = [name for name, one in zip(names, prints, strict=True) if one is not None]
        pairs = sum(1 for a, b in combinations(there, 2) if a == b)
        print(f"{what}: {len(there)} pictures, {pairs} pairs of one person, {time.process_time() - began:.1f} CPU s")
        for proof in found:
            print("  ", seen[proof.first].file.name, seen[proof.second].file.name, proof.reason, proof.repeat)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=("tune", "report"), default="report")
    parser.add_argument("--photos", type=int, default=12, help="of LFW; of `scraped` two thirds as many")
    parser.add_argument("--others", type=Path, help="a Python that has imagededup and cleanvision")
    parser.add_argument("--false", type=int, help="photos of a person among which false merges are looked for")
    parser.add_argument("--write", action="store_true", help="write the table that `audit` shows into the package")
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    lfw, raw = halves(Path(os.environ.get("FACEKIT_DATA", "data")), chosen.half)
    if chosen.false:
        false_merges(lfw, chosen.false)
    else:
        shown = [*originals(lfw, chosen.photos, 2), *originals(raw, chosen.photos * 2 // 3, 3)]
        cells = recall(shown, chosen.others)
        if chosen.write:
            write(cells, len(shown))


if __name__ == "__main__":
    main()
