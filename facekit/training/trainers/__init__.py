"""What `train` can train: a network, or a linear head on a frozen one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from facekit.base.contract import Record, Track
from facekit.dataset import Dataset
from facekit.options.train import Train
from facekit.runs import Run


class Trainer(Protocol):
    """One way to train. It refuses what cannot be trained as early as that is known, by FacekitError."""

    needs_validation: bool
    """Whether a training without a validation part has nothing to go by."""

    def __init__(self, options: Train) -> None:
        """Look at the options alone."""
        ...

    def prepare(self, run: Run | None) -> None:
        """Get what the training begins with, before any picture is read; `run` is one to go on with."""
        ...

    def build(self, labels: int) -> None:
        """Make the model, before the run folder is written to."""
        ...

    def facts(self) -> dict[str, Any]:
        """Return what `model.json` says of the model from the beginning."""
        ...

    def fit(self, run: Run, dataset: Dataset, records: Sequence[Record], track: Track) -> Run:
        """Train to the end and return the complete run."""
        ...
