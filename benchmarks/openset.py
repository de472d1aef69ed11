"""How many strangers get a name, and how many known people get theirs.

    python benchmarks/openset.py [DATA] [--embedder dlib] [--seeds 5] [--half]

DATA is a folder with `lfw`; else FACEKIT_DATA names it. Faces are cut by `facekit crop` with its defaults. Known are
the 42 people of `lfw/identities`, or 20, 5 or 4 of them, with at most 50 photos each, drawn by the seed: 70% are
trained on, 10% validate, 20% are searched for. Strangers are all other people of `lfw/pairs_images`. The runs are what
`facekit train --backbone NAME` makes, and the scores those of `facekit evaluate --strangers`.

The method (how near is near, and how a threshold is found) was developed on every second of the 42 people, and on the
strangers whose names have an even CRC-32. `--half` measures it on the other people and the other strangers alone.

`before` is what facekit 0.1.0 answered: the name of every face of which the linear head is at least 50% sure. `no face`
are Haar's boxes of `scraped` that show no frontal face, and patches of background, given to a model of all 42.
"""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from facekit import runs, training
from facekit.base import images
from facekit.base.contract import BadImage, Box, Face, Image, Record
from facekit.commands.crop import crop
from facekit.dataset import Dataset
from facekit.dataset.lineage import draw_split
from facekit.identity import held_out
from facekit.identity.groups import grouped
from facekit.identity.openset import decider
from facekit.identity.openset.answers import Recogniser
from facekit.identity.openset.evaluation import identify
from facekit.identity.split import Split
from facekit.options.crop import Crop
from facekit.options.train import Train
from facekit.runs import Run
from facekit.scores.bootstrap import interval, rounds_of
from facekit.scores.identification import Identification

PEOPLE = (42, 20, 5, 4)
MOST = 50
SHARES = (0.7, 0.2, 0.1)
SURE = 0.5
"""The least confidence of a name, as `predict` has it."""


@dataclass(frozen=True)
class Trial:
    """One run, scored."""

    scores: Identification
    before: float
    """Share of strangers of whom the head is as sure as 0.1.0 asked for."""
    both: tuple[float, float]
    """FPIR and TPIR where a name needs that confidence too."""
    named: list[tuple[str, bool]]
    """Each stranger's face: who it is, and whether it got a name."""
    error: float
    """Expected calibration error of the probability, strangers and known people weighing alike."""


def crops(photos: Path, output: Path) -> Dataset:
    """Return the faces of a tree of photos, cut with the defaults."""
    crop(Crop(input=photos, output=output, jobs=1))
    return Dataset.open(output)


def half(people: Sequence[str], strangers: Dataset) -> tuple[list[str], Dataset]:
    """Return the people and the strangers that the method has not seen."""
    others = [one for one in strangers.records if zlib.crc32(one.name.encode()) % 2]
    return list(people)[1::2], replace(strangers, records=others)


def split_of(known: Dataset, names: Sequence[str], seed: int) -> Split:
    """Return the photos of some people with their parts, at most 50 each."""
    rng = np.random.default_rng(seed)
    chosen: list[Record] = []
    for name in names:
        own = [one for one in known.records if one.name == name]
        chosen += [own[place] for place in sorted(rng.permutation(len(own))[:MOST])]
    records = draw_split(chosen, SHARES, seed)
    return Split(replace(known, records=records), records, "group")


def trial(known: Dataset, strangers: Dataset, names: Sequence[str], embedder: str, seed: int, folder: Path) -> Trial:
    """Train on some people and search for them and for strangers."""
    split = split_of(known, names, seed)
    options = Train(input=known.root, output=folder, backbone=embedder, seed=seed, jobs=1)
    run = training.fit(training.plan(options, split))
    pictures = held_out.HeldOut(split.dataset, run.part("test"), "test", known.root, own=True)
    predictions = held_out.predict(run, pictures, 128, 1, _quiet)
    among = identify(run, pictures, predictions, (strangers, held_out.Counter()), 1, _quiet)
    assert among is not None
    return _trial(run, among.scores(1000, seed), pictures, predictions, strangers)


def _trial(
    run: Run,
    scores: Identification,
    pictures: held_out.HeldOut,
    predictions: held_out.Predictions,
    strangers: Dataset,
) -> Trial:
    judge = decider.load(run)
    assert judge is not None
    others = held_out.HeldOut(strangers, list(strangers.records), "strangers", strangers.root, own=False)
    foreign = held_out.predict(run, others, 128, 1, _quiet)
    near = [_similar(judge, one, where) for one, where in ((predictions, pictures), (foreign, others))]
    sure = [one.probabilities.max(axis=1) for one in (predictions, foreign)]
    truth = np.array([run.labels.index(record.label) for record in predictions.records])
    right = predictions.probabilities.argmax(axis=1) == truth
    named = [(values >= judge.threshold) & (share >= SURE) for values, share in zip(near, sure, strict=True)]
    chance = [judge.probability(values) * share for values, share in zip(near, sure, strict=True)]
    return Trial(
        scores,
        before=float((sure[1] >= SURE).mean()),
        both=(float(named[1].mean()), float((named[0] & right).mean())),
        named=[(one.name, bool(hit)) for one, hit in zip(foreign.records, near[1] >= judge.threshold, strict=True)],
        error=_calibration_error(chance[0], right, chance[1]),
    )


def _similar(judge: decider.Decider, some: held_out.Predictions, where: held_out.HeldOut) -> np.ndarray:
    from facekit.identity.embedders import embed_dataset

    vectors, _ = embed_dataset(replace(where.dataset, records=some.records), judge.about.embedder.name, jobs=1)
    return judge.similarity(vectors, some.probabilities.argmax(axis=1))


def _calibration_error(inside: np.ndarray, right: np.ndarray, outside: np.ndarray) -> float:
    chance = np.concatenate([inside, outside])
    hit = np.concatenate([right, np.zeros(len(outside), bool)])
    weights = np.concatenate([np.full(len(inside), 0.5 / len(inside)), np.full(len(outside), 0.5 / len(outside))])
    place = np.minimum((chance * 15).astype(int), 14)
    return float(sum(abs((weights * (chance - hit))[place == number].sum()) for number in range(15)))


def _quiet(items, title, total=None, board=None):  # type: ignore[no-untyped-def]
    return iter(items)


def row(count: int, trials: Sequence[Trial]) -> str:
    """Return the means of some trials; the interval draws the strangers again, each with all seeds."""
    people: dict[str, list[bool]] = defaultdict(list)
    for one in trials:
        for name, hit in one.named:
            people[name].append(hit)
    names = list(people)
    hits, faces = np.array([sum(people[name]) for name in names]), np.array([len(people[name]) for name in names])
    drawn = rounds_of(lambda w: (float((w * hits).sum() / (w * faces).sum()),), names, 1000)
    ends = interval(drawn[:, 0])
    assert ends is not None
    fpir, tpir = (np.array([getattr(one.scores.rates, name) for one in trials]) for name in ("fpir", "tpir"))
    both = np.mean([one.both for one in trials], axis=0)
    return (
        f"| {count} | {np.mean([one.before for one in trials]):.3f} | {fpir.mean():.4f} ({ends.low:.4f} to "
        f"{ends.high:.4f}) | {fpir.min():.4f} to {fpir.max():.4f} | {tpir.mean():.4f} | {tpir.min():.4f} to "
        f"{tpir.max():.4f} | {both[0]:.4f} | {both[1]:.4f} | {np.mean([one.error for one in trials]):.3f} |"
    )


def no_faces(data: Path) -> Iterator[tuple[str, Image, Box]]:
    """Yield boxes that show no frontal face: Haar's that were not offered to the curator, and patches of background."""
    raw = data / "scraped" / "raw"
    rng = np.random.default_rng(0)
    with (data / "scraped" / "curated_boxes.csv").open(newline="") as file:
        for line in csv.DictReader(file):
            if line["status"] not in ("not_offered", "no_face"):
                continue
            try:
                image = images.read(raw / line["person"] / line["file"])
            except (BadImage, OSError):
                continue
            if line["status"] == "not_offered":
                yield "Haar boxes", image, Box(*(int(line[key]) for key in "xywh"))
            else:
                side = max(24, min(image.shape[:2]) // 5)
                x, y = (int(rng.integers(0, max(1, length - side))) for length in (image.shape[1], image.shape[0]))
                yield "patches", image, Box(x, y, side, side)


def refused(run: Run, data: Path) -> None:
    """Print how many boxes without a frontal face get a name."""
    recogniser = Recogniser(run)
    counts: dict[str, list[str]] = defaultdict(list)
    for kind, image, box in no_faces(data):
        try:
            seen = recogniser.sees(image, Face(box, 0.0), run.face_crop)
        except BadImage:
            counts[kind].append("no face")
            continue
        (named,) = recogniser.named([seen])
        known = not named.stranger and named.probabilities.max() >= SURE
        before = named.probabilities.max() >= SURE
        counts[kind].append(f"{'named' if known else 'unknown'}{' (named before)' if before else ''}")
    for kind, answers in counts.items():
        print(f"{kind}: {len(answers)}; " + ", ".join(f"{answers.count(one)} {one}" for one in sorted(set(answers))))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=os.environ.get("FACEKIT_DATA"))
    parser.add_argument("--embedder", action="append")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--people", type=int, action="append")
    parser.add_argument("--half", action="store_true")
    parser.add_argument("--folder", type=Path, help="where the faces are kept, so that they are cut once")
    options = parser.parse_args()
    if options.data is None:
        parser.error("give the folder of the data, or set FACEKIT_DATA")
    with tempfile.TemporaryDirectory() as folder:
        work = options.folder or Path(folder)
        known = grouped(crops(Path(options.data) / "lfw" / "identities", work / "known"), "train")
        others = crops(Path(options.data) / "lfw" / "pairs_images", work / "others")
        people = sorted({one.name for one in known.records})
        strangers = replace(others, records=[one for one in others.records if one.name not in people])
        if options.half:
            people, strangers = half(people, strangers)
        print(
            f"{len(people)} known, {len({r.name for r in strangers.records})} strangers, {len(strangers.records)} faces"
        )
        for embedder in options.embedder or ["dlib"]:
            measure(embedder, known, strangers, people, options, Path(folder))


def measure(
    embedder: str, known: Dataset, strangers: Dataset, people: list[str], options: argparse.Namespace, folder: Path
) -> None:
    """Print the table of one embedder."""
    print(f"\n{embedder}\n")
    print(
        "| known | before | FPIR | by seed | TPIR | by seed | FPIR, 50% sure | TPIR, 50% sure | calibration error |\n"
        + "|---" * 9
        + "|"
    )
    for count in options.people or [min(count, len(people)) for count in PEOPLE]:
        trials = []
        for seed in range(options.seeds):
            chosen = sorted(np.random.default_rng([seed, count]).permutation(people)[:count].tolist())
            output = folder / f"{embedder}-{count}-{seed}"
            trials.append(trial(known, strangers, chosen, embedder, seed, output))
        print(row(count, trials), flush=True)
        if count == 42:
            refused(runs.load(output), Path(options.data))


if __name__ == "__main__":
    main()
