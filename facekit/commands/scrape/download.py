"""Download one picture without trusting anything that its host says."""

from __future__ import annotations

import random
import ssl
import threading
import time
from typing import NamedTuple
from urllib.parse import urljoin

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError, SSLError
from urllib3.util import parse_url

from facekit import __version__
from facekit.base.clock import now
from facekit.base.contract import FacekitError
from facekit.base.parallel import workers
from facekit.base.text import whole
from facekit.commands.scrape.checks import Elsewhere, Refused, Rules, check, may_work_later
from facekit.commands.scrape.sites import Sites
from facekit.sources.addresses import Gate, PrivateAddress, is_web
from facekit.sources.connections import Fetch, Wall, retry_after
from facekit.sources.optouts import TOKEN, OptOut, of_answer, of_picture

__all__ = [
    "Answer",
    "Elsewhere",
    "Fetcher",
    "Picture",
    "Refused",
    "Rules",
    "host_of",
    "may_work_later",
    "user_agent",
]

RETRIED = (408, 429, 500, 502, 503, 504, 522, 524)
REDIRECTS = 5


class Answer(NamedTuple):
    """What a host sent, not yet checked."""

    data: bytes
    final_url: str
    fetched_at: str
    latency: float
    """Seconds until the host began to answer."""


class Picture(NamedTuple):
    """A picture as it was found."""

    data: bytes
    suffix: str
    final_url: str
    fetched_at: str


class Fetcher:
    """Fetches pictures from many threads; closed, it ends every fetch at once."""

    def __init__(self, rules: Rules, contact: str = "") -> None:
        self.rules = rules
        headers = {
            "User-Agent": user_agent(contact),
            "Accept": "image/jpeg, image/png, image/webp",
            "Accept-Encoding": "identity",
        }
        self._wall = Wall(rules.wall, Gate(loopback=rules.loopback), headers)
        self._sites = Sites(self._send_for_file, lambda response: self._status(response, 0))
        # A picture may take 150 MB when decoded: as many at a time as there are cores to do it.
        self._decoders = threading.BoundedSemaphore(workers(0))

    def fetch(self, url: str, page_url: str | None = None, tries: int = 0) -> Picture:
        """Return the picture at a URL; `page_url` is the page that shows it. Raises Refused."""
        return self.judge(self.get(url, page_url, tries))[0]

    def get(self, url: str, page_url: str | None = None, tries: int = 0, hops: int = 0, roam: bool = True) -> Answer:
        """Return what a host sends for a URL to which `hops` redirects led. Raises Refused.

        Raises Elsewhere for a redirect to another host, unless `roam` lets it be followed at once.
        """
        with self._wall.fetch() as current:
            try:
                answer = self._follow(url, page_url, tries, hops, roam)
            # ValueError too: hosts choose what is in the addresses and headers that are parsed here.
            except (OSError, HTTPError, PrivateAddress, ValueError) as error:
                if current.cut:
                    raise Refused("timed out", self.rules.wall) from None
                raise self._reason(error, tries, current) from None
            if current.cut:  # an answer without a length ends like a whole one
                raise Refused("timed out", self.rules.wall)
        return answer

    def judge(self, answer: Answer) -> tuple[Picture, int]:
        """Return the picture that a host sent, and its dHash. Raises Refused for what is none, or not a good one."""
        with self._decoders:
            suffix, dhash = check(answer.data, self.rules)
        if self.rules.opt_outs:
            _keep_out(of_picture(answer.data))
        return Picture(answer.data, suffix, answer.final_url, answer.fetched_at), dhash

    def close(self) -> None:
        """End every fetch under way; their threads see `timed out`."""
        self._wall.close()

    def _follow(self, url: str, page_url: str | None, tries: int, hops: int, roam: bool) -> Answer:
        for hop in range(hops, REDIRECTS + 1):
            if not is_web(url):
                raise Refused("not a web address", url[:200])
            reserved = self._reserved(url)
            began = time.monotonic()
            with self._ask(url, page_url) as response:
                latency = time.monotonic() - began
                if self.rules.opt_outs:
                    _keep_out(of_answer(response.headers, reserved))
                target = response.get_redirect_location()
                if not isinstance(target, str):  # an empty one leads back to the same place
                    data = self._read(response, tries)
                    return Answer(data, parse_url(url).url, now(), latency)
            target = urljoin(url, target)
            if not roam and host_of(target) != host_of(url):
                raise Elsewhere(target, hop + 1)
            url = target
        raise Refused("too many redirects", REDIRECTS)

    def _reserved(self, url: str) -> OptOut | None:
        """Return what the host's tdmrep.json says. Raises Refused for what its robots.txt forbids."""
        if not self.rules.opt_outs:
            return None
        site = self._sites.rules(url)
        _keep_out(site.forbids(url))
        return site.reserves(url)

    def _ask(self, url: str, page_url: str | None) -> BaseHTTPResponse:
        """Ask as from the page that shows the picture, then once more the other way round where that is forbidden."""
        referer = _origin(page_url) if page_url else None
        response = self._send(url, referer)
        if response.status == 403:
            response.close()
            response = self._send(url, None if referer else _origin(url))
        return response

    def _send(self, url: str, referer: str | None) -> BaseHTTPResponse:
        headers = {"Referer": referer} if referer else {}
        return self._wall.get(url, headers, self.rules.connect, self.rules.read)

    def _send_for_file(self, url: str) -> BaseHTTPResponse:
        return self._wall.get(url, {"Accept": "text/plain, application/json"}, self.rules.connect, self.rules.read)

    def _read(self, response: BaseHTTPResponse, tries: int) -> bytes:
        if response.status != 200:
            raise self._status(response, tries)
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind in ("text/html", "application/xhtml+xml"):
            raise Refused("web page", kind)
        declared = whole(response.headers.get("Content-Length", ""))
        if declared is not None and declared > self.rules.max_bytes:
            raise Refused("too many bytes", declared)
        data = bytearray()
        # read1 hands over what has come; read would wait, past any wall, until a whole chunk is there.
        while chunk := response.read1(65_536, decode_content=True):
            data += chunk
            if len(data) > self.rules.max_bytes:
                raise Refused("too many bytes", len(data))
        return bytes(data)

    def _status(self, response: BaseHTTPResponse, tries: int) -> Refused:
        code = response.status
        if code not in RETRIED:
            return Refused(f"http {code}", code)
        pause = min(retry_after(response.headers.get("Retry-After", "")) or 0.0, self.rules.retry_after)
        again = max(pause, self._backoff(tries)) if tries < self.rules.retries else None
        return Refused(f"http {code}", code, again, pause)

    def _reason(self, error: Exception, tries: int, current: Fetch) -> Refused:
        again = self._backoff(tries) if tries < self.rules.retries else None
        if isinstance(error, PrivateAddress):
            return Refused("private address", str(error))
        if isinstance(error, SSLError) and isinstance(error.args[0], ssl.SSLCertVerificationError):
            return Refused("no valid certificate", error.args[0].verify_message)
        if isinstance(error, ValueError):  # of urllib3, LocationParseError is
            return Refused("not a web address", str(error)[:200])
        if isinstance(error, ReadTimeoutError):
            return Refused("timed out", self.rules.read)
        if isinstance(error, ConnectTimeoutError) and not isinstance(error, NewConnectionError):
            return Refused("timed out", self.rules.connect, again)
        if current.answered:
            return Refused("incomplete", None, again)
        return Refused("no connection", None, again)

    def _backoff(self, tries: int) -> float:
        return self.rules.backoff * float(2**tries) * random.uniform(1, 1.5)


def _keep_out(said: OptOut | None) -> None:
    if said is not None:
        raise Refused(said.reason, said.value)


def user_agent(contact: str) -> str:
    """Return how facekit names itself. Raises FacekitError for a contact that no header can carry."""
    if not (contact.isascii() and (contact.isprintable() or not contact)):
        raise FacekitError(f"--contact is {contact!r}; give an address or a URL in plain ASCII")
    return f"{TOKEN}/{__version__} (builds face data sets{'; ' + contact if contact else ''})"


def host_of(url: str) -> str:
    """Return the host that a URL leads to, in lower case; empty for none.

    Read as by the code that connects: other parsers take other hosts from a URL that is made to mislead.
    """
    try:
        return (parse_url(url).host or "").rstrip(".")
    except ValueError:
        return ""


def _origin(url: str) -> str | None:
    """Return what hosts may know of the page: its host alone; nothing of one that no header can carry."""
    scheme = url.partition(":")[0]
    origin = f"{scheme}://{host_of(url)}/"
    return origin if origin.isascii() and origin.isprintable() else None
