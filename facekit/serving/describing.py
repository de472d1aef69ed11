"""What the OpenAPI document says of bodies and refusals, which FastAPI cannot tell from the code."""

from __future__ import annotations

from typing import Any

from facekit.serving.answers import ProblemOut
from facekit.serving.problems import MEDIA_TYPE, PREFIX, PROBLEMS
from facekit.serving.uploads import FORM, MOST_PICTURES

ALWAYS = ("bad-request", "no-key", "no-right", "foreign-host", "busy", "bug", "not-ready", "timed-out")
WITH_PICTURE = ("too-slow", "too-large", "unsupported-picture")

_BINARY = {"type": "string", "format": "binary"}


def picture_body(
    *names: str,
    fields: dict[str, Any] | None = None,
    optional: dict[str, Any] | None = None,
    many: bool = False,
) -> dict[str, Any]:
    """Return the body of a route: a form with a picture for each name, or `many` pictures of one, and fields.

    Where nothing else is needed than one picture, its bytes do as well.
    """
    one = {"type": "array", "items": _BINARY, "minItems": 1, "maxItems": MOST_PICTURES} if many else _BINARY
    properties = {**dict.fromkeys(names, one), **(fields or {}), **(optional or {})}
    form = {"schema": {"type": "object", "properties": properties, "required": [*names, *(fields or {})]}}
    content: dict[str, Any] = {FORM: form}
    if len(names) == 1 and not fields:
        content |= {"image/jpeg": {"schema": _BINARY}, "application/octet-stream": {"schema": _BINARY}}
    return {"requestBody": {"required": True, "content": content}}


def refusals(*names: str, picture: bool = True) -> dict[int | str, dict[str, Any]]:
    """Return how a route may refuse: by these problems, and by those of all routes."""
    found: dict[int | str, dict[str, Any]] = {}
    for name in (*ALWAYS, *(WITH_PICTURE if picture else ()), *names):
        status, title = PROBLEMS[name]
        before = found.get(status)
        description = title if before is None else f"{before['description']}; {title[0].lower()}{title[1:]}"
        example = {"type": PREFIX + name, "title": title, "status": status, "detail": title}
        content = {MEDIA_TYPE: {"schema": ProblemOut.model_json_schema(), "example": example}}
        found[status] = {"description": description, "content": content}
    return found
