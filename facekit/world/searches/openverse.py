"""Openverse's API, as it answers whoever has no account."""

from __future__ import annotations

from facekit.base.plain import Json
from facekit.world.searches import licences
from facekit.world.searches.base import Hit, Reply, Request, Route, hits, json_reply

MOST, DEPTH = 20, 240

VARIANTS = {
    "empty": "no results",
    "blocked": "HTTP 403",
    "refused": "HTTP 429 for the first request",
    "limited": "HTTP 429 for every request, and a day to wait",
    "limited-later": "HTTP 429 from the second page on",
    "shallow": "HTTP 401 from the second page on",
    "closed": "HTTP 401 for every request",
    "down": "HTTP 500",
    "redesigned": "an answer of another form",
    "garbled": "an answer that is no JSON",
    "unreadable": "results without pictures",
    "repeating": "the first page, again and again",
    "mature": "results that are not for everyone",
}


def images(request: Request) -> Reply:
    """Answer `/v1/images/`."""
    variant = request.site.variant("openverse", request.words)
    size, number = int(request.query.get("page_size", MOST)), int(request.query.get("page", 1))
    given = _instead(request, variant, size, number)
    if given is not None:
        return given
    found = [hit for hit in hits(request) if _is_asked_for(request, hit)] if variant != "empty" else []
    # Ranks as if the others were not there, as a search with a filter has them.
    pages = -(-len(found) // size)
    if number > max(1, pages):
        return _says(404, "Invalid page.")
    part = found[:size] if variant == "repeating" else found[size * (number - 1) : size * number]
    values: Json = {
        "result_count": len(found),
        "page_count": pages,
        "page_size": size,
        "page": number,
        "results": [_result(request, hit, variant) for hit in part],
    }
    return json_reply(values)


ROUTES: dict[str, Route] = {"/v1/images/": images}


def _instead(request: Request, variant: str, size: int, number: int) -> Reply | None:
    if size > MOST or size * number > DEPTH:
        return _says(401, f"Anonymous requests may not exceed {MOST} a page and {DEPTH} in all.")
    wait = {"Retry-After": "86400", "X-RateLimit-Available-anon_sustained": "0"}
    late = number > 1
    replies = {
        "blocked": _says(403, "Forbidden"),
        "refused": _says(429, "Request was throttled.", {"Retry-After": "3"}) if not request.seen else None,
        "limited": _says(429, "Request was throttled.", wait),
        "limited-later": _says(429, "Request was throttled.", wait) if late else None,
        "shallow": _says(401, "Too deep.") if late else None,
        "closed": _says(401, "Authentication credentials were not provided."),
        "down": _says(500, "Server error"),
        "redesigned": json_reply({"data": []}),
        "garbled": Reply(200, "<html></html>"),
    }
    return replies.get(variant)


def _is_asked_for(request: Request, hit: Hit) -> bool:
    asked = request.query.get("license")
    return asked is None or hit.link.licence in asked.split(",")


def _result(request: Request, hit: Hit, variant: str) -> Json:
    licence = licences.of(hit)
    broken = hit.bad == "malformed" or variant == "unreadable"
    # The API leaves the mature ones out itself, unless asked; now and then one was not marked in time.
    mature = hit.bad == "unusable" or variant == "mature"
    return {
        "id": f"00000000-0000-4000-8000-{hit.rank:012d}",
        "title": hit.title,
        "url": None if broken else hit.url,
        "foreign_landing_url": hit.page,
        "creator": hit.link.creator,
        "license": licence.code,
        "license_version": licence.version,
        "license_url": licence.url,
        "attribution": f'"{hit.title}" by {hit.link.creator} is licensed under {licence.name}.',
        "source": "flickr",
        "width": hit.width,
        "height": hit.height,
        "filetype": "jpg",
        "thumbnail": f"{request.site.base_url}/v1/images/{hit.rank}/thumb/",
        "mature": mature,
    }


def _says(status: int, detail: str, headers: dict[str, str] | None = None) -> Reply:
    return json_reply({"detail": detail}, status, headers)
