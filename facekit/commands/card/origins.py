"""Where the photos of a data set come from: by engine, host, licence and creator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlsplit

from facekit.base.contract import Record, Source
from facekit.dataset import REJECTED, Dataset
from facekit.dataset.ancestry import Ancestry
from facekit.dataset.counting import ranked
from facekit.dataset.records import read_rejections
from facekit.report.cards.facts import Origin
from facekit.report.cards.wording import UNKNOWN

_OPTED_OUT = "opted out: "


def origin_of(dataset: Dataset, records: Sequence[Record], ancestry: Ancestry, years: Mapping[str, int]) -> Origin:
    """Return where the photos behind some records come from."""
    origins = sorted({record.origin for record in records})
    sources = [dataset.sources.get(one) or ancestry.source_of(one) or Source(one) for one in origins]
    days = sorted(source.fetched_at[:10] for source in sources if source.fetched_at)
    creators = [source.creator for source in sources if source.creator]
    trees = [ancestry.own, *ancestry.trees]
    left = Counter(r.reason for tree in trees for r in read_rejections(tree.root / REJECTED) if _is_opt_out(r.reason))
    return Origin(
        photos=len(sources),
        engines=ranked(source.engine or UNKNOWN for source in sources),
        hosts=ranked(host for source in sources if (host := _host(source))),
        licences=ranked(source.licence or UNKNOWN for source in sources),
        licence_urls=_urls(sources),
        creators=len(set(creators)),
        credited=len(creators),
        fetched=(days[0], days[-1]) if days else None,
        years=years,
        opted_out={reason.removeprefix(_OPTED_OUT): count for reason, count in left.most_common()},
        ignored_opt_outs=any(tree.info.options.get("ignore_opt_outs") is True for tree in trees),
    )


def _is_opt_out(reason: str) -> bool:
    return reason.startswith(_OPTED_OUT)


def _host(source: Source) -> str:
    try:
        return (urlsplit(source.final_url or source.url or "").hostname or "").lower()
    except ValueError:
        return ""


def _urls(sources: Iterable[Source]) -> list[str]:
    return sorted({source.licence_url for source in sources if source.licence_url})
