"""The page of an API server: its files, which need no key, and what it asks about the key that was typed into it.

The page holds nothing of anybody. Whatever it shows it asks for as every other program does, with the key.
"""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request, Response

from facekit.serving.answers import KeyOut
from facekit.serving.describing import refusals
from facekit.serving.engine import Engine
from facekit.serving.files import STATIC, TYPES
from facekit.serving.gate import Passing
from facekit.serving.problems import Problem

_POLICY = "; ".join(
    (
        "default-src 'none'",
        *(f"{what}-src 'self'" for what in ("script", "style", "img", "connect")),
        *(f"{what} 'none'" for what in ("base-uri", "form-action", "frame-ancestors")),
        # No text becomes markup, not even by a mistake in the page's scripts.
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "permissions-policy": "camera=(self), microphone=(), geolocation=(), display-capture=()",
}


def routes(engine: Engine) -> APIRouter:
    """Return the routes of the page."""
    router = APIRouter()
    files = {file.name: file.read_bytes() for file in STATIC.iterdir() if file.suffix in TYPES}

    def served(name: str) -> Response:
        if name not in files:  # listed, so that no name leads elsewhere
            raise Problem("not-found", "the page has no such file")
        return Response(files[name], media_type=TYPES[Path(name).suffix], headers=_HEADERS)

    @router.get("/", include_in_schema=False)
    async def page() -> Response:
        return served("index.html")

    @router.get("/static/{name}", include_in_schema=False)
    async def static(name: str) -> Response:
        return served(name)

    @router.get("/v1/key", tags=["ask"], responses=refusals(picture=False))
    async def show_key(request: Request) -> KeyOut:
        """Say what the key of this request may do, and what is served."""
        passing: Passing = request.state.passing
        return KeyOut(
            scope="admin" if passing.key is None else passing.key.scope,
            gallery=engine.live is not None,
            runs=[run.name for run in engine.labels],
        )

    return router
