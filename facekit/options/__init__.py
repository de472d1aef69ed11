"""Each command's options: names, defaults, help and limits, written once.

The command line, the TOML recipe and Python callers use the same classes, and every limit is
checked when an object is made, so that nothing is refused after an hour's work.
"""

from facekit.options.base import Field, Options, bare, describe, from_mapping, settled
from facekit.options.folders import SplitBy, Stage, shares
from facekit.options.learning import Audit, Compare, Evaluate, Inspect, Models, Predict, Train, far_rates
from facekit.options.making import Augment, Balance, Clean, Crop, Draw, License, Review, Scrape, cascades
from facekit.options.running import Demo, Doctor, Run

__all__ = [
    "Audit",
    "Augment",
    "Balance",
    "Clean",
    "Compare",
    "Crop",
    "Demo",
    "Doctor",
    "Draw",
    "Evaluate",
    "Field",
    "Inspect",
    "License",
    "Models",
    "Options",
    "Predict",
    "Review",
    "Run",
    "Scrape",
    "SplitBy",
    "Stage",
    "Train",
    "bare",
    "cascades",
    "describe",
    "far_rates",
    "from_mapping",
    "settled",
    "shares",
]
