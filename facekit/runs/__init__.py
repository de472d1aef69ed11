"""What a trained model is on disk."""

from facekit.runs.folder import begin, begun, changes, claimed, clear
from facekit.runs.history import Epoch
from facekit.runs.info import Backbone, Counts, Embeds, ModelInfo, OpenSet, Scores, TrainedOn
from facekit.runs.run import (
    CHECKPOINT,
    EVALUATION,
    FOLD,
    GALLERY,
    HEAD,
    HISTORY,
    INSPECTED,
    LOGS,
    MODEL,
    PACK,
    PLOT,
    PROJECTION,
    SPLIT,
    WEIGHTS,
    Run,
    load,
    refuse_link,
)
from facekit.runs.target import Target

__all__ = [
    "CHECKPOINT",
    "EVALUATION",
    "FOLD",
    "GALLERY",
    "HEAD",
    "HISTORY",
    "INSPECTED",
    "LOGS",
    "MODEL",
    "PACK",
    "PLOT",
    "PROJECTION",
    "SPLIT",
    "WEIGHTS",
    "Backbone",
    "Counts",
    "Embeds",
    "Epoch",
    "ModelInfo",
    "OpenSet",
    "Run",
    "Scores",
    "Target",
    "TrainedOn",
    "begin",
    "begun",
    "changes",
    "claimed",
    "clear",
    "load",
    "refuse_link",
]
