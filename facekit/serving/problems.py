"""Why a request is refused, as a problem document (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import JSONResponse

MEDIA_TYPE = "application/problem+json"

PREFIX = "urn:problem-type:facekit:"

PROBLEMS: Mapping[str, tuple[int, str]] = {
    "bad-request": (400, "The request is not what this address takes"),
    "no-key": (401, "No valid key was given"),
    "no-right": (403, "The key is not good for this"),
    "foreign-origin": (403, "Requests from other sites are refused"),
    "not-found": (404, "There is nothing of that name or number"),
    "wrong-method": (405, "The address does not take this method"),
    "too-slow": (408, "The request did not arrive in time"),
    "conflict": (409, "That is there already"),
    "too-large": (413, "The request or its picture is too large"),
    "unsupported-picture": (415, "The picture's format is not read"),
    "foreign-host": (421, "The server does not answer to this name"),
    "bad-picture": (422, "The picture cannot be used"),
    "bad-value": (422, "A value is not what it must be"),
    "busy": (429, "Too many requests wait"),
    "bug": (500, "The server failed"),
    "not-ready": (503, "The server cannot answer now"),
    "timed-out": (504, "The answer took too long"),
}
"""Name of a problem -> its status and title. The guide on serving lists them."""

RETRY_SECONDS = 1
"""What `Retry-After` says where another try may do."""


class Problem(Exception):
    """A request is refused."""

    def __init__(self, name: str, detail: str, **more: object) -> None:
        """Refuse with a name of `PROBLEMS`, one line of detail, and members of the document's own."""
        super().__init__(detail)
        self.name, self.detail, self.more = name, detail, more

    @property
    def status(self) -> int:
        """The status of the answer."""
        return PROBLEMS[self.name][0]

    def document(self) -> dict[str, object]:
        """Return the problem document."""
        status, title = PROBLEMS[self.name]
        return {"type": PREFIX + self.name, "title": title, "status": status, "detail": self.detail, **self.more}

    def headers(self) -> dict[str, str]:
        """Return the headers that belong to it."""
        found = {"cache-control": "no-store"}
        if self.status == HTTPStatus.UNAUTHORIZED:
            found["www-authenticate"] = 'Bearer realm="facekit"'
        if self.status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
            found["retry-after"] = str(RETRY_SECONDS)
        return found

    def response(self) -> JSONResponse:
        """Return the answer."""
        return JSONResponse(self.document(), self.status, self.headers(), MEDIA_TYPE)
