"""Cross-validate: a run's own pictures cut into folds, a training for each, and a score on what it has not seen."""

from facekit.commands.cross_validate.stage import cross_validate

__all__ = ["cross_validate"]
