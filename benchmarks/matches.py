"""How often `verify` takes two people for one, beside what it says: its false match rate.

    FACEKIT_DATA=/path/to/data python benchmarks/matches.py [--embedder sface] [--keep vectors]

The rates were fitted to the photos that LFW's pairsDevTrain names: every pair of two people, over a million, by the
detector and the embedder of `verify`. They are checked on those of pairsDevTest, whose people are others. The interval
draws the people again, with all their photos. The last column is the share of the 487 pairs of one person of
pairsDevTest that are called the same.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import cv2
import numpy as np
from verification import Found, Subject, apart, vectors

from facekit.dataset import pairlists
from facekit.identity import embedders
from facekit.identity.faces import SUITED
from facekit.identity.people.matching import RATES, Matcher
from facekit.scores.bootstrap import interval

ASKED = (0.1, 0.01, 0.001, 0.0001)
ROUNDS = 300


def strangers(found: Found, names: np.ndarray, metric: str, thresholds: np.ndarray) -> tuple[np.ndarray, int]:
    """Return which pairs of two people are so similar, counted, shape (thresholds, people, people), and all pairs."""
    people, who = np.unique(names, return_inverse=True)
    counts = np.zeros((len(thresholds), len(people), len(people)))
    far = embedders.distances(metric, found.rows)
    for number, threshold in enumerate(thresholds):
        first, second = np.nonzero(np.triu(1 - far >= threshold, 1) & (who[:, None] != who))
        np.add.at(counts[number], (who[first], who[second]), 1)
    return counts, int(np.triu(who[:, None] != who, 1).sum())


def part(found: Found, photos: set[str]) -> tuple[Found, np.ndarray]:
    """Return those of some photos that have an embedding, and who is on each."""
    rows = [place for place, path in enumerate(found.paths) if path in photos and found.there[place]]
    some = Found([found.paths[row] for row in rows], found.rows[rows], found.seconds)
    return some, np.array([Path(path).parent.name for path in some.paths])


def fit(subject: Subject, train: Found, names: np.ndarray) -> None:
    """Print the distances, in thresholds of the embedder, below which pairs of two people of Train are so often."""
    far = embedders.distances(subject.embedder.metric, train.rows)
    apart_ = far[np.triu(names[:, None] != names, 1)] / subject.embedder.threshold
    print(f"    fitted: {tuple(round(float(one), 3) for one in np.quantile(apart_, RATES))}")


def check(subject: Subject, root: Path, keep: Path | None) -> None:
    """Print the rows of one embedder."""
    train_list, test_list = (pairlists.read(root / f"pairsDev{part}.txt") for part in ("Train", "Test"))
    found = vectors(subject, root / "pairs_images", sorted({*train_list.photos, *test_list.photos}), keep)
    (train, of_train), (test, names) = (part(found, set(one.photos)) for one in (train_list, test_list))
    fit(subject, train, of_train)
    name = subject.embedder.name
    matchers = [Matcher.of(name), *(Matcher.of(name, rate) for rate in ASKED)]
    counts, pairs = strangers(test, names, subject.embedder.metric, np.array([one.threshold for one in matchers]))
    people, photos = np.unique(names, return_counts=True)
    there = set(test.paths)
    far = apart(
        subject.embedder, test, [one for one in test_list.pairs if one.same and {one.first, one.second} <= there]
    )
    rng = np.random.default_rng(42)
    drawn = [rng.multinomial(len(people), np.full(len(people), 1 / len(people))) for _ in range(ROUNDS)]
    for number, one in enumerate(matchers):
        rates = [float(w @ counts[number] @ w) / _pairs(w, photos) for w in drawn]
        ends = interval(rates)
        assert ends is not None
        asked = "its own" if number == 0 else f"{ASKED[number - 1]:g}"
        print(
            f"| {name} | {asked} | {one.threshold:.3f} | {one.fmr:g} | {counts[number].sum() / pairs:.2g} "
            f"({ends.low:.2g} to {ends.high:.2g}) | {np.mean(1 - far >= one.threshold):.3f} |",
            flush=True,
        )


def _pairs(weights: np.ndarray, photos: np.ndarray) -> float:
    """Return how many pairs of two people there are, each person counted so often."""
    counted = weights * photos
    return float(counted.sum() ** 2 - (counted**2).sum()) / 2


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--embedder", action="append")
    parser.add_argument("--keep", type=Path, help="folder for the vectors")
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    print("| embedder | asked | threshold | verify says | measured | of one person, found |\n|---|---|---|---|---|---|")
    for name in chosen.embedder or ["dlib", "dlib-mirrored", "sface"]:
        subject = Subject(embedders.load(name), SUITED[name])
        check(subject, Path(os.environ["FACEKIT_DATA"]) / "lfw", chosen.keep)


if __name__ == "__main__":
    main()
