"""Wikimedia Commons' API: pages of 50 that continue, lag as HTTP 200, files that are no photographs."""

from __future__ import annotations

from html import escape
from zlib import crc32

from facekit.base.plain import Json
from facekit.world.searches import licences
from facekit.world.searches.base import Hit, Reply, Request, Route, hits, json_reply

MOST = 50
RAW = "python-requests"

VARIANTS = {
    "empty": "no results",
    "blocked": "HTTP 403",
    "refused": "HTTP 429 for the first request",
    "limited": "HTTP 429 for every request, and a day to wait",
    "lagging": "a lag error for the first request",
    "lagged": "a lag error for every request",
    "down": "HTTP 500",
    "redesigned": "an answer of another form",
    "garbled": "an answer that is no JSON",
    "unreadable": "files without addresses",
    "repeating": "the first page, again and again",
    "bare": "files of which nothing is said",
    "drawings": "files that are no photographs",
    "broken-off": "an error in place of results",
}

_LAG: Json = {"error": {"code": "maxlag", "info": "Waiting for a database server: 6.4 seconds lagged.", "lag": 6.4}}


def api(request: Request) -> Reply:
    """Answer `/w/api.php`."""
    variant = request.site.variant("commons", request.words)
    given = _instead(request, variant)
    if given is not None:
        return given
    found = [] if variant == "empty" else hits(request)
    first, count = int(request.query.get("gsroffset", 0)), min(MOST, int(request.query["gsrlimit"]))
    part = found[:count] if variant == "repeating" else found[first : first + count]
    if not part:
        return json_reply({"batchcomplete": ""})
    pages = {str(_id(hit)): _file(request, hit, variant) for hit in part}
    # The pages come in the order of their numbers, which says nothing about rank.
    values: dict[str, Json] = {"batchcomplete": "", "query": {"pages": {**dict(sorted(pages.items()))}}}
    if first + count < len(found) or variant == "repeating":
        values["continue"] = {"gsroffset": first + count, "continue": "gsroffset||"}
    return json_reply(values)


ROUTES: dict[str, Route] = {"/w/api.php": api}


def _instead(request: Request, variant: str) -> Reply | None:
    if variant == "blocked" or request.headers.get("user-agent", RAW).startswith(RAW):
        return Reply(403, "Please set a user-agent and respect our robot policy", "text/plain")
    busy = {"Retry-After": "5", "X-Database-Lag": "6"}
    replies = {
        "refused": Reply(429, "", "text/plain", {"Retry-After": "7"}) if not request.seen else None,
        "limited": Reply(429, "", "text/plain", {"Retry-After": "86400"}),
        "lagging": json_reply(_LAG, headers=busy) if not request.seen else None,
        "lagged": json_reply(_LAG, headers=busy),
        "down": Reply(500, "Our servers are currently under maintenance", "text/plain"),
        "redesigned": json_reply({"batch": 1, "files": []}),
        "garbled": Reply(200, "<html></html>"),
        "broken-off": json_reply({"error": {"code": "internal_api_error", "info": "Caught exception"}}),
    }
    return replies.get(variant)


def _file(request: Request, hit: Hit, variant: str) -> dict[str, Json]:
    values: dict[str, Json] = {"pageid": _id(hit), "ns": 6, "title": f"File:{hit.title}.jpg", "index": hit.rank}
    if hit.bad == "malformed" or variant == "unreadable":
        return values
    info: dict[str, Json] = {
        "url": hit.url,
        "descriptionurl": hit.page,
        "width": hit.width,
        "height": hit.height,
        "size": 200_000,
        "mime": "image/svg+xml" if hit.bad or variant == "drawings" else "image/jpeg",
        "sha1": f"{_id(hit):040x}",
    }
    asked = int(request.query["iiurlwidth"])
    if asked < hit.width:
        # A real rendering has its own address; here it is the same picture.
        info |= {"thumburl": f"{hit.url}?width={asked}", "thumbwidth": asked}
    if variant != "bare":
        info["extmetadata"] = _about(hit)
    return {**values, "imagerepository": "local", "imageinfo": [info]}


def _about(hit: Hit) -> dict[str, Json]:
    licence = licences.of(hit)
    said = {
        "License": licence.name.lower().replace(" ", "-"),
        "LicenseShortName": licence.name,
        "LicenseUrl": licence.url,
        "Artist": f'<a href="//commons.wikimedia.org/wiki/User:X" title="X">{escape(hit.link.creator)}</a>',
        "Credit": '<span class="int-own-work" lang="en">Own work</span>',
        "AttributionRequired": "true",
        "Restrictions": "personality",
    }
    if licence.code.startswith("by"):
        said["Attribution"] = f"<p>{escape(hit.link.creator)} &amp; friends</p>"
    return {key: {"value": value, "source": "commons-desc-page"} for key, value in said.items()}


def _id(hit: Hit) -> int:
    return crc32(hit.title.encode()) % 90_000_000 * 10 + hit.rank % 10
