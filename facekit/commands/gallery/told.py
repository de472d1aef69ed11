"""What an action has to say."""

from __future__ import annotations

from dataclasses import dataclass, field

from facekit.base.contract import Listing
from facekit.base.plain import Json


@dataclass(frozen=True)
class Told:
    """The details of a report, and the table or the lines that a person reads."""

    details: dict[str, Json] = field(default_factory=dict)
    listing: Listing | None = None
    lines: tuple[str, ...] = ()

    def all(self) -> dict[str, Json]:
        """Return the details, with the lines that are printed where stdout is no terminal."""
        shown = [*self.listing.lines(), *self.listing.notes] if self.listing is not None else list(self.lines)
        return {**self.details, **({"lines": shown} if shown else {})}
