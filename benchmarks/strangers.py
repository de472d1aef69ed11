"""Strangers planted among photos of known people: how many `clean` finds, and whom it loses.

    python benchmarks/strangers.py [DATA] [--embedder dlib+sface] [--seeds 5] [--fit] [--quick]
    python benchmarks/strangers.py --scale

DATA is a folder with `lfw`; else FACEKIT_DATA names it. To the photos of each of the 42 people of `lfw/identities`
others are added until they are 5, 10, 20 or 40% of its folder, in two ways:

- many: photos drawn from the people of `pairsDevTest`, each someone else;
- one: photos of one other of the 42, drawn anew for each folder; that person has a folder of its own too.

Everything that was fitted (the threshold, the three constants of `facekit.identity.people.evidence`) saw people of
`pairsDevTrain` alone, of whom none is among the 42 or the strangers; `--fit` fits the constants again. Beside the
embedder stands what can be had without one: 32x32 grey pixels of the middle of the photo, 64 principal
components of equal variance, threshold and constants fitted in the same way.

`--quick` takes up to 20 photos of each of the 42 and one of each stranger, and the face where LFW's alignment puts it,
instead of looking for it.

Purity is the share of right faces among those kept, `strict` where the unsure ones are left out too; lost are right
faces not kept. Two photos of the 42 are known to show someone else: they count as strangers.

`--scale` needs no photos: vectors are drawn, a fifth of each folder strangers, and time and memory of the judgement
are measured, embedding left out.
"""

from __future__ import annotations

import argparse
import os
import time
import tracemalloc
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from labelled_faces import Faces, by_components, embedded, named_in, pixels
from numpy.typing import NDArray
from scipy.optimize import minimize

from facekit.identity.people import Embedded, judge, model_of
from facekit.identity.people.evidence import ODD, Floats, Model, log_odds
from facekit.options.clean import Clean

KNOWN_ERRORS = ("Recep_Tayyip_Erdogan_0004.jpg", "Mahmoud_Abbas_0012.jpg")
MOST_ODD = 0.01
"""Greatest share of photos of a person that may look like nobody: pixels would say all."""

SHARES = (0.0, 0.05, 0.1, 0.2, 0.4)
HOW = ("many", "one")

DEFAULTS = Clean(input=Path("in"), output=Path("out"))


@dataclass(frozen=True)
class Planted:
    """Folders with strangers in them, and the probability of each face."""

    files: list[str]
    labels: list[str]
    right: NDArray[np.bool_]
    probability: Floats
    nobody: int


def fitted(train: Faces, at: int = 0) -> Model:
    """Return the model of an embedder that makes people's own photos likeliest, each person weighing the same.

    The share of photos that look like nobody is fitted along, for the list has wrong labels, and printed.
    """
    rng = np.random.default_rng(0)
    there = np.isfinite(train.views[at]).all(1)
    vectors, names = train.views[at][there], train.people[there]
    rows: list[tuple[float, float, float, float]] = []  # votes, squared distance, weight, 1 for the own person or -1
    for inside in (p for name in np.unique(names) if len(p := np.flatnonzero(names == name)) > 1):
        foreign = np.setdiff1d(np.arange(len(names)), inside)
        for place in inside:
            others = rng.permutation(inside[inside != place])
            for count in sorted({min(n, len(others)) for n in (1, 2, 3, 5, 10)}):
                mean = vectors[others[:count]].mean(0)
                rows.append((count, float(np.square(vectors[place] - mean).sum()), 1 / len(inside), 1))
                away = np.square(vectors[rng.choice(foreign, 20)] - mean).sum(1)
                rows += [(count, float(x), 1 / len(inside) / 20, -1) for x in away]
    votes, away, weight, sign = np.array(rows).T
    for side in (1, -1):
        weight[sign == side] /= weight[sign == side].sum()

    def loss(logs: Floats) -> float:
        odds = log_odds(away, votes, Model(*np.exp(logs[:3])), min(float(np.exp(logs[3])), MOST_ODD))
        return float((weight * np.logaddexp(0, -sign * odds)).sum())

    start = np.log([0.34, 1.17, 34, ODD])
    best = minimize(loss, start, method="Nelder-Mead", options={"maxiter": 6000, "xatol": 1e-4, "fatol": 1e-9})
    within, between, dimensions, share = (float(value) for value in np.exp(best.x))
    found, odd = f"{within:.4f}, {between:.4f}, {dimensions:.2f}", min(share, MOST_ODD)
    print(f"fitted within, between, dimensions = {found}; like nobody {odd:.2%}")
    return Model(within, between, dimensions)


def planted(own: Faces, foreign: Faces, models: Sequence[Model], share: float, how: str, seed: int) -> Planted:
    """Mix strangers into every folder and judge it."""
    rng = np.random.default_rng([seed, round(100 * share), HOW.index(how)])
    names = sorted(set(own.people))
    views, files, labels, right = [own.views], list(own.files), [str(name) for name in own.people], []
    right += [file not in KNOWN_ERRORS for file in own.files]
    for name in names:
        count = round(share / (1 - share) * int((own.people == name).sum()))
        if how == "many":
            chosen, pool = rng.choice(len(foreign.files), count, replace=count > len(foreign.files)), foreign
        else:
            other = names[(names.index(name) + int(rng.integers(1, len(names)))) % len(names)]
            chosen, pool = rng.permutation(np.flatnonzero(own.people == other))[:count], own
        views.append(tuple(vectors[chosen] for vectors in pool.views))
        files += [pool.files[place] for place in chosen]
        labels += [name] * len(chosen)
        right += [False] * len(chosen)
    mixed = [np.concatenate(parts) for parts in zip(*views, strict=True)]
    found = judge([Embedded(vectors, model) for vectors, model in zip(mixed, models, strict=True)], labels)
    chance = np.array([np.nan if p is None else p for p in found.probability])
    return Planted(files, labels, np.array(right), chance, sum(n.folder.person is None for n in found.names.values()))


def row(trials: Sequence[Planted]) -> str:
    """Return purity, strict purity, their lowest, lost, rejected, unsure, and folders without a clear person."""
    rows = []
    for trial in trials:
        sure, wrong = trial.probability >= DEFAULTS.keep_at, trial.probability <= DEFAULTS.reject_at
        total = int(trial.right.sum())
        rows.append(
            (
                trial.right[~wrong].mean(),
                trial.right[sure].mean() if sure.any() else np.nan,
                (trial.right & wrong).sum() / total,
                (trial.right & ~sure).sum() / total,
                (~sure & ~wrong).mean(),
                trial.nobody,
            )
        )
    means, least = np.mean(rows, axis=0), np.min(rows, axis=0)
    purity, strict, lost, lost_strict, unsure, nobody = means
    return (
        f"| {purity:.2%} (least {least[0]:.2%}) | {lost:.2%} | {strict:.2%} (least {least[1]:.2%}) | "
        f"{lost_strict:.2%} | {unsure:.2%} | {nobody:.1f} |"
    )


def calibration(trials: Sequence[Planted]) -> None:
    """Print how often faces of a probability are right."""
    chance = np.concatenate([trial.probability for trial in trials])
    right = np.concatenate([trial.right for trial in trials])[np.isfinite(chance)]
    chance = chance[np.isfinite(chance)]
    edges = np.array([0, 0.01, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 0.99, 1.0001])
    print("\n| probability | faces | mean | right |\n|---|---|---|---|")
    error = 0.0
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        inside = (chance >= low) & (chance < high)
        if inside.any():
            error += float(inside.mean() * abs(chance[inside].mean() - right[inside].mean()))
            means = f"{chance[inside].mean():.3f} | {right[inside].mean():.3f}"
            print(f"| {low:g} to {min(high, 1):g} | {inside.sum():,} | {means} |")
    print(f"\nexpected calibration error {error:.4f}, Brier score {np.square(chance - right).mean():.4f}\n", flush=True)


def doubtful(trials: Sequence[Planted]) -> None:
    """Print the photos under their own name that are called someone else's, and the errors that are known."""
    found: dict[str, list[float]] = defaultdict(list)
    for trial in trials:
        for file, label, value in zip(trial.files, trial.labels, trial.probability, strict=True):
            if file.startswith(label) and (value <= DEFAULTS.reject_at or file in KNOWN_ERRORS):
                found[file].append(float(value))
    print("under their own name, and called someone else's at least once:")
    for file, values in sorted(found.items(), key=lambda item: np.mean(item[1])):
        known = " (known to be someone else)" if file in KNOWN_ERRORS else ""
        print(f"- {file}{known}: {len(values)} of {len(trials)} times, median {np.median(values):.4f}")


def table(name: str, own: Faces, foreign: Faces, models: Sequence[Model], seeds: int) -> list[Planted]:
    """Print how the planted strangers fare; return every trial."""
    print(f"\n## {name}\n")
    print(
        "| strangers | share | purity | lost | purity, strict | lost, strict | unsure | nobody clear |\n"
        + "|---" * 8
        + "|"
    )
    trials = []
    for how in HOW:
        for share in SHARES[how != HOW[0] :]:
            some = [planted(own, foreign, models, share, how, seed) for seed in range(seeds)]
            print(f"| {how} | {share:.0%} {row(some)}", flush=True)
            trials += some
    return trials


def scale() -> None:
    """Print what judging drawn vectors costs."""
    print("| names | faces in each | CPU seconds | MB at most | right |\n|---|---|---|---|---|")
    for names, count in ((100, 100), (1000, 100), (1, 10_000), (10, 10_000), (1, 100_000)):
        rng = np.random.default_rng(names)
        people = rng.normal(0, np.sqrt(0.62 / 128), (names, 1, 128)).astype(np.float32)
        own = people + rng.normal(0, np.sqrt(0.28 / 128), (names, count, 128)).astype(np.float32)
        strangers = rng.random((names, count)) < 0.2
        own[strangers] = rng.normal(0, np.sqrt(0.9 / 128), (int(strangers.sum()), 128))
        labels = [f"{name:04}" for name in range(names) for _ in range(count)]
        tracemalloc.start()
        began = time.process_time()
        found = judge([Embedded(np.asarray(own.reshape(-1, 128), np.float32))], labels)
        seconds, peak = time.process_time() - began, tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
        right = np.mean(
            [
                (p is not None and p >= 0.5) is not bool(s)
                for p, s in zip(found.probability, strangers.ravel(), strict=True)
            ]
        )
        print(f"| {names:,} | {count:,} | {seconds:.1f} | {peak:.0f} | {right:.4f} |", flush=True)


def main() -> None:
    """Judge planted folders by an embedder and by pixels."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=os.environ.get("FACEKIT_DATA"))
    parser.add_argument("--embedder", default="dlib+sface")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--fit", action="store_true", help="fit the constants of the model anew, and judge by those")
    parser.add_argument("--quick", action="store_true", help="fewer photos, and no search for the face")
    parser.add_argument("--only", choices=["embedder", "pixels"])
    parser.add_argument("--scale", action="store_true", help="measure time and memory on drawn vectors, no photos")
    args = parser.parse_args()
    if args.scale:
        scale()
        return
    if args.data is None:
        parser.error("give a folder with lfw, or set FACEKIT_DATA")
    if args.fit and args.quick:
        parser.error("--fit needs more than one photo of each person; leave --quick out")
    lfw = Path(args.data) / "lfw"
    own_people = {folder.name for folder in (lfw / "identities").iterdir()}
    train_people, test_people = (named_in(lfw / f"pairsDev{part}.txt") - own_people for part in ("Train", "Test"))
    assert not train_people & test_people

    if args.only != "pixels":
        began = time.perf_counter()
        names = args.embedder.split("+")
        own = embedded(lfw / "identities", names, most=20 if args.quick else None)
        people = test_people | (train_people if args.fit else set())
        others = embedded(lfw / "pairs_images", names, people, 1 if args.quick else None)
        print(f"{len(own.files)} photos of {len(own_people)} people; {time.perf_counter() - began:.0f} s for vectors")
        models = [model_of(name) for name in names]
        if args.fit:
            models = [
                replace(fitted(others.of(train_people), at), slope=model.slope, shift=model.shift)
                for at, model in enumerate(models)
            ]
        trials = table(args.embedder, own, others.of(test_people), models, args.seeds)
        calibration(trials)
        doubtful(trials)
    if args.only != "embedder":
        raw = [pixels(lfw / part) for part in ("identities", "pairs_images")]
        train, own, foreign = by_components(
            raw[1].of(train_people),
            [raw[1].of(train_people), raw[0], raw[1].of(test_people)],
            lfw / "pairsDevTrain.txt",
        )
        calibration(table("pixels", own, foreign, [fitted(train)], args.seeds))


if __name__ == "__main__":
    main()
