"""Wrong answers of image hosts, over real HTTP: each makes of a good picture what some host makes of it.

`/x/KIND/PATH` on the drawn web answers with the picture at PATH, spoilt as KIND says.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Protocol

import numpy as np
import PIL.Image

HTML = b"<!DOCTYPE html><html><body><h1>Sorry</h1><p>" + b"This picture is not for you. " * 100 + b"</p></body></html>"
SVG = (
    b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="300" height="300">' + b" " * 3000 + b"</svg>"
)

SLOW_SECONDS = 0.5
DRIP_SECONDS = 0.1


class Answer(Protocol):
    """What a fault may do with a request."""

    @property
    def seen(self) -> int:
        """How often this very path was asked for before."""
        ...

    def header(self, name: str) -> str | None:
        """Return a header of the request."""
        ...

    def send(self, status: int, data: bytes, kind: str = "image/jpeg", **headers: str) -> None:
        """Send a whole answer. A header's name is written with `_` for `-`; Content_Length may lie."""
        ...

    def raw(self, data: bytes) -> None:
        """Send bytes as they are, and close the connection."""
        ...


Fault = Callable[[Answer, bytes], None]


def _status(code: int, **headers: str) -> Fault:
    return lambda answer, data: answer.send(code, HTML, "text/html", **headers)


def _body(make: Callable[[bytes], bytes], kind: str = "image/jpeg", **headers: str) -> Fault:
    return lambda answer, data: answer.send(200, make(data), kind, **headers)


def _redirect(to: str) -> Fault:
    return lambda answer, data: answer.send(302, b"", Location=to)


def _needs_referer(answer: Answer, data: bytes) -> None:
    answer.send(200, data) if answer.header("Referer") else answer.send(403, HTML, "text/html")


def _refuses_referer(answer: Answer, data: bytes) -> None:
    answer.send(403, HTML, "text/html") if answer.header("Referer") else answer.send(200, data)


def _truncated(answer: Answer, data: bytes) -> None:
    answer.send(200, data[: len(data) // 2], Content_Length=str(len(data)))


def _short(answer: Answer, data: bytes) -> None:
    answer.send(200, data, Content_Length=str(len(data) * 2 // 3))


def _slow(answer: Answer, data: bytes) -> None:
    time.sleep(SLOW_SECONDS)
    answer.send(200, data)


def _drip(answer: Answer, data: bytes) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
    answer.raw(head.encode())
    for start in range(0, len(data), 10):
        time.sleep(DRIP_SECONDS)
        answer.raw(data[start : start + 10])


def _drip_head(answer: Answer, data: bytes) -> None:
    answer.raw(b"HTTP/1.1 200 OK\r\n")
    for number in range(90):
        time.sleep(DRIP_SECONDS)
        answer.raw(f"X-{number}: 0\r\n".encode())


def _flaky(answer: Answer, data: bytes) -> None:
    answer.send(503, HTML, "text/html") if answer.seen == 0 else answer.send(200, data)


def _endless(answer: Answer, data: bytes) -> None:
    answer.raw(b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n" + data)
    for _ in range(400):
        answer.raw(bytes(100_000))


def _as(form: str, frames: int = 1, side: int | None = None) -> Callable[[bytes], bytes]:
    def make(data: bytes) -> bytes:
        picture = PIL.Image.open(io.BytesIO(data)).convert("RGB")
        if side:
            picture = picture.resize((side, side))
        more = [picture.rotate(90 * k) for k in range(1, frames)]
        out = io.BytesIO()
        options = {"save_all": True, "append_images": more} if more else {}
        picture.save(out, form, **options)
        return out.getvalue()

    return make


def _bomb(data: bytes) -> bytes:
    """Return a PNG of 10,000 x 10,000 pixels in some 100 kB."""
    out = io.BytesIO()
    PIL.Image.fromarray(np.zeros((10_000, 10_000), np.uint8)).save(out, "PNG")
    return out.getvalue()


FAULTS: dict[str, Fault] = {
    "404": _status(404),
    "410": _status(410),
    "500": _status(500),
    "429": _status(429, Retry_After="86400"),
    "html": lambda answer, data: answer.send(200, HTML, "text/html; charset=utf-8"),
    "html-as-jpeg": _body(lambda data: HTML),
    "needs-referer": _needs_referer,
    "refuses-referer": _refuses_referer,
    "truncated": _truncated,
    "short": _short,
    "slow": _slow,
    "drip": _drip,
    "drip-head": _drip_head,
    "odd-header": _status(429, Retry_After="\u00b2"),
    "flaky": _flaky,
    "endless": _endless,
    "loop": _redirect(""),
    "metadata": _redirect("http://169.254.169.254/latest/meta-data/"),
    "private": _redirect("http://10.0.0.1/picture.jpg"),
    "bad-address": _redirect("http://[::1"),
    "file": _redirect("file:///etc/hostname"),
    "webp": _body(_as("WEBP")),
    "avif": _body(_as("AVIF"), "image/avif"),
    "svg": _body(lambda data: SVG, "image/svg+xml"),
    "gif": _body(_as("GIF", frames=3), "image/gif"),
    "tiny": _body(_as("PNG", side=1), "image/png"),
    "bomb": _body(_bomb, "image/png"),
    "empty": _body(lambda data: b""),
    "noai": _body(lambda data: data, X_Robots_Tag="noai, noimageai"),
    "noai-token": _body(lambda data: data, X_Robots_Tag="facekit: noimageindex"),
    "noindex-other": _body(lambda data: data, X_Robots_Tag="otherbot: noindex"),
}
