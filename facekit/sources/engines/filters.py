"""Search filters: what an engine can filter itself, and what is filtered from its results here."""

from __future__ import annotations

from datetime import UTC, date, datetime

from facekit.base.contract import FacekitError
from facekit.base.licences import allows
from facekit.sources.engines import Candidate, Engine, Search

AGES = {"day": 1, "week": 7, "month": 31, "year": 366}
"""What engines call a past time -> its days."""


def day(since: str, today: date | None = None) -> date:
    """Return the first day that is new enough. Raises FacekitError for what is neither an age nor a date."""
    today = today or datetime.now(UTC).date()
    if since in AGES:
        return date.fromordinal(today.toordinal() - AGES[since])
    try:
        return date.fromisoformat(since)
    except ValueError:
        ages = ", ".join(AGES)
        raise FacekitError(f"--since is {since!r}; give {ages} or a date like 2024-01-31") from None


def age(since: str | None, today: date | None = None) -> str | None:
    """Return the shortest of day, week, month and year that reaches back to `since`; None where none does."""
    if since is None or since in AGES:
        return since
    today = today or datetime.now(UTC).date()
    days = (today - day(since, today)).days
    return next((name for name, length in AGES.items() if days <= length), None)


def unfiltered(engine: type[Engine], search: Search) -> list[str]:
    """Return what of a search the engine cannot filter, so that a message can say so.

    `filters` names an option, or one value of it (`license=open`), or, as `since<=year`, how far it reaches.
    """
    asked = [name for name in ("face_only", "min_width", "since") if getattr(search, name)]
    asked += ["license"] if search.license != "any" else []
    asked += ["safe"] if search.safe else []
    return [name for name in asked if not _can(engine, name, search)]


def fits(candidate: Candidate, search: Search) -> bool:
    """Return whether what the engine says of a picture is what was asked for; what it does not say is forgiven."""
    return candidate.width is None or candidate.width >= search.min_width


def is_licensed(licence: str | None, search: Search) -> bool:
    """Return whether a licence's short name is one that was asked for; a picture without one has none."""
    return allows(licence, search.license)


def _can(engine: type[Engine], name: str, search: Search) -> bool:
    if name == "since" and "since<=year" in engine.filters:
        return age(search.since) is not None
    return name in engine.filters or f"{name}={getattr(search, name)}" in engine.filters
