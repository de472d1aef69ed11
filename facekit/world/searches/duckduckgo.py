"""DuckDuckGo Images: a page that gives a token, and `i.js`, which answers only to the browser that has it."""

from __future__ import annotations

import json
from html import escape
from urllib.parse import urlencode
from zlib import crc32

from facekit.base.plain import Json
from facekit.world.searches.base import Hit, Reply, Request, Route, hits, html, page

PAGE = 100

VARIANTS = {
    "empty": "no results",
    "blocked": "HTTP 202 and a challenge in place of the page",
    "refused": "HTTP 403 for the page",
    "redesigned": "a page without a token",
    "limited": "HTTP 403 from i.js",
    "limited-later": "HTTP 403 from the second page on",
    "slow-down": "HTTP 202 from i.js",
    "garbled": "i.js answers with a page",
    "unreadable": "results without pictures",
    "repeating": "the first page, again and again",
}

_CHALLENGE = """<!DOCTYPE html><html><body><form id="challenge-form" action="//duckduckgo.com/anomaly.js?cc=x">
<div class="anomaly-modal__modal">Unfortunately, bots use DuckDuckGo too.</div></form></body></html>"""


def start(request: Request) -> Reply:
    """Answer `/`: the token, and a cookie that goes with it."""
    variant = request.site.variant("duckduckgo", request.words)
    if variant == "blocked":
        return html(_CHALLENGE, 202)
    if variant == "refused":
        return html("", 403)
    token = "" if variant == "redesigned" else f'vqd="{_token(request)}";DDG.ready();'
    text = page("duckduckgo", title=escape(request.words), token=f"var DDG={{ready(){{}}}},vqd;{token}")
    return html(text, Set_Cookie=f"{_cookie(request)}; Path=/")


def results(request: Request) -> Reply:
    """Answer `/i.js`: 403 unless token, user agent, cookie and Referer are those of the page."""
    variant, first = request.site.variant("duckduckgo", request.words), int(request.query.get("s", 0))
    referer = request.headers.get("referer", "")
    known = _cookie(request) in request.cookies and request.query.get("vqd") == _token(request)
    if not known or not referer.startswith(f"{request.site.base_url}/"):
        return html("If this error persists, please let us know", 403)
    if variant == "limited" or (variant == "limited-later" and first):
        return html("", 403)
    if variant == "slow-down":
        return html("", 202)
    if variant == "garbled":
        return html("<html></html>")
    found = [] if variant == "empty" else hits(request)
    part = found[:PAGE] if variant == "repeating" else found[first : first + PAGE]
    values: dict[str, Json] = {
        "ads": None,
        "query": request.words,
        "results": [_result(request, hit, variant == "unreadable") for hit in part],
    }
    if first + PAGE < len(found) or variant == "repeating":
        asked = {"q": request.words, "o": "json", "p": "1", "s": str(first + PAGE), "u": "bing", "l": "us-en"}
        values["next"] = f"i.js?{urlencode(asked)}"
    return Reply(200, json.dumps(values), "application/javascript")


ROUTES: dict[str, Route] = {"/": start, "/i.js": results}


def _result(request: Request, hit: Hit, broken: bool) -> Json:
    image: str | None = "/relative.jpg" if hit.bad == "unusable" else hit.url
    return {
        "image": None if broken or hit.bad == "malformed" else image,
        "thumbnail": f"{request.site.base_url}/th?id={hit.rank}",
        "url": hit.page,
        "title": hit.title,
        "width": hit.width,
        "height": hit.height,
        "source": "Bing",
        "image_token": "x",
        "thumbnail_token": "x",
    }


def _token(request: Request) -> str:
    """Return the token that these words and this user agent get."""
    return f"4-{crc32((request.words + request.headers.get('user-agent', '')).encode()):012d}"


def _cookie(request: Request) -> str:
    return f"dcm{crc32(request.words.encode()):08x}=1"
