"""One of the things that a model answers of a face."""

from __future__ import annotations

from dataclasses import dataclass

from facekit.dataset.records import shown

_LONGEST_NAME, _LONGEST_LABEL = 255, 1000
"""Characters of a target's name, and of one of its labels."""

_LARGEST = 1e6
"""Of a temperature."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """One of the things that a model answers of a face: who it is, its expression, …"""

    name: str
    """`identity` is the folder; any other is a target of the records."""
    labels: tuple[str, ...]
    """In the order of the model's outputs."""
    temperature: float = 1.0
    """What the logarithms of its probabilities are divided by."""

    def __post_init__(self) -> None:
        """Refuse what no training writes. Raises ValueError."""
        if not 0 < len(self.name) <= _LONGEST_NAME:
            raise ValueError("targets has one without a name")
        if len(set(self.labels)) < max(2, len(self.labels)):
            raise ValueError(f"the labels of {shown(self.name)} are not two or more different ones")
        if not all(0 < len(label) <= _LONGEST_LABEL for label in self.labels):
            raise ValueError(f"{shown(self.name)} has a label that is empty or too long")
        if not 1 / _LARGEST <= self.temperature <= _LARGEST:
            raise ValueError(f"the temperature of {shown(self.name)} is {self.temperature}")
