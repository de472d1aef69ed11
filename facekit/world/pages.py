"""Pages as Bing Images writes them, with what makes them hard: lazy cards, a button, a broken card among good ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from urllib.parse import urlencode

PAGE = 35
SCROLLED = 3
"""Pages that come by scrolling; after them a button has to be pressed, as on the real page."""

BLOCKED = """<!DOCTYPE html><html><head><title>One last step</title></head><body>
<div id="b_captcha" class="captcha"><h1>One last step</h1>
<p>Please solve the challenge below to continue.</p><iframe src="about:blank#captcha"></iframe></div></body></html>"""

EMPTY = """<!DOCTYPE html><html><head><title>{query} - Bing images</title></head><body>
<div class="no_results">There are no results for <strong>{query}</strong></div></body></html>"""

REDESIGNED = """<!DOCTYPE html><html><head><title>{query} - Bing images</title></head><body>
<main><section class="tile" data-src="https://a.invalid/1.jpg"></section></main></body></html>"""

_FRAME = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title} - Bing images</title>
<style>
 ul.dgControl_list {{ list-style: none; display: flex; flex-wrap: wrap; padding: 0 }}
 .mimg {{ display: block; width: 200px; height: 180px; background: #ccc }}
 .btn_seemore {{ display: none; padding: 1em }} .btn_seemore.on {{ display: block }}
</style></head><body>
<div id="b_content"><div id="mmComponent_images_1"><ul class="dgControl_list">{cards}</ul></div>
<a class="btn_seemore" href="#">See more images</a></div>
<script>
 const list = document.querySelector('ul.dgControl_list'), more = document.querySelector('a.btn_seemore');
 let next = {next}, pages = 1, busy = false, end = false;
 async function add() {{
   if (busy || end) return;
   busy = true;
   const answer = await fetch('/images/async?{query}&count={page}&mmasync=1&first=' + next);
   const html = await answer.text();
   list.insertAdjacentHTML('beforeend', html);
   if (!html.includes('<li')) end = true;
   next += {page}; pages += 1; busy = false;
   more.classList.toggle('on', !end && pages >= {scrolled});
 }}
 addEventListener('scroll', () => {{
   const low = innerHeight + scrollY >= document.body.scrollHeight - 400;
   if (low && pages < {scrolled}) add();
 }});
 more.addEventListener('click', event => {{ event.preventDefault(); more.classList.remove('on'); add(); }});
</script></body></html>"""

_CARD = """<li data-idx="{rank}"><div class="iuscp isv"><div class="imgpt">
<a class="iusc" style="height:180px;width:200px" m="{m}" href="/images/search?view=detailV2&amp;id={rank}">
<div class="img_cont hoff"><img class="mimg" loading="lazy" src="{thumbnail}" alt="{title}"></div></a>
</div></div></li>"""


def results(query: str, cards: Sequence[str]) -> str:
    """Return the page of results: the first cards, and the script that brings the others."""
    return _FRAME.format(
        title=escape(query),
        cards="\n".join(cards[:PAGE]),
        query=urlencode({"q": query}),
        next=PAGE + 1,
        page=PAGE,
        scrolled=SCROLLED,
    )


def card(rank: int, url: str, page_url: str, thumbnail: str, title: str) -> str:
    """Return one card; the JSON in `m` is entity-encoded, as in the raw page."""
    m = {
        "sid": f"{rank:032X}",
        "cturl": "",
        "cid": f"c{rank}",
        "purl": page_url,
        "murl": url,
        "turl": thumbnail,
        "md5": f"{rank:032x}",
        "shkey": "",
        "t": title,
        "mid": f"{rank:040X}",
        "desc": title,
    }
    return _CARD.format(
        rank=rank, m=escape(json.dumps(m, ensure_ascii=False)), thumbnail=escape(thumbnail), title=escape(title)
    )


def malformed(rank: int) -> str:
    """Return a card whose `m` was cut off."""
    return _CARD.format(rank=rank, m=escape('{"sid":"0","purl":"http'), thumbnail="/th?id=cut", title="cut off")
