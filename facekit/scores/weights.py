"""The network weights behind a score, as a report names them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WeightsCard:
    """What is known of the weights that a model began with, or stands on."""

    title: str
    """Which weights, and their file."""
    licence: str
    trained_on: str
    """The data that they were trained on, as far as published."""
    people: str
    """Whether the people scored may have been in those data, as a sentence without its full stop."""

    def rows(self) -> dict[str, str]:
        """Return what a closing table says of them."""
        return {
            "weights": self.title,
            "licence of the weights": self.licence,
            "weights trained on": self.trained_on,
            "people scored": self.people,
        }
