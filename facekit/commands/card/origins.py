"""Where the photos of a data set come from: by engine, host, licence and creator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from facekit.base.contract import Record, Source
from facekit.dataset import REJECTED, Dataset
from facekit.dataset.ancestry import Ancestry
from facekit.dataset.counting import ranked
from facekit.dataset.records import read_rejections
from facekit.report.cards.facts import Origin
from facekit.report.cards.wording import UNKNOWN
from facekit.sources import optouts


def origin_of(dataset: Dataset, records: Sequence[Record], ancestry: Ancestry, years: Mapping[str, int]) -> Origin:
    """Return where the photos behind some records come from."""
    origins = sorted({record.origin for record in records})
    sources = [dataset.sources.get(one) or ancestry.source_of(one) or Source(one) for one in origins]
    trees = [ancestry.own, *ancestry.trees]
    left = optouts.by_signal(r.reason for tree in trees for r in read_rejections(tree.root / REJECTED))
    return replace(
        of_sources(sources),
        years=years,
        opted_out=left,
        ignored_opt_outs=any(tree.info.options.get("ignore_opt_outs") is True for tree in trees),
    )


def of_sources(sources: Sequence[Source]) -> Origin:
    """Return where photos come from: one source for each."""
    days = sorted(source.fetched_at[:10] for source in sources if source.fetched_at)
    creators = [source.creator for source in sources if source.creator]
    return Origin(
        photos=len(sources),
        engines=ranked(source.engine or UNKNOWN for source in sources),
        hosts=ranked(host for source in sources if (host := _host(source))),
        licences=ranked(source.licence or UNKNOWN for source in sources),
        licence_urls=_urls(sources),
        creators=len(set(creators)),
        credited=len(creators),
        fetched=(days[0], days[-1]) if days else None,
    )


def _host(source: Source) -> str:
    try:
        return (urlsplit(source.final_url or source.url or "").hostname or "").lower()
    except ValueError:
        return ""


def _urls(sources: Iterable[Source]) -> list[str]:
    return sorted({source.licence_url for source in sources if source.licence_url})
