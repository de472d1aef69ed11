"""Evaluate: what a trained model is worth on pictures it has not learned from, as JSON and as a page."""

from facekit.base import plugins
from facekit.base.contract import FacekitError, Report, Track, quiet
from facekit.commands.evaluate import stage
from facekit.commands.evaluate.folds import cross_validate
from facekit.commands.evaluate.verification import verify
from facekit.identity.embedders import KIND
from facekit.options.evaluate import Evaluate

__all__ = ["evaluate"]


def evaluate(options: Evaluate, track: Track = quiet) -> Report:
    """Score names on pictures, or with `folds` a training on them, or with `pairs` an embedder on pairs.

    Writes `scores.json` and `report.html`. Raises FacekitError as each of them does.
    """
    if options.pairs is not None:
        return verify(options, track)
    if str(options.run) in plugins.names(KIND) and not options.run.is_dir():
        raise FacekitError(f"{options.run} is an embedder, which knows no names; score it on pairs with --pairs")
    if options.folds is not None:
        return cross_validate(options, track)
    return stage.evaluate(options, track)
