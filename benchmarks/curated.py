"""Search results that were looked at by eye, face by face: what `clean` makes of them, and its calibration.

    python benchmarks/curated.py [DATA] [--embedder auto] [--verify eyes] [--faces FOLDER] [--fit]

DATA is a folder with `scraped`; else FACEKIT_DATA names it. The truth is `tests/data/curated_faces.csv`: for each box
of a raw photo of four athletes whether it shows the athlete (`right`), somebody else (`other`) or nothing of a face
(`no face`). `source` is what the source's author did with it: `rejected` was a soft label, and 9 of the 178 boxes that
the author decided about are corrected. Faces that `facekit crop --faces all` makes are matched to it at an overlap of
half or more; `--verify eyes`, so that boxes without a face come as far as `clean`, which else YuNet drops before.

Printed are what becomes of the faces, how often a face of a probability is right, and at which place of the review
the errors are that are left. `unsure` faces are kept or left out as `clean --unsure` says, until somebody decides: they
are neither out nor surely kept.

`--fit` fits the calibration of `facekit.identity.people.evidence` again, on these faces and on the photos that LFW's
pairsDevTrain names (DATA/lfw), which count twice; once on all names, and for each name once on the three others. The
table is then of the names that were left out. `--faces` is a folder that crop has made already.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from labelled_faces import embedded, named_in
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import beta

from facekit.base.contract import Box, Record
from facekit.commands.clean import clean
from facekit.commands.crop import crop
from facekit.commands.review.cards import by_doubt, read_cards
from facekit.dataset import Dataset
from facekit.dataset.reasons import NO_FACE, OPEN, WRONG
from facekit.identity import embedders
from facekit.identity.people import Embedded, evidence, scaled
from facekit.identity.people.evidence import Floats, Model, Vectors, bounded
from facekit.identity.people.judge import split_by_name
from facekit.identity.people.within import find, unbounded
from facekit.options.clean import Clean
from facekit.options.crop import Crop

TRUTH = Path(__file__).resolve().parent.parent / "tests" / "data" / "curated_faces.csv"

RIGHT, OTHER, NOTHING = "right", "other", "no face"

EDGES = (0, 0.05, 0.2, 0.5, 0.8, 0.95, 1.0)

NEWS = 2.0
"""Weight of the news photos, of many people, beside the search results, of four."""

SMOOTH = 0.005
"""Labels are taken to be wrong as often, so that no slope grows without end where nothing overlaps (Platt 1999)."""

TIED = 0.01
"""How strongly a slope is drawn to 0.3: three names may hold no hard face at all."""

SHOWN = 30


@dataclass(frozen=True)
class Truth:
    """What a box of a photo shows; the photo by the start of its SHA-256."""

    photo: str
    box: Box
    verdict: str
    source: str


@dataclass(frozen=True)
class Outcome:
    """What became of one face."""

    name: str
    verdict: str
    word: str
    """`kept`, `unsure`, or why it was left out."""
    probability: float | None
    place: int
    """Where the review shows it, of all faces of the folder."""


def read_truth(file: Path = TRUTH) -> list[Truth]:
    """Return the boxes and what they show."""
    with file.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    boxes = (Box(*(int(row[side]) for side in "xywh")) for row in rows)
    return [Truth(row["photo"], box, row["verdict"], row["source"]) for row, box in zip(rows, boxes, strict=True)]


def overlap(a: Box, b: Box) -> float:
    """Return what two boxes share, as a part of what they cover together."""
    wide = min(a.x + a.w, b.x + b.w) - max(a.x, b.x)
    high = min(a.y + a.h, b.y + b.h) - max(a.y, b.y)
    both = max(0, wide) * max(0, high)
    return both / (a.w * a.h + b.w * b.h - both)


def verdicts(records: Sequence[Record], truth: Sequence[Truth]) -> dict[str, str]:
    """Return what each face shows, by its id; faces in boxes that nobody looked at are missing."""
    of_photo: dict[str, list[Truth]] = defaultdict(list)
    for one in truth:
        of_photo[one.photo].append(one)
    found = {}
    for record in records:
        box = record.box
        assert box is not None
        best = max(of_photo[record.origin[:16]], key=lambda one: overlap(box, one.box), default=None)
        if best is not None and overlap(box, best.box) >= 0.5:
            found[record.id] = best.verdict
    return found


def outcomes(faces: Path, truth: dict[str, str], embedder: str) -> list[Outcome]:
    """Clean the faces and return what becomes of each."""
    with tempfile.TemporaryDirectory() as work:
        out = Path(work) / "clean"
        options = Clean(input=faces, output=out, min_images=1, embedder=embedder)
        report = clean(options)
        print(f"{report.details['embedder']}: {report.kept} kept; {dict(report.left)}; {report.details.get('people')}")
        cards = by_doubt(read_cards(out, {}, options.keep_at, True), options.keep_at)
        kept = {record.id for record in Dataset.open(out).records}
        left = [json.loads(line) for line in (out / "rejected.jsonl").read_text().splitlines()]
    why = {line["id"]: line["reason"] for line in left}
    found = []
    for place, card in enumerate(cards, 1):
        id = card.about.id
        word = ("unsure" if card.standing == "unsure" else "kept") if id in kept else why[id]
        word = "unsure" if word in OPEN else word
        found.append(Outcome(card.label, truth[id], word, card.probability, place))
    return found


def show(found: Sequence[Outcome]) -> None:
    """Print the tables."""
    print("\n| shows | kept | unsure | out: wrong person | out: no face | bad or a repeat |\n|---|---|---|---|---|---|")
    for verdict in (RIGHT, OTHER, NOTHING):
        counts = Counter(one.word for one in found if one.verdict == verdict)
        sure = [counts[word] for word in ("kept", "unsure", WRONG, NO_FACE)]
        print("|", verdict, "|", " | ".join(map(str, [*sure, counts.total() - sum(sure)])), "|")
    right, kept = [one for one in found if one.verdict == RIGHT], [one for one in found if one.word == "kept"]
    in_folder = [one for one in found if one.word in ("kept", "unsure")]
    rate("right faces out", [one.word in (WRONG, NO_FACE) for one in right])
    rate("wrong among the surely kept", [one.verdict != RIGHT for one in kept])
    rate("wrong among the kept, the unsure too", [one.verdict != RIGHT for one in in_folder])
    rate("right faces rejected at under 1%", [one.word == WRONG and (one.probability or 0) < 0.01 for one in right])
    nothing = [one for one in found if one.verdict == NOTHING]
    rate("boxes without a face called `wrong person`", [one.word == WRONG for one in nothing])
    errors = [one for one in found if (one.word == "kept") != (one.verdict == RIGHT) and one.word in ("kept", WRONG)]
    errors += [one for one in right if one.word == NO_FACE]
    unsure = sum(one.word == "unsure" for one in found)
    places = sorted(one.place for one in errors)
    print(f"unsure, which the review shows first: {unsure}; errors besides, by place in the review: {places or 'none'}")
    print(
        f"errors and unsure faces within the first {SHOWN}: {sum(p <= SHOWN for p in places)} of {len(places)} errors"
    )
    reliability(found)


def rate(what: str, wrong: Sequence[bool]) -> None:
    """Print a share with its 95% interval (Clopper and Pearson 1934)."""
    k, n = sum(wrong), len(wrong)
    if not n:
        return
    low = beta.ppf(0.025, k, n - k + 1) if k else 0.0
    high = beta.ppf(0.975, k + 1, n - k) if k < n else 1.0
    print(f"- {what}: {k} of {n}, {k / n:.1%} ({low:.1%} to {high:.1%})")


def reliability(found: Sequence[Outcome]) -> None:
    """Print how often faces of a probability are right."""
    judged = [(one.probability, one.verdict == RIGHT) for one in found if one.probability is not None]
    chance, right = np.array([p for p, _ in judged]), np.array([r for _, r in judged])
    print("\n| probability | faces | mean | right |\n|---|---|---|---|")
    place = np.clip(np.searchsorted(EDGES, chance, side="left") - 1, 0, len(EDGES) - 2)
    error = 0.0
    for n, (low, high) in enumerate(zip(EDGES[:-1], EDGES[1:], strict=True)):
        inside = place == n
        if inside.any():
            mean, share = chance[inside].mean(), right[inside].mean()
            error += float(inside.mean() * abs(mean - share))
            print(f"| {low:g} to {high:g} | {inside.sum()} | {mean:.3f} | {share:.3f} |")
    print(f"\nexpected calibration error {error:.4f}, Brier score {np.square(chance - right).mean():.4f}\n", flush=True)


@dataclass(frozen=True)
class Rows:
    """Odds before calibration, whether each is the person, and what each weighs."""

    odds: Floats
    right: NDArray[np.bool_]
    weight: Floats


def calibrated(sets: Sequence[Rows]) -> tuple[float, float]:
    """Return the slope and the shift of least log loss (Platt 1999) on some sets of rows."""

    def loss(values: Floats) -> float:
        total = TIED * float(values[0] - np.log(0.3)) ** 2
        for rows in sets:
            odds = bounded(np.exp(values[0]) * rows.odds + values[1])
            target = np.where(rows.right, 1 - SMOOTH, SMOOTH)
            both = target * np.logaddexp(0, -odds) + (1 - target) * np.logaddexp(0, odds)
            total += float((rows.weight * both).sum())
        return total

    best = minimize(loss, [np.log(0.3), 1.0], method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-9}).x
    return round(float(np.exp(best[0])), 3), round(float(best[1]), 3)


def balanced(odds: Floats, right: NDArray[np.bool_], weight: Floats | None = None, total: float = 1.0) -> Rows:
    """Return rows of which both sides weigh the same."""
    weight = np.ones(len(odds)) if weight is None else weight.astype(np.float64)
    for side in (True, False):
        weight[right == side] *= total / weight[right == side].sum()
    return Rows(odds, right, weight)


def searched(faces: Path, truth: dict[str, str], name: str) -> dict[str, tuple[Floats, NDArray[np.bool_]]]:
    """Return the odds of the faces of each name, before calibration, and which are right; no boxes without a face."""
    source, embedder = Dataset.open(faces), embedders.load(name)
    with tempfile.TemporaryDirectory() as work:
        report = clean(Clean(input=faces, output=Path(work) / "clean", min_images=1, embedder="none"))
        good = {record.id for record in Dataset.open(Path(work) / "clean").records}  # no repeats, no bad ones
        assert report.kept == len(good)
    whole = embedders.embed_dataset(source, name).vectors
    there = np.array([record.id in good for record in source.records])
    vectors = scaled(np.where(there[:, None], whole, np.nan), embedder.metric, embedder.threshold)
    labels = [record.label for record in source.records]
    right = np.array([truth[record.id] == RIGHT for record in source.records])
    face = np.array([truth[record.id] != NOTHING for record in source.records])
    found = {}
    for label, one in split_by_name([Embedded(vectors, evidence.model_of(name))], labels).items():
        odds, use = unbounded(one.views[0], one.point_of, find(one.views)), face[one.places]
        found[label] = odds[use], right[one.places][use]
    return found


def news(lfw: Path, names: Sequence[str]) -> list[Rows]:
    """Return rows of LFW's pairsDevTrain for each embedder: photos of people with three and more, and of strangers."""
    own = {folder.name for folder in (lfw / "identities").iterdir()}
    people = named_in(lfw / "pairsDevTrain.txt") - own
    faces = embedded(lfw / "pairs_images", names, people)
    found = []
    for name, vectors in zip(names, faces.views, strict=True):
        there = np.isfinite(vectors).all(1)
        found.append(_of_news(vectors[there], faces.people[there], evidence.model_of(name)))
    return found


def _of_news(vectors: Vectors, people: NDArray[np.str_], model: Model) -> Rows:
    rng = np.random.default_rng(0)
    odds, right, weight = [], [], []
    for inside in (p for name in np.unique(people) if len(p := np.flatnonzero(people == name)) >= 3):
        foreign = np.setdiff1d(np.arange(len(people)), inside)
        for place in inside:
            others = inside[inside != place]
            tried = np.concatenate([[place], rng.choice(foreign, 8)])
            away = np.square(vectors[tried] - vectors[others].mean(0)).sum(1)
            odds += list(evidence.plain_odds(away, len(others), model))
            right += [True] + [False] * 8
            weight += [1 / len(inside)] * 9
    return balanced(np.array(odds), np.array(right), np.array(weight), NEWS)


def fit(faces: Path, lfw: Path, truth: dict[str, str], names: Sequence[str]) -> list[Outcome]:
    """Print the calibration fitted on all names; return what becomes of each name by that of the others."""
    known, of_search = news(lfw, names), [searched(faces, truth, name) for name in names]
    labels = sorted(of_search[0])
    found: list[Outcome] = []
    for left_out in (None, *labels):
        models = {}
        for name, tame, by_label in zip(names, known, of_search, strict=True):
            odds, right = zip(*(rows for label, rows in by_label.items() if label != left_out), strict=True)
            slope, shift = calibrated([tame, balanced(np.concatenate(odds), np.concatenate(right))])
            models[name] = replace(evidence.model_of(name), slope=slope, shift=shift)
            who = "on all names" if left_out is None else f"without name {labels.index(left_out) + 1}"
            print(f"{name}, {who}: slope {slope}, shift {shift}", flush=True)
        if left_out is not None:
            shipped, evidence.MODELS = evidence.MODELS, models
            found += [one for one in outcomes(faces, truth, "+".join(names)) if one.name == left_out]
            evidence.MODELS = shipped
    return found


def main() -> None:
    """Hold `clean` against the eye."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=os.environ.get("FACEKIT_DATA"))
    parser.add_argument("--embedder", default="auto")
    parser.add_argument("--verify", default="eyes", choices=["auto", "yunet", "eyes", "none"])
    parser.add_argument("--faces", type=Path, help="a folder that crop has made of scraped/raw")
    parser.add_argument("--fit", action="store_true", help="fit the calibration anew, each name left out in turn")
    args = parser.parse_args()
    if args.data is None:
        parser.error("give a folder with scraped, or set FACEKIT_DATA")
    data = Path(args.data)
    with tempfile.TemporaryDirectory() as work:
        faces = args.faces or Path(work) / "faces"
        if args.faces is None:
            crop(Crop(input=data / "scraped" / "raw", output=faces, faces="all", verify=args.verify))
        records = Dataset.open(faces).records
        truth = verdicts(records, read_truth())
        print(
            f"{len(records)} faces, of which {len(records) - len(truth)} were not looked at; {Counter(truth.values())}"
        )
        if len(truth) < len(records):
            sys.exit("some faces were never looked at; crop has changed")
        names = ("dlib", "sface") if args.embedder == "auto" else args.embedder.split("+")
        show(fit(faces, data / "lfw", truth, names) if args.fit else outcomes(faces, truth, args.embedder))


if __name__ == "__main__":
    main()
