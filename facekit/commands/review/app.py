"""The addresses of the server: the page, the names, the faces, their pictures, and the decisions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field

from facekit.base.contract import BadImage, Box, FacekitError, Verdict
from facekit.base.files import version
from facekit.commands.review.answers import Answer, PhotoBox, Refused, encode
from facekit.commands.review.pictures import THUMBNAIL_SIDES, Photo, Pictures
from facekit.commands.review.session import NotHere, Session
from facekit.serving import files

STATIC = Path(__file__).parent / "static"
MAX_CHANGES = 20_000
"""Decisions in one step: a name with more faces takes several."""

_STATIC = {file.name: file for file in (*STATIC.iterdir(), files.STATIC / "text.js") if file.suffix in files.TYPES}
_IMMUTABLE = "private, max-age=31536000, immutable"


class Wanted(BaseModel):
    """What is to become of one picture; no verdict takes back what was decided before."""

    id: str
    verdict: Verdict | None
    to: str | None = None


class Changes(BaseModel):
    """One step."""

    changes: Annotated[list[Wanted], Field(min_length=1, max_length=MAX_CHANGES)]


class Undo(BaseModel):
    """The step to take back."""

    depth: int


def build(session: Session) -> FastAPI:
    """Return the application; the guard in front of it decides who may use it."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    routes = _Routes(session)
    for path, route in routes.get.items():
        app.add_api_route(path, route, methods=["GET"])
    for path, route in routes.post.items():
        app.add_api_route(path, route, methods=["POST"])
    for kind, status in {FacekitError: 503, NotHere: 404, BadImage: 404}.items():
        app.add_exception_handler(kind, _refusal(status))
    app.add_exception_handler(RequestValidationError, _malformed)
    return app


class _Routes:
    """One method for each address."""

    def __init__(self, session: Session) -> None:
        self._session, self._pictures = session, Pictures()
        self.get: dict[str, Callable[..., Response]] = {
            "/": self.page,
            "/static/{name}": self.static,
            "/api/names": self.names,
            "/api/faces": self.faces,
            "/api/faces/{id}": self.face,
            "/pictures/{id}": self.picture,
            "/photos/{id}": self.photo,
            "/photos/{id}/box": self.box,
        }
        self.post: dict[str, Callable[..., Response]] = {"/api/decisions": self.decide, "/api/undo": self.undo}

    def page(self) -> Response:
        return self.static("index.html")

    def static(self, name: str) -> Response:
        file = _STATIC.get(name)  # listed, so that no name leads elsewhere
        if file is None:
            raise HTTPException(404)
        kind = files.TYPES[file.suffix]
        return Response(file.read_bytes(), media_type=kind, headers={"cache-control": "no-store"})

    def names(self) -> Response:
        self._session.refresh()
        return _json(self._session.overview())

    def faces(self, label: str) -> Response:
        self._session.refresh()
        return _json(self._session.faces(label))

    def face(self, id: str) -> Response:
        return _json(self._session.detail(self._session.folder.card(id)))

    def decide(self, wanted: Changes) -> Response:
        return _json(self._session.decide((change.id, change.verdict, change.to) for change in wanted.changes))

    def undo(self, wanted: Undo) -> Response:
        return _json(self._session.undo(wanted.depth))

    def picture(self, request: Request, id: str, side: int = THUMBNAIL_SIDES[0], v: str = "") -> Response:
        if side not in THUMBNAIL_SIDES:
            raise HTTPException(422, f"side is one of {THUMBNAIL_SIDES}")
        file = self._session.folder.file_of(self._session.folder.card(id))
        return _picture(request, file, v, str(side), lambda known: self._pictures.thumbnail(known, side))

    def photo(self, request: Request, id: str, v: str = "") -> Response:
        file = self._session.folder.photo_of(self._session.folder.card(id))
        return _picture(request, file, v, "photo", lambda known: self._pictures.photo(known).data)

    def box(self, id: str) -> Response:
        """Answer with a photo's size and, as shares of it, where the face is."""
        card = self._session.folder.card(id)
        file = self._session.folder.photo_of(card)
        if file is None:
            raise BadImage("gone")
        photo = self._pictures.photo(file)
        return _json(PhotoBox(width=photo.width, height=photo.height, box=_shares(card.key.box, photo)))


def _shares(box: Box | None, photo: Photo) -> tuple[float, float, float, float] | None:
    if box is None:
        return None
    return box.x / photo.width, box.y / photo.height, box.w / photo.width, box.h / photo.height


def _json(answer: Answer | Sequence[Answer], status: int = 200) -> Response:
    return Response(encode(answer), status, {"cache-control": "no-store"}, "application/json")


def _refusal(status: int) -> Callable[[Request, Exception], Response]:
    def refuse(request: Request, error: Exception) -> Response:
        return _json(Refused(detail=str(error)), status)

    return refuse


def _malformed(request: Request, error: Exception) -> Response:
    """Say that a request is not what the page sends, without repeating it: it may hold what JSON cannot."""
    return _json(Refused(detail="not a request that this page sends"), 422)


def _picture(request: Request, file: Path | None, asked: str, kind: str, make: Callable[[Path], bytes]) -> Response:
    """Answer with a picture that the browser need not ask for again as long as its file is the same."""
    current = version(file)
    if file is None or not current:
        raise BadImage("gone")
    tag = f'"{current}-{kind}"'
    headers = {"etag": tag, "cache-control": _IMMUTABLE if asked == current else "private, no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(make(file), media_type="image/jpeg", headers=headers)
