"""Verification: how well an embedder tells whether two photos show one person, on a list of pairs."""

from facekit.commands.evaluate.verification.stage import verify

__all__ = ["verify"]
