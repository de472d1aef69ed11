"""The parts of `facekit --help`."""

from typing import Literal

Group = Literal["collect", "clean", "train", "score", "use", "manage", "more"]
"""What a command is for: `--help` lists the groups in this order."""

HEADINGS: dict[Group, str] = {
    "collect": "Collect photos",
    "clean": "Make a data set",
    "train": "Train",
    "score": "Score and explain",
    "use": "Use a model",
    "manage": "Manage",
    "more": "From other packages",
}
