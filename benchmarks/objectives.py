"""What a projection that `facekit train --objective` learns from few people is worth on people it never saw.

    FACEKIT_DATA=/path/to/data python benchmarks/objectives.py -o work [--objective arcface --objective triplet]

FACEKIT_DATA names a folder with `lfw` (`identities`, `pairs_images`, `pairsDevTrain.txt`, `pairsDevTest.txt`). The 42
people of `identities` are trained on, a tenth of them held out to choose the best epoch, once for each seed, which
draws these as well. It is scored on pairsDevTest, at the threshold that is best on pairsDevTrain; pairs that show one
of the 42 are left out of both lists. Faces are those of `facekit crop`; a pair of which one photo has none is left out.

Printed are accuracy, area under the curve and the share of matched pairs found at 1% of false matches: of the frozen
embedder, and of its projections the mean over seeds and the range.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from labelled_faces import named_in, pairs_of
from numpy.typing import NDArray

from facekit.commands.crop import crop
from facekit.commands.train import train
from facekit.dataset import Dataset
from facekit.identity import embedders
from facekit.identity.embedders.metrics import Embeddings, Metric
from facekit.options.crop import Crop
from facekit.options.objectives import Objective
from facekit.options.train import Train
from facekit.runs import PROJECTION, projection
from facekit.scores import verification as scores

SEEDS = 5
FAR = 0.01
SPLIT = "90/0/10"
EPOCHS = 20
"""Fewer than by default, for the time: the best of them is kept."""

OBJECTIVES: tuple[Objective, ...] = ("arcface", "cosface", "triplet", "contrastive")


@dataclass(frozen=True)
class Pairs:
    """Pairs of a list, by the places of their faces."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    same: NDArray[np.bool_]

    def far(self, vectors: Embeddings, metric: Metric) -> NDArray[np.float64]:
        """Return how far apart the faces of each pair are."""
        one, other = (vectors[places].astype(np.float64) for places in (self.first, self.second))
        if metric == "euclidean":
            return np.asarray(np.linalg.norm(one - other, axis=1))
        one, other = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (one, other))
        return np.asarray(1 - (one * other).sum(1))


def faces_of(photos: Path, work: Path) -> Dataset:
    """Return the faces of a folder of photos; they are cropped once."""
    folder = work / photos.name
    if not folder.exists():
        crop(Crop(input=photos, output=folder))
    return Dataset.open(folder)


def without(list_: Path, place: dict[str, int], people: set[str]) -> Pairs:
    """Return the pairs of a list whose photos both have a face, and show none of these people."""
    rows = [
        (place[first], place[second], same)
        for first, second, same in pairs_of(list_)
        if not {Path(one).stem.rsplit("_", 1)[0] for one in (first, second)} & people
        and first in place
        and second in place
    ]
    first, second, same = (np.array(column) for column in zip(*rows, strict=True))
    return Pairs(first, second, same)


def measured(vectors: Embeddings, metric: Metric, tune: Pairs, test: Pairs) -> tuple[float, float, float]:
    """Return accuracy, area under the curve, and the share found at FAR, on `test`."""
    threshold = scores.best_threshold(tune.far(vectors, metric), tune.same)
    found = scores.measure(test.far(vectors, metric), test.same, (FAR,), (threshold,))
    return found.points[0].accuracy, found.auc, found.tar[0]


def projections(
    known: Dataset, backbone: str, objective: Objective, work: Path, seeds: int
) -> Iterator[projection.Matrix]:
    """Yield the matrix that is trained with each seed; one that was trained before is read again."""
    for seed in range(seeds):
        output = work / f"{backbone}-{objective}-{seed}"
        train(
            Train(
                input=known.root,
                output=output,
                backbone=backbone,
                objective=objective,
                split=SPLIT,
                epochs=EPOCHS,
                seed=seed,
            )
        )
        side = embedders.load(backbone).dimensions
        yield projection.read(output / PROJECTION, side, min(side, 128))


def row(title: str, values: list[tuple[float, float, float]]) -> str:
    """Return a row of the table: means over seeds, and ranges where there are several."""
    cells = []
    for column in zip(*values, strict=True):
        between = f" ({min(column):.4f} to {max(column):.4f})" if len(column) > 1 else ""
        cells.append(f"{np.mean(column):.4f}{between}")
    return f"| {title} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for faces and runs")
    parser.add_argument("--backbone", action="append", help="default: dlib and sface")
    parser.add_argument("--objective", action="append", choices=OBJECTIVES, help="default: all four")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    chosen = parser.parse_args()
    lfw = Path(os.environ.get("FACEKIT_DATA", "data")) / "lfw"
    known, others = (faces_of(lfw / name, chosen.output) for name in ("identities", "pairs_images"))
    people = set(known.labels)
    files = [Path(str(others.sources[record.origin].url)).name for record in others.records]
    print(f"people of both lists among those trained on: {len(people & named_in(lfw / 'pairsDevTest.txt'))} in Test")
    print("| embedder | accuracy | AUC | found at 1% |\n|---|---|---|---|", flush=True)
    for backbone in chosen.backbone or ("dlib", "sface"):
        vectors = embedders.embed_dataset(others, backbone).vectors
        place = {file: at for at, file in enumerate(files) if np.isfinite(vectors[at]).all()}
        tune, test = (without(lfw / f"pairsDev{part}.txt", place, people) for part in ("Train", "Test"))
        metric = embedders.load(backbone).metric
        print(row(f"{backbone}, frozen ({len(test.same)} pairs)", [measured(vectors, metric, tune, test)]))
        if metric != "cosine":
            print(row(f"{backbone}, by its cosine", [measured(vectors, "cosine", tune, test)]), flush=True)
        for objective in cast(list[Objective], chosen.objective) or OBJECTIVES:
            found = [
                measured(np.asarray(vectors @ matrix, np.float32), "cosine", tune, test)
                for matrix in projections(known, backbone, objective, chosen.output, chosen.seeds)
            ]
            print(row(f"{backbone}, {objective}", found), flush=True)


if __name__ == "__main__":
    main()
