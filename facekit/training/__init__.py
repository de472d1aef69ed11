"""How a model learns: `plan` what is trained on what, then `fit` it."""

from facekit.training.fit import fit
from facekit.training.plan import Plan, Trainer, options_of, plan

__all__ = ["Plan", "Trainer", "fit", "options_of", "plan"]
