"""Bing Images as it writes its pages: lazy cards, a button, a broken card among good ones, a banner over all."""

from __future__ import annotations

import json
from html import escape
from urllib.parse import urlencode

from facekit.world.searches.base import Hit, Reply, Request, Route, hits, html, page

PAGE = 35
SCROLLED = 3
"""Pages that come by scrolling; after them a button has to be pressed, as on the real page."""

VARIANTS = {
    "empty": "no results",
    "blocked": "a captcha",
    "refused": "HTTP 429",
    "redesigned": "a page without cards",
    "no-body": "HTTP 200 and nothing else",
    "unreadable": "cards that all are cut short",
    "repeating": "the first page, again and again",
    "page-4-repeats": "three pages, then the first again",
    "consent": "a banner over the page, which brings nothing more until it is answered",
    "consent-stuck": "a banner in place of the cards that offers to accept alone",
}

BLOCKED = """<!DOCTYPE html><html><head><title>One last step</title></head><body>
<div id="b_captcha" class="captcha"><h1>One last step</h1>
<p>Please solve the challenge below to continue.</p><iframe src="about:blank#captcha"></iframe></div></body></html>"""

EMPTY = """<!DOCTYPE html><html><head><title>Bing images</title></head><body>
<div class="no_results">There are no results for <strong>{words}</strong></div></body></html>"""

REDESIGNED = """<!DOCTYPE html><html><head><title>Bing images</title></head><body>
<main><section class="tile" data-src="https://a.invalid/1.jpg"></section></main></body></html>"""

_BANNER = """<div id="bnp_overlay_wrapper"><div id="bnp_container" role="dialog"><p>Cookies</p>
<button id="bnp_btn_accept">Accept</button>{reject}</div></div>"""
_REJECT = """<button id="bnp_btn_reject">Reject</button>"""

_CARD = """<li data-idx="{rank}"><div class="iuscp isv"><div class="imgpt">
<a class="iusc" style="height:180px;width:200px" m="{m}" href="/images/search?view=detailV2&amp;id={rank}">
<div class="img_cont hoff"><img class="mimg" loading="lazy" src="/th?id={rank}" alt="{title}"></div></a>
</div></div></li>"""


def search(request: Request) -> Reply:
    """Answer `/images/search`."""
    variant = request.site.variant("bing", request.words)
    replies = {
        "empty": html(EMPTY.format(words=escape(request.words))),
        "blocked": html(BLOCKED),
        "refused": html("", 429),
        "redesigned": html(REDESIGNED),
        "no-body": html(""),
    }
    if variant in replies:
        return replies[variant]
    cards = [] if variant == "consent-stuck" else _cards(request, variant)
    banner = _BANNER.format(reject=_REJECT * (variant == "consent")) if variant.startswith("consent") else ""
    if not cards and not banner:
        return replies["empty"]
    return html(
        page(
            "bing",
            title=escape(request.words),
            banner=banner,
            cards="\n".join(cards[:PAGE]),
            query=urlencode({"q": request.words}),
            next=PAGE + 1,
            page=PAGE,
            scrolled=SCROLLED,
        )
    )


def more(request: Request) -> Reply:
    """Answer `/images/async`, a fragment of 35 cards."""
    first = int(request.query["first"])
    cards = _cards(request, request.site.variant("bing", request.words))
    return html("".join(cards[first - 1 : first - 1 + PAGE]))


ROUTES: dict[str, Route] = {"/images/search": search, "/images/async": more}


def _cards(request: Request, variant: str) -> list[str]:
    cards = [_card(hit, cut=variant == "unreadable") for hit in hits(request)]
    if variant == "repeating":
        return cards[:PAGE] * 4
    return cards[: 3 * PAGE] + cards[:PAGE] if variant == "page-4-repeats" else cards


def _card(hit: Hit, cut: bool = False) -> str:
    """Return one card; the JSON in `m` is entity-encoded, as in the raw page."""
    m = {
        "sid": f"{hit.rank:032X}",
        "cturl": "",
        "cid": f"c{hit.rank}",
        "purl": hit.page,
        "murl": "/relative.jpg" if hit.bad == "unusable" else hit.url,
        "turl": f"/th?id={hit.rank}",
        "md5": f"{hit.rank:032x}",
        "shkey": "",
        "t": hit.title,
        "mid": f"{hit.rank:040X}",
        "desc": hit.title,
    }
    text = '{"sid":"0","purl":"http' if cut or hit.bad == "malformed" else json.dumps(m, ensure_ascii=False)
    return _CARD.format(rank=hit.rank, m=escape(text), title=escape(hit.title))
