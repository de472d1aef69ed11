"""What a removal has done, as the receipt says it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from facekit import __version__
from facekit.base.clock import now
from facekit.removal.journal import Plan
from facekit.report.receipt import Emptied, Receipt, Removed


def of(plan: Plan, became: Mapping[str, str], notes: Sequence[str], blocked: int) -> Receipt:
    """Return the receipt of a plan that was carried out; `became` says of places what they are now."""
    places = [Emptied(part.place, part.kind, part.counts, became.get(part.place) or part.says) for part in plan.parts]
    return Receipt(
        plan.id, __version__, plan.asked, plan.at, now(), places, list(_pictures(plan)), list(notes), blocked
    )


def _pictures(plan: Plan) -> Iterator[Removed]:
    for part in plan.parts:
        for one in part.pictures:
            yield Removed(
                part.place, part.kind, one.path, one.sha256, one.origin, one.found_by, one.found_at, one.fetched_at
            )
