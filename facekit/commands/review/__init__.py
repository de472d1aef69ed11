"""Review: a local web page on which a person decides what `clean` was not sure of."""

from facekit.commands.review.stage import review

__all__ = ["review"]
