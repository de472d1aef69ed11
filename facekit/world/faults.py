"""Wrong answers of image hosts, over real HTTP: each makes of a good picture what some host makes of it.

`/x/KIND/PATH` on the drawn web answers with the picture at PATH, spoilt as KIND says.
"""

from __future__ import annotations

import gzip
import io
import time
from collections.abc import Callable
from email.utils import formatdate
from functools import cache
from typing import Protocol

import numpy as np
import PIL.Image
import PIL.PngImagePlugin

HTML = b"<!DOCTYPE html><html><body><h1>Sorry</h1><p>" + b"This picture is not for you. " * 100 + b"</p></body></html>"
SVG = (
    b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="300" height="300">' + b" " * 3000 + b"</svg>"
)

HUGE = 30_000_000
"""Bytes that are announced, or unpacked, and would be too many."""

DAY = 86_400

SLOW_SECONDS = 0.5
DRIP_SECONDS = 0.1


class Answer(Protocol):
    """What a fault may do with a request."""

    @property
    def seen(self) -> int:
        """How often this very path was asked for before."""
        ...

    @property
    def path(self) -> str:
        """What was asked for, `/x/KIND/PATH`."""
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


def _redirect(to: str, **headers: str) -> Fault:
    return lambda answer, data: answer.send(302, b"", Location=to, **headers)


def _hop(host: str) -> Fault:
    """Redirect to the good picture at another name or address of this machine."""

    def redirect(answer: Answer, data: bytes) -> None:
        port = (answer.header("Host") or "").rpartition(":")[2]
        answer.send(302, b"", Location=f"http://{host}:{port}/{answer.path.split('/', 3)[3]}")

    return redirect


def _busy_until(answer: Answer, data: bytes) -> None:
    answer.send(503, HTML, "text/html", Retry_After=formatdate(time.time() + DAY, usegmt=True))


def _needs_referer(answer: Answer, data: bytes) -> None:
    answer.send(200, data) if answer.header("Referer") else answer.send(403, HTML, "text/html")


def _refuses_referer(answer: Answer, data: bytes) -> None:
    answer.send(403, HTML, "text/html") if answer.header("Referer") else answer.send(200, data)


def _truncated(answer: Answer, data: bytes) -> None:
    answer.send(200, data[: len(data) // 2], Content_Length=str(len(data)))


def _short(answer: Answer, data: bytes) -> None:
    answer.send(200, data, Content_Length=str(len(data) * 2 // 3))


def _unanswered(answer: Answer, data: bytes) -> None:
    answer.raw(b"")


def _slow(answer: Answer, data: bytes) -> None:
    time.sleep(SLOW_SECONDS)
    answer.send(200, data)


def _drip(length: bool) -> Fault:
    """Send ten bytes at a time; without the length the client is told that the connection will close."""

    def drip(answer: Answer, data: bytes) -> None:
        ends = f"Content-Length: {len(data)}" if length else "Connection: close"
        answer.raw(f"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n{ends}\r\n\r\n".encode())
        for start in range(0, len(data), 10):
            time.sleep(DRIP_SECONDS)
            answer.raw(data[start : start + 10])

    return drip


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
        if form == "GIF":
            picture = picture.convert("P")  # to a fixed palette; to choose one takes a second
        more = [picture.rotate(90 * k) for k in range(1, frames)]
        out = io.BytesIO()
        options = {"save_all": True, "append_images": more} if more else {}
        picture.save(out, form, **options)
        return out.getvalue()

    return make


def _about(properties: str) -> bytes:
    """Return metadata in XMP, as ExifTool writes it."""
    spaces = 'xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/" xmlns:tdm="http://www.w3.org/ns/tdmrep/"'
    rdf = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
    about = f'<rdf:Description rdf:about="" {spaces}>{properties}</rdf:Description>'
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {rdf}>{about}</rdf:RDF></x:xmpmeta>'.encode()


def _mining(code: str) -> bytes:
    return _about(f"<plus:DataMining>http://ns.useplus.org/ldf/vocab/DMI-{code}</plus:DataMining>")


def _jpeg_with(xmp: bytes) -> Fault:
    segment = b"http://ns.adobe.com/xap/1.0/\0" + xmp
    head = b"\xff\xd8\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment
    return _body(lambda data: head + data[2:])


def _png_with(xmp: bytes) -> Fault:
    """Send a PNG with the metadata compressed, as some programs write them."""

    def make(data: bytes) -> bytes:
        out, about = io.BytesIO(), PIL.PngImagePlugin.PngInfo()
        about.add_itxt("XML:com.adobe.xmp", xmp.decode(), zip=True)
        PIL.Image.open(io.BytesIO(data)).save(out, "PNG", pnginfo=about)
        return out.getvalue()

    return _body(make, "image/png")


@cache
def _bomb() -> bytes:
    """Return a PNG of 10,000 x 10,000 pixels in some 15 kB."""
    out = io.BytesIO()
    PIL.Image.new("1", (10_000, 10_000)).save(out, "PNG")
    return out.getvalue()


@cache
def _same() -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (120, 120, 3), np.uint8)
    out = io.BytesIO()
    PIL.Image.fromarray(pixels).save(out, "JPEG", quality=60)
    return out.getvalue()


@cache
def _zeros() -> bytes:
    return gzip.compress(bytes(HUGE))


FAULTS: dict[str, Fault] = {
    **{str(code): _status(code) for code in (400, 401, 403, 404, 408, 410, 500, 502, 504, 522, 524)},
    "429": _status(429, Retry_After=str(DAY)),
    "busy-until": _busy_until,
    "html": lambda answer, data: answer.send(200, HTML, "text/html; charset=utf-8"),
    "html-as-jpeg": _body(lambda data: HTML),
    "needs-referer": _needs_referer,
    "refuses-referer": _refuses_referer,
    "truncated": _truncated,
    "short": _short,
    "cut": _body(lambda data: data[: len(data) * 2 // 3]),
    "unanswered": _unanswered,
    "slow": _slow,
    "drip": _drip(length=True),
    "drip-open": _drip(length=False),
    "drip-head": _drip_head,
    "odd-header": _status(429, Retry_After="\u00b2"),
    "flaky": _flaky,
    "endless": _endless,
    "huge": lambda answer, data: answer.send(200, data, Content_Length=str(HUGE)),
    "unpacks": _body(lambda data: _zeros(), Content_Encoding="gzip"),
    "loop": _redirect(""),
    "hop": _hop("localhost"),
    "hop-noai": _redirect("/picture.jpg", X_Robots_Tag="noai"),
    "loopback": _hop("127.0.0.1"),
    "loopback6": _hop("[::1]"),
    "decimal": _hop("2130706433"),
    "metadata": _redirect("http://169.254.169.254/latest/meta-data/"),
    "private": _redirect("http://10.0.0.1/picture.jpg"),
    "bad-address": _redirect("http://[::1"),
    "file": _redirect("file:///etc/hostname"),
    "webp": _body(_as("WEBP")),
    "avif": _body(_as("AVIF"), "image/avif"),
    "svg": _body(lambda data: SVG, "image/svg+xml"),
    "ico": _body(_as("ICO"), "image/x-icon"),
    "gif": _body(_as("GIF", frames=3), "image/gif"),
    "gif-still": _body(_as("GIF"), "image/gif"),
    "webp-moving": _body(_as("WEBP", frames=3), "image/webp"),
    "png-moving": _body(_as("PNG", frames=3), "image/png"),
    "tiny": _body(_as("PNG", side=1), "image/png"),
    "bomb": _body(lambda data: _bomb(), "image/png"),
    "empty": _body(lambda data: b""),
    "same": _body(lambda data: _same()),
    "noai": _body(lambda data: data, X_Robots_Tag="noai, noimageai"),
    "noai-token": _body(lambda data: data, X_Robots_Tag="facekit: noimageindex"),
    "usage-no": _body(lambda data: data, Content_Usage="search=y, train-ai=n"),
    "usage-yes": _body(lambda data: data, Content_Usage="train-ai=y"),
    "tdm-reserved": _body(lambda data: data, tdm_reservation="1"),
    "tdm-free": _body(lambda data: data, tdm_reservation="0"),
    "mining-no": _jpeg_with(_mining("PROHIBITED-EXCEPTSEARCHENGINEINDEXING")),
    "mining-no-png": _png_with(_mining("PROHIBITED-AIMLTRAINING")),
    "mining-yes": _jpeg_with(_mining("ALLOWED")),
    "mining-tdm": _jpeg_with(_about("<tdm:reservation>1</tdm:reservation>")),
    "noindex-other": _body(lambda data: data, X_Robots_Tag="otherbot: noindex"),
}
