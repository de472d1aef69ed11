"""Cross-validate: divide a run's pictures into folds, and train and score once per fold."""

from facekit.commands.cross_validate.stage import cross_validate

__all__ = ["cross_validate"]
