"""What the server answers: the page, the names, the faces, their pictures, and what is decided."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from facekit.base.contract import BadImage, FacekitError, Verdict
from facekit.commands.review.pictures import THUMBNAIL_SIDES, Pictures, version
from facekit.commands.review.session import Desk, NotHere

STATIC = Path(__file__).parent / "static"
MOST_CHANGES = 20_000
"""Decisions in one step: a name with more faces is settled in several."""

_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_STATIC = {file.name: file for file in STATIC.iterdir() if file.suffix in _TYPES}
_FOR_EVER = "private, max-age=31536000, immutable"


class Wanted(BaseModel):
    """What becomes of one picture; no verdict takes back what was decided before."""

    id: str
    verdict: Verdict | None
    to: str | None = None


class Changes(BaseModel):
    """One step."""

    changes: Annotated[list[Wanted], Field(min_length=1, max_length=MOST_CHANGES)]


class Undo(BaseModel):
    """Which step is to be taken back."""

    depth: int


def build(desk: Desk) -> FastAPI:
    """Return the application; who may use it is the guard's concern."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    answers = _Answers(desk)
    for path, answer in answers.to_get.items():
        app.add_api_route(path, answer, methods=["GET"])
    for path, answer in answers.to_post.items():
        app.add_api_route(path, answer, methods=["POST"])
    faults = {FacekitError: 503, NotHere: 404, BadImage: 404}
    for kind, status in faults.items():
        app.add_exception_handler(kind, _refusal(status))
    return app


class _Answers:
    """One method for each address."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._pictures = desk, Pictures()
        self.to_get: dict[str, Callable[..., Response]] = {
            "/": self.page,
            "/static/{name}": self.static,
            "/api/names": self.names,
            "/api/faces": self.faces,
            "/api/faces/{id}": self.face,
            "/pictures/{id}": self.picture,
            "/photos/{id}": self.photo,
            "/photos/{id}/box": self.box,
        }
        self.to_post: dict[str, Callable[..., Response]] = {"/api/decisions": self.decide, "/api/undo": self.undo}

    def page(self) -> Response:
        return self.static("index.html")

    def static(self, name: str) -> Response:
        file = _STATIC.get(name)  # listed, so that no name leads elsewhere
        if file is None:
            raise HTTPException(404)
        kind = f"{_TYPES[file.suffix]}; charset=utf-8"
        return Response(file.read_bytes(), media_type=kind, headers={"cache-control": "no-store"})

    def names(self) -> Response:
        self._desk.refresh()
        return _json(self._desk.overview())

    def faces(self, label: str) -> Response:
        self._desk.refresh()
        return _json(self._desk.faces(label))

    def face(self, id: str) -> Response:
        return _json(self._desk.detail(self._desk.pile.card(id)))

    def decide(self, wanted: Changes) -> Response:
        return _json(self._desk.decide((change.id, change.verdict, change.to) for change in wanted.changes))

    def undo(self, wanted: Undo) -> Response:
        return _json(self._desk.undo(wanted.depth))

    def picture(self, request: Request, id: str, side: int = THUMBNAIL_SIDES[0], v: str = "") -> Response:
        if side not in THUMBNAIL_SIDES:
            raise HTTPException(422, f"side is one of {THUMBNAIL_SIDES}")
        file = self._desk.pile.file_of(self._desk.pile.card(id))
        return _picture(request, file, v, str(side), lambda known: self._pictures.thumbnail(known, side))

    def photo(self, request: Request, id: str, v: str = "") -> Response:
        file = self._desk.pile.photo_of(self._desk.pile.card(id))
        return _picture(request, file, v, "photo", lambda known: self._pictures.photo(known).data)

    def box(self, id: str) -> Response:
        """Answer with a photo's size and, as shares of it, where the face is."""
        card = self._desk.pile.card(id)
        file = self._desk.pile.photo_of(card)
        if file is None:
            raise BadImage("gone")
        photo = self._pictures.photo(file)
        sides = (photo.width, photo.height, photo.width, photo.height)
        box = [n / side for n, side in zip(card.key.box, sides, strict=True)] if card.key.box else None
        return _json({"width": photo.width, "height": photo.height, "box": box})


def _json(values: Any) -> Response:
    return JSONResponse(values, headers={"cache-control": "no-store"})


def _refusal(status: int) -> Callable[[Request, Exception], Response]:
    def refuse(request: Request, error: Exception) -> Response:
        return JSONResponse({"detail": str(error)}, status, {"cache-control": "no-store"})

    return refuse


def _picture(request: Request, file: Path | None, asked: str, kind: str, make: Callable[[Path], bytes]) -> Response:
    """Answer with a picture that the browser need not ask for again as long as its file is the same."""
    found = version(file)
    if file is None or not found:
        raise BadImage("gone")
    tag = f'"{found}-{kind}"'
    headers = {"etag": tag, "cache-control": _FOR_EVER if asked == found else "private, no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(make(file), media_type="image/jpeg", headers=headers)
