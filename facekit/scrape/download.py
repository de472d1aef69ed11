"""Fetch one picture and believe nothing that its host says of it."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

import requests
import urllib3.exceptions

from facekit import __version__, images
from facekit.contract import BadImage, FacekitError
from facekit.engines import is_web
from facekit.parallel import workers
from facekit.scrape.net import PrivateAddress, Wall

RETRIED = (408, 429, 500, 502, 503, 504, 522, 524)
REDIRECTS = 5
FORMATS = (".jpg", ".png", ".webp", ".bmp", ".gif")
OPT_OUTS = {"noai", "noimageai", "noindex", "noimageindex", "noml", "none"}
TOKEN = "facekit"
"""What an opt-out addresses us by, as in `X-Robots-Tag: facekit: noindex`."""


@dataclass(frozen=True)
class Rules:
    """The limits of a fetch, in seconds, bytes and pixels."""

    connect: float = 5
    read: float = 10
    wall: float = 30
    retries: int = 2
    backoff: float = 0.5
    retry_after: float = 60
    """The longest wait that a host may ask for."""
    min_bytes: int = 2_000
    max_bytes: int = 25_000_000
    min_side: int = 100
    loopback: bool = False


class Picture(NamedTuple):
    """A picture as it was found."""

    data: bytes
    suffix: str
    final_url: str
    fetched_at: str


class Refused(Exception):
    """No picture: `reason` is counted, `value` decided, `again` is the seconds after which another try may help."""

    def __init__(self, reason: str, value: float | str | None = None, again: float | None = None) -> None:
        super().__init__(reason)
        self.reason, self.value, self.again = reason, value, again


class Fetcher:
    """Fetches pictures from many threads; closed, it ends every fetch at once."""

    def __init__(self, rules: Rules, contact: str = "") -> None:
        self.rules = rules
        headers = {
            "User-Agent": user_agent(contact),
            "Accept": "image/jpeg, image/png, image/webp",
            "Accept-Encoding": "identity",
        }
        self._wall = Wall(rules.wall, rules.loopback, headers)
        # A picture may take 150 MB when decoded: as many at a time as there are cores to do it.
        self._decoders = threading.BoundedSemaphore(workers(0))

    def fetch(self, url: str, page_url: str | None = None, tries: int = 0) -> Picture:
        """Return the picture at a URL; `page_url` is the page that shows it. Raises Refused."""
        with self._wall.fetch() as current:
            try:
                response = self._ask(url, page_url, tries)
                with response:
                    data = self._read(response)
            # ValueError too: hosts choose what stands in the addresses and headers that are parsed here.
            except (OSError, urllib3.exceptions.HTTPError, PrivateAddress, ValueError) as error:
                if current.cut:
                    raise Refused("timed out", self.rules.wall) from None
                raise self._reason(error, tries) from None
            if current.cut:  # an answer without a length ends like a whole one
                raise Refused("timed out", self.rules.wall)
        with self._decoders:
            suffix = check(data, self.rules)
        return Picture(data, suffix, response.url, datetime.now(UTC).isoformat(timespec="seconds"))

    def close(self) -> None:
        """End every fetch under way; their threads see `timed out`."""
        self._wall.close()

    def _ask(self, url: str, page_url: str | None, tries: int) -> requests.Response:
        """Ask as from the page that shows the picture, then once more the other way round where that is forbidden."""
        referer = _origin(page_url) if page_url else None
        response = self._follow(url, referer)
        if response.status_code == 403:
            response.close()
            response = self._follow(url, None if referer else _origin(url))
        if response.status_code != 200:
            response.close()
            raise self._status(response, tries)
        return response

    def _follow(self, url: str, referer: str | None) -> requests.Response:
        headers = {"Referer": referer} if referer else None
        for _ in range(REDIRECTS + 1):
            if not is_web(url):
                raise Refused("not a web address", url[:200])
            response = self._wall.session().get(
                url,
                headers=headers,
                stream=True,
                timeout=(self.rules.connect, self.rules.read),
                allow_redirects=False,
            )
            if not response.is_redirect:
                return response
            response.close()
            url = urljoin(url, response.headers["location"])
        raise Refused("too many redirects", REDIRECTS)

    def _read(self, response: requests.Response) -> bytes:
        if opted_out(response.raw.headers.getlist("X-Robots-Tag")):
            raise Refused("opted out", "X-Robots-Tag")
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind in ("text/html", "application/xhtml+xml"):
            raise Refused("web page", kind)
        data = bytearray()
        # read1 hands over what has come; read would wait, past any wall, until a whole chunk is there.
        while chunk := response.raw.read1(65_536, decode_content=True):
            data += chunk
            if len(data) > self.rules.max_bytes:
                raise Refused("too many bytes", len(data))
        return bytes(data)

    def _status(self, response: requests.Response, tries: int) -> Refused:
        code = response.status_code
        again = None
        if code in RETRIED and tries < self.rules.retries:
            asked = response.headers.get("Retry-After", "")
            again = min(float(asked), self.rules.retry_after) if asked.isdecimal() else self._backoff(tries)
        return Refused(f"http {code}", code, again)

    def _reason(self, error: Exception, tries: int) -> Refused:
        again = self._backoff(tries) if tries < self.rules.retries else None
        if isinstance(error, PrivateAddress):
            return Refused("private address", str(error))
        if isinstance(error, requests.exceptions.SSLError | urllib3.exceptions.SSLError):
            return Refused("no valid certificate")
        if isinstance(error, ValueError):  # of requests, InvalidURL and its kin are
            return Refused("not a web address", str(error)[:200])
        if isinstance(error, requests.exceptions.ReadTimeout | urllib3.exceptions.ReadTimeoutError):
            return Refused("timed out", self.rules.read)
        if isinstance(error, urllib3.exceptions.ProtocolError):
            return Refused("incomplete", None, again)
        return Refused("no connection", None, again)

    def _backoff(self, tries: int) -> float:
        return self.rules.backoff * float(2**tries) * random.uniform(1, 1.5)


def check(data: bytes, rules: Rules) -> str:
    """Return the suffix that a picture's first bytes ask for. Raises Refused for what is not a whole still picture."""
    start = data[:1024].lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")):
        raise Refused("web page", "html")
    if b"<svg" in start:
        raise Refused("drawing", "svg")
    try:
        head = images.header(data)
        _check_header(head, rules)
        if len(data) < rules.min_bytes:
            raise Refused("too few bytes", len(data))
        images.decode(data)
    except BadImage as error:
        raise Refused(error.reason, error.value) from None
    return head.suffix


def _check_header(head: images.Header, rules: Rules) -> None:
    if head.suffix not in FORMATS:
        raise Refused("format", head.suffix)
    if head.frames > 1:
        raise Refused("animated", head.frames)
    if head.width * head.height > images.MAX_PIXELS:
        raise Refused("too many pixels", head.width * head.height)
    if min(head.width, head.height) < rules.min_side:
        raise Refused("too small", min(head.width, head.height))


def opted_out(values: Iterable[str]) -> bool:
    """Return whether an `X-Robots-Tag` forbids the use of a picture to everybody or to us."""
    for value in values:
        token = ""
        for piece in value.lower().split(","):
            name, colon, rest = piece.strip().partition(":")
            if colon and name.strip() != "unavailable_after":
                token, name = name.strip(), rest
            if name.strip() in OPT_OUTS and token in ("", "*", TOKEN):
                return True
    return False


def user_agent(contact: str) -> str:
    """Return how facekit names itself. Raises FacekitError for a contact that no header can carry."""
    if not (contact.isascii() and (contact.isprintable() or not contact)):
        raise FacekitError(f"--contact is {contact!r}; give an address or a URL in plain ASCII")
    return f"{TOKEN}/{__version__} (builds face data sets{'; ' + contact if contact else ''})"


def _origin(url: str) -> str | None:
    """Return what may be told of the page: its host alone; nothing of one that no header can carry."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.hostname}/"
    return origin if origin.isascii() and origin.isprintable() else None


def host_of(url: str) -> str:
    """Return the host that a URL names, in lower case; empty for none."""
    return urlsplit(url).hostname or ""
