"""Evaluate: score a trained model on pictures that it was not trained on, as JSON and as a page."""

from facekit.commands.evaluate.stage import evaluate

__all__ = ["evaluate"]
