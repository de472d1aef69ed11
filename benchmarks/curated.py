"""Search results that a person went through by hand: what `clean` keeps and leaves out beside what they did.

    python benchmarks/curated.py [DATA] [--sheet disagreements.png]

DATA is a folder with `scraped`; else FACEKIT_DATA names it. The curator saw 178 faces of four athletes and accepted
138. Two ways:

- boxes as given: the faces that the curator saw, of each athlete those that stand under the name, judged by `dlib`;
- end to end: `facekit crop --faces all` and `facekit clean`, faces matched at an overlap of half or more. A face that
  is left out as a repeat of one that was kept counts as kept: so did the curator drop repeats.

To look at are the faces that the default `keep_at` and `reject_at` call unsure. The label `rejected` is soft: about a
fifth of those faces show the athlete, and were dropped as repeats or by mistake. So the disagreements are drawn on a
sheet (green accepted, red rejected by the curator), to be looked at.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from facekit.base import images
from facekit.base.contract import Box, Image
from facekit.commands.clean import clean
from facekit.commands.crop import crop
from facekit.dataset import Dataset
from facekit.dataset.reasons import OPEN, WRONG
from facekit.identity import embedders
from facekit.identity.likeness import fingerprint, proofs
from facekit.identity.people import judge, scaled
from facekit.options.clean import Clean
from facekit.options.crop import Crop

DEFAULTS = Clean(input=Path("in"), output=Path("out"))

KEPT, MISSED = "kept", "not found"

TILE = 140


@dataclass(frozen=True)
class Seen:
    """A face that the curator saw."""

    file: Path
    box: Box
    accepted: bool

    @property
    def name(self) -> str:
        """The athlete it stands under."""
        return self.file.parent.name


def read(scraped: Path) -> list[Seen]:
    """Return the faces that the curator accepted or rejected."""
    with (scraped / "curated_boxes.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["status"] in ("accepted", "rejected")]
    return [
        Seen(
            scraped / "raw" / row["person"] / row["file"],
            Box(*(int(row[side]) for side in "xywh")),
            row["status"] == "accepted",
        )
        for row in rows
    ]


def cut(face: Seen) -> Image:
    """Return the face as `crop` cuts it."""
    return images.resize(images.cut(images.read(face.file), images.square(face.box, 0.2)), 160)


def as_given(faces: Sequence[Seen]) -> list[str]:
    """Return what becomes of the boxes as the curator had them."""
    embedder = embedders.load("dlib")
    vectors = np.concatenate([embedder.embed([embedder.align(images.read(f.file), f.box)]) for f in faces])
    repeats = [proof[:2] for proof in proofs([fingerprint(cut(face)) for face in faces], vectors)]
    found = judge(
        scaled(vectors, embedder.metric, embedder.threshold),
        [face.name for face in faces],
        repeats,
        [str(face.file) for face in faces],
    )
    return [_word(value) for value in found.probability]


def _word(value: float | None) -> str:
    if value is None or DEFAULTS.reject_at < value < DEFAULTS.keep_at:
        return "unsure"
    return KEPT if value >= DEFAULTS.keep_at else WRONG


def end_to_end(scraped: Path, faces: Sequence[Seen], work: Path) -> list[str]:
    """Return what becomes of the same faces in a tree that `crop` and `clean` made."""
    crop(Crop(input=scraped / "raw", output=work / "faces", faces="all"))
    report = clean(Clean(input=work / "faces", output=work / "clean", min_images=1))
    print("\ncrop and clean:", report.kept, "kept;", dict(report.left), {k: report.details[k] for k in ("people",)})
    keep_at = DEFAULTS.keep_at
    kept = {
        record.id: KEPT if (record.quality or {}).get("person", 0) >= keep_at else "unsure"
        for record in Dataset.open(work / "clean").records
    }
    lines = [json.loads(line) for line in (work / "clean" / "rejected.jsonl").read_text().splitlines()]
    left = {line["id"]: "unsure" if line["reason"] in OPEN else line["reason"] for line in lines}
    whole = Dataset.open(work / "faces")
    made = defaultdict(list)
    for record in whole.records:
        made[Path(whole.sources[record.origin].url or "")].append(record)
    found = []
    for face in faces:
        near = [r for r in made[face.file.relative_to(scraped / "raw")] if r.box and overlap(face.box, r.box) >= 0.5]
        best = max(near, key=lambda r: overlap(face.box, r.box or face.box), default=None)
        found.append(MISSED if best is None else kept.get(best.id) or left[best.id])
    return found


def overlap(a: Box, b: Box) -> float:
    """Return what two boxes share, as a part of what they cover together."""
    wide = min(a.x + a.w, b.x + b.w) - max(a.x, b.x)
    high = min(a.y + a.h, b.y + b.h) - max(a.y, b.y)
    both = max(0, wide) * max(0, high)
    return both / (a.w * a.h + b.w * b.h - both)


def show(title: str, faces: Sequence[Seen], words: Sequence[str]) -> None:
    """Print what became of the faces that were accepted, and of those that were rejected."""
    for accepted in (True, False):
        counts = Counter(word for face, word in zip(faces, words, strict=True) if face.accepted is accepted)
        total = counts.total()
        good = (
            counts[KEPT] + counts["repeat"] if accepted else total - counts[KEPT] - counts["unsure"] - counts["repeat"]
        )
        said = f"{good / total:.1%} {'kept' if accepted else 'found'}"
        print(
            f"| {title} | {'accepted' if accepted else 'rejected'} | {total} | {said} | {dict(counts.most_common())} |"
        )
    print(f"| {title} | to look at | {sum(word == 'unsure' for word in words)} | | |", flush=True)


def sheet(faces: Sequence[Seen], words: Sequence[str], file: Path) -> None:
    """Draw the faces on which curator and `clean` disagree."""
    both: Callable[[Seen, str], bool] = lambda face, word: face.accepted != (word in (KEPT, "repeat"))  # noqa: E731
    chosen = [(face, word) for face, word in zip(faces, words, strict=True) if both(face, word)]
    tiles = [_tile(face, word) for face, word in sorted(chosen, key=lambda pair: (not pair[0].accepted, pair[0].name))]
    blank = np.full_like(tiles[0], 255)
    rows = [tiles[n : n + 8] + [blank] * (8 - len(tiles[n : n + 8])) for n in range(0, len(tiles), 8)]
    file.write_bytes(images.encode_png(np.vstack([np.hstack(row) for row in rows])))
    print(f"\n{len(tiles)} disagreements: {file}")
    for face, word in chosen:
        print(
            f"- {'accepted' if face.accepted else 'rejected'}, {word}: {face.name}/{face.file.name} {tuple(face.box)}"
        )


def _tile(face: Seen, word: str) -> Image:
    color = (30, 150, 60) if face.accepted else (200, 50, 40)
    framed = cv2.copyMakeBorder(images.resize(cut(face), TILE), 5, 40, 5, 5, cv2.BORDER_CONSTANT, value=color)
    for line, text in enumerate((face.name, word)):
        cv2.putText(framed, text[:20], (5, TILE + 19 + 17 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 255), 1)
    return np.asarray(framed, np.uint8)


def main() -> None:
    """Hold `clean` against the curator."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=os.environ.get("FACEKIT_DATA"))
    parser.add_argument("--sheet", type=Path, default=Path("disagreements.png"))
    args = parser.parse_args()
    if args.data is None:
        parser.error("give a folder with scraped, or set FACEKIT_DATA")
    scraped = Path(args.data) / "scraped"
    faces = read(scraped)
    print("| way | curator | faces | clean | |\n|---|---|---|---|---|")
    given = as_given(faces)
    show("boxes as given", faces, given)
    sheet(faces, given, args.sheet)
    with tempfile.TemporaryDirectory() as work:
        whole = end_to_end(scraped, faces, Path(work))
    show("end to end", faces, whole)
    sheet(faces, whole, args.sheet.with_stem(args.sheet.stem + "-end-to-end"))


if __name__ == "__main__":
    main()
