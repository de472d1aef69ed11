"""The picture at a web address that the user gives, or that something else is there, such as a video."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError, SSLError
from urllib3.util import make_headers

from facekit import __version__
from facekit.base.contract import FacekitError
from facekit.base.header import begins_as_picture, begins_as_video
from facekit.sources.addresses import Gate, PrivateAddress, is_loopback, is_web, own_server
from facekit.sources.connections import Wall

MAX_BYTES = 25_000_000
"""Of a picture, as `scrape` takes them."""

REDIRECTS = 5
"""How often an address may lead on to another."""

_CONNECT, _READ, _WALL = 5.0, 10.0, 60.0
"""Seconds to connect, to wait for more, and for all of it."""

HEADERS = {"User-Agent": f"facekit/{__version__}", "Accept-Encoding": "identity"}

_PAGE = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html|head|body)", re.IGNORECASE)


@dataclass(frozen=True)
class Found:
    """What is at an address."""

    data: bytes | None
    """The bytes of a picture; None for anything else that is no web page."""
    url: str
    """Where redirects led to."""


def look(url: str, shown: str) -> Found:
    """Fetch the picture at a web address, or say that something else is there, which is not read.

    The server that the user names may be a private one; redirects lead to it and to public ones alone. `shown` is the
    address as messages have it. Raises FacekitError for a web page, an error, and a server that does not answer.
    """
    if not is_web(url):
        raise FacekitError(f"{shown} is no web address; give one like https://example.org/photo.jpg")
    wall = Wall(_WALL, Gate(loopback=is_loopback(url), own=own_server(url)), HEADERS)
    try:
        with wall.fetch() as current:
            found = _follow(wall, url, shown)
            if current.cut:
                raise FacekitError(f"{shown} did not answer completely in {_WALL:.0f} s; try again later")
            return found
    except PrivateAddress:
        raise FacekitError(f"{shown} leads to a private address, which is not followed; give that address") from None
    except SSLError:
        raise FacekitError(f"{shown} has no valid certificate; check the address") from None
    except (OSError, HTTPError, ValueError) as error:
        raise FacekitError(
            f"{shown} does not answer ({_why(error)}); check the address, and that it can be reached"
        ) from None
    finally:
        wall.close()


def _follow(wall: Wall, url: str, shown: str) -> Found:
    for _ in range(REDIRECTS + 1):
        bare, headers = signed(url)
        with wall.get(bare, headers, _CONNECT, _READ) as response:
            target = response.get_redirect_location()
            if isinstance(target, str):
                url = urljoin(url, target)
                if not is_web(url):
                    raise FacekitError(f"{shown} leads to something that is no web address; check the address")
                continue
            return Found(_read(response, shown), url)
    raise FacekitError(f"{shown} leads on and on; check the address")


def signed(url: str) -> tuple[str, dict[str, str]]:
    """Return an address without the user and password in it, and the header that they go along in."""
    parts = urlsplit(url)
    if parts.username is None:
        return url, {}
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return bare, dict(make_headers(basic_auth=f"{unquote(parts.username)}:{unquote(parts.password or '')}"))


def _read(response: BaseHTTPResponse, shown: str) -> bytes | None:
    """Return a picture's bytes; None for what is none, of which only the beginning is read."""
    if response.status != 200:
        raise FacekitError(f"{shown} answers with HTTP status {response.status}; check the address")
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    data = bytearray(response.read1(65_536, decode_content=True))
    while len(data) < 16 and (more := response.read1(65_536, decode_content=True)):
        data += more
    if kind in ("text/html", "application/xhtml+xml") or _PAGE.match(data):
        raise FacekitError(f"{shown} is a web page; give the address of the picture, video or stream itself")
    if not begins_as_picture(bytes(data[:16])) or begins_as_video(bytes(data[:16])):
        return None
    while more := response.read1(65_536, decode_content=True):
        data += more
        if len(data) > MAX_BYTES:
            raise FacekitError(f"{shown} is larger than {MAX_BYTES // 1_000_000} MB; give a smaller picture, or a file")
    return bytes(data)


def _why(error: Exception) -> str:
    name = type(error).__name__
    known = {"NameResolutionError": "no such host", "ConnectTimeoutError": "timed out", "ReadTimeoutError": "timed out"}
    return known.get(name, "no connection")
