"""What the OpenAPI document says of bodies and refusals, which FastAPI cannot tell from the code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI

from facekit.serving.answers import ProblemOut
from facekit.serving.gate import needed
from facekit.serving.problems import MEDIA_TYPE, PREFIX, PROBLEMS
from facekit.serving.uploads import FORM, MOST_PICTURES

ALWAYS = ("bad-request", "no-key", "no-right", "foreign-host", "bad-value", "busy", "bug", "not-ready", "timed-out")
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


def describe(app: FastAPI) -> None:
    """Add to the OpenAPI document of an application which routes need which key, and a command that asks each."""
    made = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = made()
            schemes = document.setdefault("components", {}).setdefault("securitySchemes", {})
            schemes["key"] = {"type": "http", "scheme": "bearer", "description": "Made by `facekit keys create`."}
            for path, methods in document["paths"].items():
                for method, route in methods.items():
                    _add_scope(route, needed(method.upper(), path))
                    route["x-codeSamples"] = [{"lang": "sh", "source": sample(document, method.upper(), path)}]
        return app.openapi_schema or made()

    app.openapi = described  # type: ignore[method-assign]


def _add_scope(route: dict[str, Any], scope: str | None) -> None:
    if scope is not None:
        route["security"] = [{"key": []}]
        route["description"] = f"{route.get('description', '')}\n\nNeeds the scope `{scope}`.".strip()


def sample(document: dict[str, Any], method: str, path: str) -> str:
    """Return a command that asks a route, with $URL and $KEY for what differs, and photo.jpg for a picture."""
    route = document["paths"][path][method.lower()]
    words = ["curl", *([] if method in ("GET", "POST") else ["-X", method])]
    if "security" in route:
        words += ["-H", '"Authorization: Bearer $KEY"']
    content = route.get("requestBody", {}).get("content", {})
    if FORM in content:
        words += _form_sample(content[FORM]["schema"])
    elif content:
        name = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
        words += ["--json", f"'{json.dumps(document['components']['schemas'][name]['example'])}'"]
    where = path.replace("{person}", "1").replace("{face}", "$FACE")
    return " ".join([*words, f'"$URL{where}"'])


def _form_sample(schema: dict[str, Any]) -> Iterator[str]:
    for name in schema["required"]:
        of_pictures = "binary" in json.dumps(schema["properties"][name])
        yield from ("-F", f"{name}=@photo.jpg" if of_pictures else f"{name}='Ada Lovelace'")


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
