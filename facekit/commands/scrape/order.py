"""A finished folder's lines in the order of names and ranks, however the run went."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from facekit.base.contract import Record, Rejection, Source
from facekit.commands.scrape.state import Keyword
from facekit.dataset import REMOVED, Output


def records_of(out: Output, keyword: Keyword) -> list[Record]:
    """Return a name's records, best rank first."""
    ranked = sorted(keyword.kept.values(), key=lambda source: (source.rank or 0, source.origin))
    found = (out.records.get((keyword.label, source.origin)) for source in ranked)
    return [record for record in found if record is not None]


def sources_of(
    records: Iterable[Record], names: Mapping[str, Keyword], known: Mapping[str, Source]
) -> dict[str, Source]:
    """Return where each photo came from; of one that stands under two names the first of them says it."""
    found: dict[str, Source] = {}
    for record in records:
        here = names[record.moved_from or record.label].kept[record.id]
        # What earlier runs kept is known here by its rank alone.
        found.setdefault(record.origin, here if here.fetched_at else known.get(record.origin, here))
    return found


def rejections_of(out: Output, order: Iterable[Keyword]) -> list[Rejection]:
    """Return what was left out by name, then rank; what a person removed stands behind what could not be had."""
    names = {keyword.label: keyword for keyword in order}
    kept = {label: {source.url for source in keyword.kept.values()} for label, keyword in names.items()}
    found: dict[str, dict[str, Rejection]] = {label: {} for label in names}
    for rejection in sorted(out.rejected, key=lambda rejection: _place(rejection, names)):
        # Of a link that was tried more than once, the last failure counts; none does where it worked in the end.
        if rejection.path not in kept.get(rejection.label, ()):
            found.setdefault(rejection.label, {})[rejection.id] = rejection
    return [rejection for label in found for rejection in found[label].values()]


def _place(rejection: Rejection, names: Mapping[str, Keyword]) -> int:
    if rejection.reason != REMOVED:
        return -1  # already in order of rank
    keyword = names.get(rejection.label)
    source = keyword.kept.get(rejection.id) if keyword else None
    return (source.rank or 0) if source else 0
