"""Pictures and fields of a request: a form (multipart), or the bytes of one picture. Nothing touches the disk."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from facekit.serving.problems import Problem

FORM = "multipart/form-data"
RAW = ("image/*", "application/octet-stream")

MOST_PICTURES = 20
"""Pictures in one request."""

_MOST_FIELDS, _MOST_FIELD = 20, 8192


@dataclass
class Upload:
    """What was sent."""

    pictures: dict[str, list[bytes]] = field(default_factory=dict)
    """Name of the field -> pictures; raw bytes are called `picture`."""
    fields: dict[str, str] = field(default_factory=dict)

    def one(self, name: str) -> bytes:
        """Return the one picture of a name. Raises Problem for none, and for several."""
        found = self.pictures.get(name, [])
        if len(found) != 1:
            raise Problem("bad-request", f"send one picture as {name!r}; there are {len(found)}")
        return found[0]

    def some(self, name: str) -> list[bytes]:
        """Return the pictures of a name. Raises Problem for none."""
        found = self.pictures.get(name, [])
        if not found:
            raise Problem("bad-request", f"send a picture as {name!r}")
        return found


async def read(request: Request) -> Upload:
    """Return the pictures and fields of a request. Raises Problem for what is neither a form nor a picture."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == FORM:
        return await _form(request)
    if kind.startswith("image/") or kind == "application/octet-stream":
        body = await _body(request)
        return Upload({"picture": [body]} if body else {})
    raise Problem("unsupported-picture", f"send {FORM}, or a picture's bytes as image/jpeg or application/octet-stream")


async def _body(request: Request) -> bytes:
    """Return the body of a request, which does not keep it as well."""
    return b"".join([part async for part in request.stream() if part])


async def _form(request: Request) -> Upload:
    body = await _body(request)

    async def whole() -> AsyncGenerator[bytes, None]:
        yield body
        yield b""

    parser = MultiPartParser(
        request.headers, whole(), max_files=MOST_PICTURES, max_fields=_MOST_FIELDS, max_part_size=_MOST_FIELD
    )
    parser.spool_max_size = len(body) + 1  # in memory: it would be written to the disk otherwise
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, UnicodeError, ValueError):
        raise Problem("bad-request", "the form is broken: it is no multipart/form-data that ends") from None
    try:
        return await _held(form)
    finally:
        await form.close()


async def _held(form: FormData) -> Upload:
    found = Upload()
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            found.pictures.setdefault(name, []).append(await value.read())
        elif name in found.fields:
            raise Problem("bad-request", f"the field {name[:40]!r} is given twice")
        else:
            found.fields[name] = value
    return found
