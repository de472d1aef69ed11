"""Evaluate: what a trained model is worth on pictures it has not learned from, as JSON and as a page."""

from facekit.commands.evaluate.stage import evaluate

__all__ = ["evaluate"]
