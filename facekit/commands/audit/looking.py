"""What an audit searches with, and what the tree records about its groups."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence

import numpy as np

from facekit.base.contract import Track
from facekit.base.text import counted
from facekit.commands.audit.pairs import Shown
from facekit.commands.audit.photos import Photos
from facekit.commands.audit.trees import Tree
from facekit.dataset.groups import leave_out_joined
from facekit.identity import embedders
from facekit.identity.embedders.metrics import Embeddings
from facekit.identity.likeness import CANNOT_SEE, SEES, matcher, measured
from facekit.report.audit import Found, Looked

EMBEDDER = "dlib"
"""What proposes pairs of faces, as in `clean`."""

log = logging.getLogger(__name__)


def embedded(trees: Sequence[Tree], shown: Sequence[Shown], jobs: int, track: Track) -> tuple[Embeddings | None, str]:
    """Return the embeddings of the pictures that `crop` cut, NaN for others, and what the matcher is called so.

    None where there are no such pictures, or no embedder is installed.
    """
    rows: dict[tuple[bool, str], Embeddings] = {}
    for number, tree in enumerate(trees):
        if tree.dataset is not None and tree.dataset.info.crop is not None and _installed():
            found = embedders.embed_dataset(tree.dataset, EMBEDDER, track, jobs).vectors
            rows |= {(number == 0, r.path): row for r, row in zip(tree.dataset.records, found, strict=True)}
    if not rows:
        return None, matcher()
    none = np.full_like(next(iter(rows.values())), np.nan)
    return np.stack([rows.get((one.own, one.picture.path), none) for one in shown]), matcher(EMBEDDER)


def looked_for(trees: Sequence[Tree], photos: Photos, name: str) -> Looked:
    """Return what is looked for, with what, and by which reasons the first tree's photos share a group."""
    dataset = trees[0].dataset
    records = dataset.records if dataset else []
    origins = Counter(record.origin for record in records if not record.synthetic)
    links = [link for link in (dataset.links if dataset else []) if {link.first, link.second} <= origins.keys()]
    reasons = Counter(link.reason for link in links)
    several = sum(count > 1 for count in origins.values())
    return Looked(
        matcher=name,
        sees=SEES,
        cannot_see=CANNOT_SEE,
        embedder=None if name == matcher() else EMBEDDER,
        faces_extra=_installed(),
        recall=[Found(one.edit, one.whole, one.faces) for one in measured().edits],
        measured_on=measured().photos,
        measured_with=measured().matcher,
        whole_photos=photos.at_hand,
        of_photos=photos.of,
        drawn_by=dict(dataset.info.matchers) if dataset else {},
        groups={"from one photo": several, "same photo": reasons["same photo"], "burst": reasons["burst"]},
        crossing=len(leave_out_joined(records)[1]),
    )


def warn_of_lost(trees: Sequence[Tree], photos: Photos) -> None:
    """Warn where photos are missing: what only they show is not found."""
    if photos.at_hand < photos.of:
        log.warning(
            "%s: of %s that the pictures come from, %s missing, so not compared as a whole; put "
            "the folder that the pictures were made from back where it was, to compare more",
            *(trees[0].root, counted(photos.of, "photo"), counted(photos.of - photos.at_hand, "is", "are")),
        )


def _installed() -> bool:
    return embedders.available(EMBEDDER)
