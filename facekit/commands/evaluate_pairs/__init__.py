"""Evaluate pairs: how well an embedder tells whether two photos show one person, on a list of pairs."""

from facekit.commands.evaluate_pairs.stage import evaluate_pairs

__all__ = ["evaluate_pairs"]
