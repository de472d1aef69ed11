"""Whether a face shows the person that a model names, or a stranger."""

from __future__ import annotations

import logging
import shlex
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facekit.base import plugins
from facekit.base.contract import Embedder, FacekitError
from facekit.base.figures import decimal
from facekit.dataset.records import shown
from facekit.identity import embedders
from facekit.identity.embedders.metrics import Embeddings
from facekit.identity.openset.known import KnownFaces, Similarities
from facekit.options.common import kind_of
from facekit.runs import GALLERY, Backbone, OpenSet, Run
from facekit.runs.export import Exported
from facekit.runs.known_faces import KnownVectors
from facekit.scores.recalibration import logistic

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Decider:
    """The known faces of a model, and the similarity below which a face is a stranger's."""

    known: KnownFaces
    about: OpenSet
    rate: float
    threshold: float

    def similarity(self, vectors: Embeddings, classes: NDArray[np.int64]) -> Similarities:
        """Return how near each embedding is to the known faces of one name, shape (n,); minus infinity for none."""
        return self.known.similarity(vectors, classes)

    def probability(self, similarity: Similarities) -> Similarities:
        """Return the probability that a face of that similarity is of a known person, were every other a stranger."""
        return logistic(similarity, self.about.slope, self.about.offset)


def load(run: Run, rate: float | None = None) -> Decider | None:
    """Return what tells strangers from the people of a run; None where nothing can.

    `rate` is the false positive identification rate, by default the one that the run was trained for. Raises
    FacekitError for a gallery that is gone, broken or of another model.
    """
    about = run.info.open_set
    if about is None:
        return None
    names, dimensions = len(run.labels), about.embedder.dimensions
    gallery = run.known if isinstance(run, Exported) else None
    if gallery is None:
        gallery = KnownVectors.read(run.folder / GALLERY, about.faces, dimensions, names)
    known = KnownFaces.of(gallery, names, about.embedder.metric, about.centre)
    return Decider(known, about, rate or about.rate, threshold_at(about, rate))


def threshold_at(about: OpenSet, rate: float | None) -> float:
    """Return the threshold for a false positive identification rate: between those that were kept, a straight line.

    The line is over the logarithm of the rate. Raises FacekitError for a rate outside those that were kept.
    """
    if rate is None or rate == about.rate:
        return about.threshold
    if not about.rates or not about.rates[0] <= rate <= about.rates[-1]:
        raise FacekitError(
            f"the model has no threshold for --fpir {decimal(rate)}; train again with --fpir {decimal(rate)}"
        )
    return float(np.interp(np.log(rate), np.log(about.rates), about.thresholds))


def embedder_of(run: Run, about: OpenSet) -> Embedder:
    """Return the embedder that a run's known faces were embedded by. Raises FacekitError where it cannot be had.

    It is the run's own backbone, or a registered one: `model.json` may come from a stranger and name any folder.
    """
    name, backbone = about.embedder.name, embedders.backbone_of(run)
    if name != backbone if backbone else name not in plugins.names(embedders.KIND):
        raise FacekitError(
            f"the known faces of {run.folder} were embedded by {shown(name)}, which the model does not use; train again"
        )
    embedder = embedders.load(name)
    if described(embedder) != described(about.embedder):
        raise FacekitError(
            f"{about.embedder.name} gives different embeddings now than when the model was trained; train again"
        )
    return embedder


def check_embedder(run: Run, about: OpenSet) -> None:
    """Raise FacekitError where the embedder of a run's known faces cannot be had. An exported one may be its own."""
    if not (isinstance(run, Exported) and run.embeds_itself):
        embedder_of(run, about)


def described(one: Embedder | Backbone) -> tuple[str, str, int]:
    """Return what of an embedder decides what its embeddings are, and how near they are."""
    return one.version, one.metric, one.dimensions


def why_none(run: Run) -> str | None:
    """Return why a run cannot answer `unknown`, and what to do about it; None where its labels are no people."""
    kind = run.info.kind or kind_of(None, run.protocol)
    if run.info.open_set is not None or kind == "classes":
        return None
    if isinstance(run, Exported):
        return f"{run.folder} has no known faces in it, and cannot answer `unknown`; export a run that has them"
    # Whoever made the model chose that path: what is typed must be a path, and nothing more.
    again = f"train it again: facekit train {shlex.quote(str(run.root))} -o {shlex.quote(str(run.folder))} --overwrite"
    if run.info.kind is None:
        return f"{run.folder} was trained before facekit kept known faces, and cannot answer `unknown`; {again}"
    return (
        f"{run.folder} was trained without an embedder of faces, and cannot answer `unknown`; "
        f"pip install 'facekit-cli[faces]', then {again}"
    )
