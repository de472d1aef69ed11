"""Tune: search for the options of a training, train once with the best ones, and score that."""

from facekit.commands.tune.stage import tune

__all__ = ["tune"]
