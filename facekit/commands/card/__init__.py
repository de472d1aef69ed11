"""`facekit card`: what a data set, a model or a gallery is, gathered from its lineage."""

from facekit.commands.card.stage import card

__all__ = ["card"]
