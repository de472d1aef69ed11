"""Google Images as it writes its pages: records in its state and in scripts, links that come by the mouse, forms."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from urllib.parse import parse_qs, urlencode, urlsplit
from zlib import crc32

from facekit.base.plain import Json
from facekit.world.searches.base import Hit, Reply, Request, Route, hits, html, page, redirect

PAGE = 40
STATED = 20
"""Records that a page holds in its state; those of the cards below stand in a script."""

SCROLLED = 120
"""Cards that come by scrolling; after them a button has to be pressed, as on the real page."""

VARIANTS = {
    "empty": "no results",
    "blocked": "a redirect to /sorry",
    "sorry-body": "a short page that leads to /sorry",
    "captcha": "a captcha in place of the results",
    "shell": "a page that asks to turn JavaScript on",
    "refused": "HTTP 429",
    "redesigned": "pictures that are no cards, and no records",
    "unreadable": "records without originals",
    "repeating": "the first pictures, again and again",
    "consent": "another page, with a form to accept and one to reject",
    "consent-modal": "the form over the results, which brings nothing more until it is answered",
    "consent-stuck": "a form that can only accept",
    "hover": "no record; links get their address when the mouse is pressed",
    "script-only": "records in scripts alone",
    "symbol": "records behind a Symbol",
    "goto": "links that get an opaque address when the mouse is pressed",
    "renamed": "other names of classes",
    "no-lpage": "cards that do not name their page",
    "old": "records as AF_initDataCallback gave them until 2025",
    "click": "no record and no address; a panel shows the original of the card that is clicked",
}

_HIDDEN = ("hover", "click")

_CARD = """<div class="{box}" data-attrid="images universal" data-docid="{id}"{lpage} jsdata="j;h;{key}">
<h3 class="{head}"><a role="button" tabindex="0"><img class="{img}" alt="{title}"
src="data:image/gif;base64,R0lGODlhAQABAAAAACw="></a></h3></div>"""

_MODAL = """<div id="modal" role="dialog"><p>Bevor Sie fortfahren</p>
<button id="W0wltc">Alle ablehnen</button><button id="L2AGLb">Alle akzeptieren</button></div>"""

_WRAP = """for (const k in W_jd) W_jd[k] = {[Symbol('jd')]: W_jd[k]};
W_jd.odd = {page: document, top: window, get bad() { throw Error('bad'); }, large: 1n, symbol: Symbol('x'), call() {}};
W_jd.odd.self = W_jd.odd;"""

_FORM = """<form action="/save" method="POST"><input type="hidden" name="continue" value="{to}">
<input type="hidden" name="set_eom" value="{reject}">{more}<button>{says}</button></form>"""

_SORRY = """<!DOCTYPE html><html><head><title>{words}</title></head><body><form id="captcha-form" action="index">
<div id="recaptcha" class="g-recaptcha">…</div></form><p>Our systems have detected unusual traffic from your
computer network.</p>{padding}</body></html>"""

_SHORT = '<html><body>Moved <a href="/sorry/index?continue=x">here</a></body></html>'

_SHELL = """<!DOCTYPE html><html><head><title>Google Search</title><noscript><meta http-equiv="refresh"
content="0;url=/httpservice/retry/enablejs?sei=x"></noscript></head><body><script>var a = {padding};</script>
If you're having trouble accessing Google Search, please <a href="/httpservice/retry/enablejs">click here</a>
</body></html>"""

_EMPTY = """<!DOCTYPE html><html><head><title>{words}</title><noscript><a href="/httpservice/retry/enablejs">here</a>
</noscript></head><body><div id="topstuff"><p>Your search - <em>{words}</em> - did not match any image results.</p>
</div><div id="search"></div><script>window.W_jd = {{"n0": [null, ["menu", 1]]}};</script></body></html>"""

_REDESIGNED = """<!DOCTYPE html><html><head><title>{words}</title><noscript><a href="/httpservice/retry/enablejs">here
</a></noscript></head><body><main><div class="t"><img src="data:image/gif;base64,R0lGODlhAQABAAAAACw="></div>
</main></body></html>"""


def search(request: Request) -> Reply:
    """Answer `/search`: a page, or with `asearch` what its script adds to it."""
    variant = request.site.variant("google", request.words)
    given = _instead(request, variant)
    if given is not None:
        return given
    found = hits(request)
    if not found:
        return html(_EMPTY.format(words=escape(request.words)))
    start = int(request.query.get("start", 0))
    part = _part(found, start, variant)
    if "asearch" in request.query:
        return Reply(200, json.dumps(_added(request, part, start, variant)), "application/json")
    late = variant in _HIDDEN
    return html(
        page(
            "google",
            title=escape(request.words),
            modal=_MODAL if variant == "consent-modal" else "",
            cards="" if late else _cards(request, part, variant),
            records="" if late else _records(request, part, variant),
            how=json.dumps(variant),
            query=urlencode({"q": request.words}),
            next=0 if late else PAGE,
            page=PAGE,
            scrolled=SCROLLED,
        )
    )


def sorry(request: Request) -> Reply:
    """Answer `/sorry/index`."""
    return html(_SORRY.format(words="Sorry", padding=""), 429)


def consent(request: Request) -> Reply:
    """Answer the page of forms, `/m`."""
    to = request.query["continue"]
    accept = _FORM.format(
        to=escape(to),
        reject="false",
        more='<input type="hidden" name="set_sc" value="true">',
        says="Alle akzeptieren",
    )
    stuck = request.site.variant("google", _searched(to)) == "consent-stuck"
    reject = _FORM.format(to=escape(to), reject="true", more="", says="Alle ablehnen")
    return html(f"<!DOCTYPE html><html><body>{accept}{'' if stuck else reject}</body></html>")


def save(request: Request) -> Reply:
    """Answer `/save`: back to the results, which come only to whoever rejected."""
    to = request.query["continue"]
    kept = {"Set_Cookie": f"{_cookie(_searched(to))}; Path=/"} if request.query["set_eom"] == "true" else {}
    return redirect(to, **kept)


ROUTES: dict[str, Route] = {"/search": search, "/sorry/index": sorry, "/m": consent, "/save": save}


def _instead(request: Request, variant: str) -> Reply | None:
    """Return what comes in place of results."""
    words, here = escape(request.words), f"/search?{urlencode(request.query)}"
    if variant in ("consent", "consent-stuck") and _cookie(request.words) not in request.cookies:
        return redirect(f"/m?{urlencode({'continue': here, 'hl': 'de'})}")
    replies = {
        "empty": html(_EMPTY.format(words=words)),
        "blocked": redirect(f"/sorry/index?{urlencode({'continue': here})}"),
        "sorry-body": html(_SHORT),
        "captcha": html(_SORRY.format(words=words, padding="<!-- -->" * 300)),
        "shell": html(_SHELL.format(padding=json.dumps("x" * 2000))),
        "refused": html("", 429),
        "redesigned": html(_REDESIGNED.format(words=words)),
    }
    return replies.get(variant)


def _part(found: Sequence[Hit], start: int, variant: str) -> list[Hit]:
    if variant != "repeating":
        return list(found[start : start + PAGE])
    # The same pictures under other ids.
    return [hit._replace(rank=hit.rank + start) for hit in found[:PAGE]]


def _added(request: Request, part: Sequence[Hit], start: int, variant: str) -> Json:
    hidden: dict[str, Json] = {_id(request, hit): _shown(request, hit) for hit in part} if variant in _HIDDEN else {}
    in_script = variant in ("script-only", "old")
    state = {} if hidden or in_script else {_key(hit): _record(request, hit, variant) for hit in part}
    script = _scripted(request, part, variant) if in_script and part else ""
    return {"cards": _cards(request, part, variant), "state": state, "script": script, "hidden": hidden}


def _cards(request: Request, part: Sequence[Hit], variant: str) -> str:
    names = ("x1", "x2", "x3") if variant == "renamed" else ("eA0Zlc", "ob5Hkd", "YQ4gaf")
    return "\n".join(
        _CARD.format(
            id=_id(request, hit),
            key=_key(hit),
            title=escape(hit.title),
            lpage="" if variant == "no-lpage" else f' data-lpage="{escape(hit.page)}"',
            **dict(zip(("box", "head", "img"), names, strict=True)),
        )
        for hit in part
    )


def _records(request: Request, part: Sequence[Hit], variant: str) -> str:
    """Return the scripts that hold the records of a page's first cards."""
    if variant in ("script-only", "old"):
        return f"<script>{_scripted(request, part, variant)}</script>"
    state = _json({_key(hit): _record(request, hit, variant) for hit in part[:STATED]})
    wrap = _WRAP if variant == "symbol" else ""
    lines = (f"window['W_jd']['{_key(hit)}']={_json(_record(request, hit, variant))};" for hit in part[STATED:])
    return (
        # So that no script's text holds what the state does, and each has to be read.
        f"<script id='state' type='application/json'>{state.replace('encrypted-tbn', 'encrypted%2dtbn')}</script>"
        "<script>window.W_jd = JSON.parse(document.querySelector('#state').textContent"
        f".replaceAll('%2d', '-'));{wrap}</script>"
        f"<script>function later() {{ {''.join(lines)} }}</script>"
    )


def _scripted(request: Request, part: Sequence[Hit], variant: str) -> str:
    records = [_record(request, hit, variant) for hit in part]
    if variant == "old":
        rows = [[1, record[1]] for record in records]
        return (
            "window.AF_initDataCallback ??= () => {};\n"
            f"AF_initDataCallback({{key: 'ds:1', hash: '2', data:[null,[null,{_json(rows)}]], sideChannel: {{}}}});"
        )
    return f"(() => {{ var m={_json({_key(hit): record for hit, record in zip(part, records, strict=True)})}; }})();"


def _record(request: Request, hit: Hit, variant: str) -> list[Json]:
    original: Json = [hit.url, hit.height, hit.width]
    if hit.bad == "malformed" or variant == "unreadable":
        original = None
    elif hit.bad:
        original = [_thumbnail(request, hit), 225, 225]
    more: Json = {"2000": [None, "127.0.0.1", "4KB"], "2003": [None, f"p{hit.rank}", hit.page, hit.title]}
    about: list[Json] = [
        _id(request, hit),
        [_thumbnail(request, hit), 194, 259],
        original,
        None,
        0,
        "rgb(60,60,60)",
        None,
        0,
        more,
    ]
    return [None, [0, *about]]


def _shown(request: Request, hit: Hit) -> Json:
    """Return what a link's address and the panel come to show of a record."""
    original = {"malformed": "", "unusable": _thumbnail(request, hit)}.get(hit.bad, hit.url)
    asked = {
        "imgurl": original,
        "imgrefurl": hit.page,
        "w": hit.width,
        "h": hit.height,
        "tbnid": _id(request, hit),
        "docid": f"p{hit.rank}",
    }
    return {"imgres": urlencode(asked), "thumbnail": _thumbnail(request, hit), "original": original}


def _thumbnail(request: Request, hit: Hit) -> str:
    return f"https://encrypted-tbn0.gstatic.com/images?q=tbn:{_id(request, hit)}&s"


def _id(request: Request, hit: Hit) -> str:
    return f"{crc32(request.words.encode()):08x}-{hit.rank:04d}M"


def _key(hit: Hit) -> str:
    return f"rec{hit.rank}"


def _json(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("=", r"\u003d").replace("&", r"\u0026").replace("<", r"\u003c")


def _searched(address: str) -> str:
    return parse_qs(urlsplit(address).query)["q"][0]


def _cookie(words: str) -> str:
    return f"SOCS{crc32(words.encode()):08x}=rejected"
