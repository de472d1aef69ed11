"""Hold an exported model against the run that it was made from, on the run's own pictures."""

from __future__ import annotations

import logging

import numpy as np

from facekit.base.contract import FacekitError, Image
from facekit.base.figures import decimal
from facekit.commands.export import pictures
from facekit.commands.export.formats import Converted, Way
from facekit.commands.export.pictures import Looked
from facekit.identity.classifier import Classifier
from facekit.options.export import Export
from facekit.runs import Run
from facekit.runs.export.about import FACES, Check, ExportInfo
from facekit.runs.export.session import Inputs, Rows

MOST_DIFFERENT = 1e-4
"""Largest difference of a probability from the run's own: what another order of additions leads to."""

_MEASURED = 2000
"""Most held-out pictures that the accuracy of an inexact format is measured on."""

log = logging.getLogger(__name__)


def calibration(run: Run, model: Classifier, options: Export) -> list[Image]:
    """Return faces of the training part, to calibrate whole numbers with. Raises FacekitError where they are gone."""
    found = pictures.of_part(run, model, "train", options.count, options.seed).seen
    if not found:
        raise FacekitError(
            f"--format litert-int8 is calibrated with pictures that {run.folder} was trained on, and {run.root} has "
            "them no more; put them back, or give --format litert"
        )
    return found


def compared(run: Run, model: Classifier, about: ExportInfo, made: Converted, way: Way, options: Export) -> Check:
    """Return how far the answers are from the run's own. Raises FacekitError for a difference that matters."""
    count = options.count if way.exact else max(options.count, _MEASURED)
    looked = pictures.held_out(run, model, count, about.preprocessing.side or run.size, options.seed)
    if looked.truth is None:
        log.warning("the exported model was compared on %s", looked.of)
    rows, vectors = model.named(looked.seen)
    found = made.answers(_inputs(about, looked, vectors))
    difference = float(np.abs(found - rows).max())
    if not difference <= (MOST_DIFFERENT if way.exact else 1):
        raise FacekitError(
            f"the exported model answers otherwise than {run.folder}: a probability differs by "
            f"{decimal(difference, 2)} on {looked.of}, and at most {decimal(MOST_DIFFERENT)} is allowed; nothing was "
            "written"
        )
    return Check(
        pictures=len(rows),
        of=looked.of,
        difference=difference,
        accuracy=_accuracy(found[:, : len(run.labels)], looked),
        accuracy_before=_accuracy(rows[:, : len(run.labels)], looked),
    )


def _accuracy(rows: Rows, looked: Looked) -> float | None:
    return None if looked.truth is None else float(np.mean(rows.argmax(axis=1) == np.asarray(looked.truth)))


def _inputs(about: ExportInfo, looked: Looked, vectors: Inputs | None) -> Inputs:
    """Return what the exported model takes of the pictures."""
    if about.preprocessing.input == FACES:
        return np.stack(looked.seen)
    assert vectors is not None
    return vectors
