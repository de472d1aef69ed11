"""What a gallery promises and what it keeps: strangers, denials, and another embedder.

    python benchmarks/galleries.py [DATA] [--embedder dlib] [--show 1] [--half] [--folder FOLDER]

DATA is a folder with `lfw`; else FACEKIT_DATA names it. Faces are cut by `facekit crop` with its defaults, once where
`--folder` keeps them. Known are the 42 people of `lfw/identities`; strangers are all other people of
`lfw/pairs_images`. Galleries are filled and asked as `enroll` and `identify` do it, one face a picture.

1. Half of each person's photos, drawn by the seed, are enrolled, the others and all strangers are searched for. The
   interval draws the strangers, with their photos, again. In the last row, strangers whose names have an even CRC-32
   are given to the gallery, as by `enroll --strangers`, and the others are searched for.
2. One photo of each of the 42 is enrolled, and one of every stranger. To have enough errors, names are given at an FPIR
   of 0.5, and the photos that are asked about are also made small: a face is as wide as `--small` pixels, as in a group
   photo. The 20 pairs of people with the most wrong names in one half of the other photos are the most confusable; of
   each, up to five wrong answers are denied. What that changes is counted on the other half, of which nobody has said
   anything. These are then put together to photos of eight faces, in which nobody may be named twice.
3. A gallery with half of the photos is migrated to another embedder and back, and compared with galleries that were
   enrolled with each.

What is usual for an embedder, the weights of people left out, and the width of the interval were chosen by
`benchmarks/promises.py`, on others; how a denial counts, on every second of the 42 people. `--development` shows these
with the strangers whose names have an even CRC-32, `--half` the others.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from enrolled import Faces, asked, faces, filled, parts

from facekit.base.contract import quiet
from facekit.identity.embedders.embeddings import face_in
from facekit.identity.faces import Finder
from facekit.identity.gallery import Gallery, Identity
from facekit.identity.gallery.migration import migrate
from facekit.scores.bootstrap import interval, rounds_of

SEEDS = 5
LOOSE = 0.5
"""The FPIR of show 2: nearly every face gets a name."""


def open_set(
    known: Faces,
    strangers: Faces,
    people: Sequence[str],
    count: int,
    embedder: str,
    folder: Path,
    added: Faces | None = None,
) -> str:
    """Return the row of show 1 for so many people, with strangers that the gallery was given as by `--strangers`."""
    hits: dict[str, list[bool]] = defaultdict(list)
    fpirs, tpirs, first, told, covered = [], [], [], [], 0
    for seed in range(SEEDS):
        chosen = sorted(np.random.default_rng([seed, count]).permutation(people)[:count].tolist())
        enrolled, searched = parts(known, chosen, 0.5, seed)
        name = f"open-{embedder}-{count}-{seed}-{'alone' if added is None else 'helped'}"
        with filled(folder / name, enrolled, embedder) as gallery:
            if added is not None:
                gallery.store.set_strangers([(str(n), added.new(place)) for place, n in enumerate(added.names)])
            promise = gallery.promise()
            named = [one.name is not None for one in asked(gallery, strangers)]
            right = asked(gallery, searched)
        for who, hit in zip(strangers.names, named, strict=True):
            hits[str(who)].append(hit)
        fpirs.append(np.mean(named))
        tpirs.append(np.mean([one.name == name for one, name in zip(right, searched.names, strict=True)]))
        first.append(np.mean([one.nearest[0].name == name for one, name in zip(right, searched.names, strict=True)]))
        low, high = promise.interval or (0.0, 1.0)
        covered += low <= fpirs[-1] <= high
        told.append(f"{'promised' if promise.promised else 'refused'} {low:.3f} to {high:.3f}, {promise.enough or '-'}")
    names = list(hits)
    sums, all_faces = np.array([sum(hits[name]) for name in names]), np.array([len(hits[name]) for name in names])
    drawn = rounds_of(lambda w: (float((w * sums).sum() / (w * all_faces).sum()),), names, 1000)
    ends = interval(drawn[:, 0])
    assert ends is not None
    title = f"{count} and strangers" if added is not None else count
    return (
        f"| {embedder} | {title} | {np.mean(fpirs):.4f} ({ends.low:.4f} to {ends.high:.4f}) | {min(fpirs):.4f} to "
        f"{max(fpirs):.4f} | {np.mean(tpirs):.4f} | {min(tpirs):.4f} | {np.mean(first):.4f} | {covered} of {SEEDS} | "
        f"{'; '.join(told)} |"
    )


def denials(known: Faces, strangers: Faces, people: Sequence[str], embedder: str, folder: Path, side: int) -> str:
    """Return the row of show 2; a side of 0 leaves the photos as they are."""
    before = after = right_before = right_after = searched = said = repeated = would = photos = 0
    _, one_each = np.unique(strangers.names, return_index=True)
    asked_about = small(known, embedder, side) if side else known
    for seed in range(SEEDS):
        enrolled, others = parts(known, people, 1e-9, seed)
        left = {one.path for one in others.dataset.records}
        others = asked_about.where(np.array([p for p, one in enumerate(known.dataset.records) if one.path in left]))
        others = others.where(np.flatnonzero(np.isfinite(others.vectors).all(axis=1)))
        shuffled = np.random.default_rng(seed).permutation(len(others.vectors))
        looked, unseen = others.where(np.sort(shuffled[::2])), others.where(shuffled[1::2])
        with filled(folder / f"deny-{embedder}-{side}-{seed}", enrolled, embedder) as gallery:
            gallery.store.enroll({str(strangers.names[one]): [strangers.new(one)] for one in one_each})
            worst, wrong = _confusable(looked, asked(gallery, looked, LOOSE))
            counts = _count(unseen, asked(gallery, unseen, LOOSE), worst)
            before, right_before = before + counts[0], right_before + counts[1]
            numbers = {one.name: one.number for one in gallery.store.people()}
            for pair in worst:
                for place, name in wrong[pair][:5]:
                    said += gallery.store.deny(numbers[name], looked.new(place))
            counts = _count(unseen, asked(gallery, unseen, LOOSE), worst)
            after, right_after = after + counts[0], right_after + counts[1]
            repeated, would = (old + new for old, new in zip((repeated, would), twice(gallery, unseen), strict=True))
            searched, photos = searched + len(unseen.vectors), photos + len(unseen.vectors) // 8
    return (
        f"| {embedder} | {side or 'as found'} | {said} | {before} | {after} ({after / max(1, before):.2f}) | "
        f"{right_before / searched:.4f} | {right_after / searched:.4f} | {repeated} of {photos} | {would} |"
    )


def small(known: Faces, embedder: str, side: int) -> Faces:
    """Return faces as they would be if they had been photographed as wide as so many pixels."""
    from facekit.base import images
    from facekit.options.crop import CarriedCrop

    finder, rows = Finder(embedder, CarriedCrop(detect=False)), []
    for record in known.dataset.records:
        image = images.decode(known.dataset.bytes_of(record))
        box = face_in(image, record, known.dataset.info)
        width = max(8, round(image.shape[1] * side / (box.w if box else image.shape[1])))
        tiny = cv2.resize(image, (width, width), interpolation=cv2.INTER_AREA)
        rows.append(finder.embed([finder.align(cv2.resize(tiny, image.shape[1::-1]), box)])[0][0])
    return replace(known, vectors=np.stack(rows))


def twice(gallery: Gallery, some: Faces) -> tuple[int, int]:
    """Return in how many photos of eight faces somebody is named twice, and in how many with `--allow-repeats`."""
    found = []
    for repeats in (False, True):
        namer = gallery.namer(LOOSE, repeats)
        photos = (namer.name(some.vectors[first : first + 8]) for first in range(0, len(some.vectors) - 7, 8))
        names = [[one.name for one in photo if one.name is not None] for photo in photos]
        found.append(sum(len(set(one)) < len(one) for one in names))
    return found[0], found[1]


Pair = tuple[str, str]


def _confusable(some: Faces, answers: Sequence[Identity]) -> tuple[list[Pair], dict[Pair, list[tuple[int, str]]]]:
    """Return the 20 pairs with the most wrong names, and these answers: place, and the wrong name."""
    wrong: dict[Pair, list[tuple[int, str]]] = defaultdict(list)
    for place, (name, one) in enumerate(zip(some.names, answers, strict=True)):
        if one.name is not None and one.name != name:
            wrong[min(name, one.name), max(name, one.name)].append((place, one.name))
    counted = Counter({pair: len(found) for pair, found in wrong.items()})
    return [pair for pair, _ in counted.most_common(20)], wrong


def _count(some: Faces, answers: Sequence[Identity], pairs: Sequence[Pair]) -> tuple[int, int]:
    """Return wrong names between pairs, and right names."""
    wrong = [
        (min(n, o.name), max(n, o.name)) for n, o in zip(some.names, answers, strict=True) if o.name not in (None, n)
    ]
    return sum(pair in set(pairs) for pair in wrong), sum(o.name == n for n, o in zip(some.names, answers, strict=True))


Row = tuple[str, str]


def moves(known: dict[str, Faces], people: Sequence[str], folder: Path) -> None:
    """Print the rows of show 3: means over the seeds, and the lowest."""
    rows: dict[Row, list[tuple[float, float, float]]] = defaultdict(list)
    kept, doubtful, enrolled = 0, [], []
    for seed in range(SEEDS):
        there, found, about = moved(known, people, folder / f"moved-{seed}", seed)
        kept, doubtful, enrolled = kept + there, [*doubtful, about[0]], [*enrolled, about[1]]
        for row, numbers in found.items():
            rows[row].append(numbers)
    print(f"{len(people)} people, {enrolled} faces enrolled; {kept} of {2 * SEEDS} moves kept all names and decisions")
    print(f"{doubtful} doubtful faces")
    for (what, embedder), some in rows.items():
        (first, named, threshold), low = np.mean(some, axis=0), np.min(some, axis=0)
        print(f"| {what} | {embedder} | {first:.4f} ({low[0]:.4f}) | {named:.4f} ({low[1]:.4f}) | {threshold:.3f} |")


def moved(
    known: dict[str, Faces], people: Sequence[str], folder: Path, seed: int
) -> tuple[int, dict[Row, tuple[float, float, float]], tuple[int, int]]:
    """Return how many of two moves kept everything, the scores of each gallery, doubtful faces and those enrolled."""
    first, second = known
    enrolled, searched = parts(known[first], people, 0.5, seed)
    of_other = {one.path: place for place, one in enumerate(known[second].dataset.records)}
    other = known[second].where(np.array([of_other[r.path] for r in searched.dataset.records if r.path in of_other]))
    fresh = known[second].where(np.array([of_other[r.path] for r in enrolled.dataset.records if r.path in of_other]))
    folder.mkdir()
    rows = {}
    with filled(folder / "begin", enrolled, first, crops=True) as gallery:
        numbers = {one.name: one.number for one in gallery.store.people()}
        for place in range(0, 40):
            others = [name for name in people if name != searched.names[place]]
            gallery.store.deny(numbers[others[place % len(others)]], searched.new(place, crops=True))
        told = migrate(gallery, second, folder / "there", 1, quiet, False)
        before = _content(gallery)
        rows["enrolled", first] = _scores(gallery, searched)
    with Gallery.open(folder / "there") as gallery, filled(folder / "fresh", fresh, second) as new:
        migrate(gallery, first, folder / "back", 1, quiet, False)
        rows["migrated", second], rows["enrolled anew", second] = _scores(gallery, other), _scores(new, other)
        kept = int(_content(gallery) == before)
    with Gallery.open(folder / "back") as gallery:
        rows["migrated back", first] = _scores(gallery, searched)
        kept += int(_content(gallery) == before)
    return kept, rows, (told.doubtful, len(enrolled.vectors))


def _content(gallery: Gallery) -> tuple[dict[str, int], list[tuple[str, str]]]:
    decided = sorted((one.name, one.where.sha256) for one in gallery.store.denied())
    return {one.name: one.faces for one in gallery.store.people()}, decided


def _scores(gallery: Gallery, searched: Faces) -> tuple[float, float, float]:
    answers = list(zip(asked(gallery, searched), searched.names, strict=True))
    right = float(np.mean([one.nearest[0].name == name for one, name in answers]))
    return right, float(np.mean([one.name == name for one, name in answers])), gallery.promise().open_set.threshold


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=os.environ.get("FACEKIT_DATA"))
    parser.add_argument("--embedder", action="append")
    parser.add_argument("--show", type=int, action="append", choices=(1, 2, 3))
    parser.add_argument("--half", action="store_true")
    parser.add_argument("--development", action="store_true")
    parser.add_argument("--small", type=int, default=20)
    parser.add_argument("--folder", type=Path, help="where the faces are kept, so that they are cut once")
    options = parser.parse_args()
    if options.data is None:
        parser.error("give the folder of the data, or set FACEKIT_DATA")
    with tempfile.TemporaryDirectory() as folder:
        show(options, Path(folder))


def show(options: argparse.Namespace, folder: Path) -> None:
    """Print what was asked for."""
    work = options.folder or folder
    known, strangers = {}, {}
    for embedder in options.embedder or ["dlib", "sface"]:
        known[embedder] = faces(Path(options.data) / "lfw" / "identities", work / "known", embedder)
        strangers[embedder] = faces(Path(options.data) / "lfw" / "pairs_images", work / "others", embedder)
    people = sorted({str(name) for one in known.values() for name in one.names})
    for embedder, some in strangers.items():
        keep = [place for place, name in enumerate(some.names) if name not in people and _wanted(options, str(name))]
        strangers[embedder] = some.where(np.array(keep))
    people = people[0::2] if options.development else people[1::2] if options.half else people
    shows = options.show or [1, 2, 3]
    for embedder in known:
        _show(shows, options, known[embedder], strangers[embedder], people, embedder, folder)
    if 3 in shows and len(known) == 2:
        moves(known, people, folder)


def _show(
    shows: Sequence[int],
    options: argparse.Namespace,
    known: Faces,
    strangers: Faces,
    people: Sequence[str],
    embedder: str,
    folder: Path,
) -> None:
    if 1 in shows:
        for count in sorted({len(people), min(len(people), 10), 5}, reverse=True):
            print(open_set(known, strangers, people, count, embedder, folder), flush=True)
        even = np.array([zlib.crc32(str(name).encode()) % 2 == 0 for name in strangers.names])
        if even.any() and not even.all():
            added, others = strangers.where(np.flatnonzero(even)), strangers.where(np.flatnonzero(~even))
            print(open_set(known, others, people, len(people), embedder, folder, added), flush=True)
    for side in (0, options.small) if 2 in shows else ():
        print(denials(known, strangers, people, embedder, folder, side), flush=True)


def _wanted(options: argparse.Namespace, name: str) -> bool:
    odd = bool(zlib.crc32(name.encode()) % 2)
    return odd if options.half else not odd if options.development else True


if __name__ == "__main__":
    main()
