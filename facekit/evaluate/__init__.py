"""Evaluate: what a trained model is worth on pictures it has not learned from, as JSON and as a page."""

from facekit import plugins
from facekit.contract import FacekitError, Report, Track, quiet
from facekit.embedders.named import KIND
from facekit.evaluate import stage
from facekit.evaluate.verification import verify
from facekit.options import Evaluate

__all__ = ["evaluate"]


def evaluate(options: Evaluate, track: Track = quiet) -> Report:
    """Score names on pictures, or with `pairs` an embedder on pairs; write `scores.json` and `report.html`.

    Raises FacekitError as the two of them do.
    """
    if options.pairs is not None:
        return verify(options, track)
    if str(options.run) in plugins.names(KIND) and not options.run.is_dir():
        raise FacekitError(f"{options.run} is an embedder, which knows no names; score it on pairs with --pairs")
    return stage.evaluate(options, track)
