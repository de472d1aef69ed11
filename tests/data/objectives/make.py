"""Make `expected.json`: losses and gradients as pytorch-metric-learning computes them, for `tests/test_objectives.py`.

    pip install torch pytorch-metric-learning
    python tests/data/objectives/make.py

Embeddings are drawn by a seed; some are in hard places: two of one face, and one opposite its person's centre.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

MARGINS = {"arcface": (0.0, 0.1, 0.5), "cosface": (0.0, 0.35), "triplet": (0.1, 0.2, 1.0), "contrastive": (0.5, 1.0)}
SCALES = (16.0, 64.0)


def drawn() -> dict[str, Any]:
    """Return twelve embeddings of four people, and a centre for each person."""
    rng = np.random.default_rng(7)
    people = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3])
    centres = rng.normal(size=(6, 4))
    embeddings = centres.T[people] + rng.normal(scale=1.2, size=(12, 6))
    embeddings[1] = embeddings[0]
    embeddings[8] = -centres[:, 2] + rng.normal(scale=0.05, size=6)
    return {"embeddings": embeddings.tolist(), "people": people.tolist(), "centres": centres.tolist()}


def computed(given: dict[str, Any]) -> dict[str, Any]:
    """Return `objective margin scale` -> loss and gradient with regard to the embeddings."""
    import torch
    from pytorch_metric_learning import distances, losses, miners

    people = torch.tensor(given["people"])
    centres = torch.tensor(given["centres"], dtype=torch.float32)

    def measured(loss: Callable[[Any], Any]) -> dict[str, Any]:
        embeddings = torch.tensor(given["embeddings"], dtype=torch.float32, requires_grad=True)
        value = loss(embeddings)
        value.backward()
        return {"loss": float(value.detach()), "gradient": embeddings.grad.tolist()}

    def by_centres(kind: Any, margin: float, scale: float) -> dict[str, Any]:
        loss = kind(num_classes=centres.shape[1], embedding_size=centres.shape[0], margin=margin, scale=scale)
        loss.W.data = centres
        return measured(lambda embeddings: loss(embeddings, people))

    def by_triplets(margin: float) -> dict[str, Any]:
        squared = distances.LpDistance(normalize_embeddings=True, p=2, power=2)
        miner = miners.TripletMarginMiner(margin=margin, type_of_triplets="semihard", distance=squared)
        loss = losses.TripletMarginLoss(margin=margin, distance=squared)
        return measured(lambda embeddings: loss(embeddings, people, miner(embeddings, people)))

    def by_pairs(margin: float) -> dict[str, Any]:
        loss = losses.ContrastiveLoss(pos_margin=0, neg_margin=margin)
        return measured(lambda embeddings: loss(embeddings, people))

    found: dict[str, Any] = {}
    for scale in SCALES:
        for margin in MARGINS["arcface"]:  # it takes degrees
            found[f"arcface {margin} {scale}"] = by_centres(losses.ArcFaceLoss, float(np.rad2deg(margin)), scale)
        for margin in MARGINS["cosface"]:
            found[f"cosface {margin} {scale}"] = by_centres(losses.CosFaceLoss, margin, scale)
    found |= {f"triplet {margin}": by_triplets(margin) for margin in MARGINS["triplet"]}
    return found | {f"contrastive {margin}": by_pairs(margin) for margin in MARGINS["contrastive"]}


if __name__ == "__main__":
    given = drawn()
    (Path(__file__).parent / "expected.json").write_text(json.dumps({**given, "computed": computed(given)}) + "\n")
