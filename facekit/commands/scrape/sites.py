"""Ask each host once what it says of its pictures as a whole, and remember it for a day."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urljoin

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from facekit.commands.scrape.checks import Refused
from facekit.sources.addresses import is_web
from facekit.sources.siterules import MOST_BYTES, ROBOTS_PATH, TDM_PATH, SiteRules, origin_of, site_rules

DAY = 86_400.0
"""Seconds that a robots.txt may be kept, as RFC 9309 has it."""

KEPT = 1_000
"""Hosts whose rules are kept."""

FAILURES = 3
"""Attempts after which a host whose robots.txt cannot be had is not asked again in this run."""

REDIRECTS = 5


@dataclass
class _Site:
    lock: threading.Lock = field(default_factory=threading.Lock)
    rules: SiteRules | None = None
    asked: float = 0.0
    failures: int = 0
    failed: Refused | None = None


class Sites:
    """The rules of every host that pictures are fetched from. Used by many threads, each within a fetch.

    A host that has no robots.txt allows everything. Of one that fails to answer nobody knows what it allows, so
    nothing is fetched from it: RFC 9309, 2.3.1.4.
    """

    def __init__(self, send: Callable[[str], BaseHTTPResponse], refusal: Callable[[BaseHTTPResponse], Refused]) -> None:
        self._send, self._refusal = send, refusal
        self._sites: OrderedDict[str, _Site] = OrderedDict()
        self._lock = threading.Lock()

    def rules(self, url: str) -> SiteRules:
        """Return what the host of a URL allows.

        Raises Refused, and whatever a connection raises, where it cannot be known.
        """
        origin = origin_of(url)
        site = self._site(origin)
        with site.lock:
            if site.failed is not None:
                raise Refused(site.failed.reason, site.failed.value)
            if site.rules is None or time.monotonic() - site.asked > DAY:
                site.rules = self._ask(origin, site)
                site.asked = time.monotonic()
            return site.rules

    def _site(self, origin: str) -> _Site:
        with self._lock:
            site = self._sites.setdefault(origin, _Site())
            self._sites.move_to_end(origin)
            if len(self._sites) > KEPT:
                self._sites.popitem(last=False)
            return site

    def _ask(self, origin: str, site: _Site) -> SiteRules:
        try:
            robots = self._file(origin + ROBOTS_PATH)
        except Refused as refused:
            site.failures += 1
            if site.failures < FAILURES:
                raise
            site.failed = Refused(refused.reason, refused.value)
            raise site.failed from None
        try:
            tdm = self._file(origin + TDM_PATH)
        except (Refused, OSError, HTTPError, ValueError):  # then it does not take part, as the protocol has it
            tdm = b""
        return site_rules(origin, robots, tdm)

    def _file(self, url: str) -> bytes:
        """Return the first bytes of a file; none where the host has no such file, or redirects lead nowhere."""
        for _ in range(REDIRECTS + 1):
            with self._send(url) as response:
                target = response.get_redirect_location()
                if isinstance(target, str) and target:
                    url = urljoin(url, target)
                    if not is_web(url):
                        return b""
                    continue
                if response.status == 429 or response.status >= 500:
                    raise self._refusal(response)
                data = _start(response)  # read also of an error, so that the connection can be used again
                return data if response.status == 200 else b""
        return b""


def _start(response: BaseHTTPResponse) -> bytes:
    data = bytearray()
    while len(data) < MOST_BYTES and (chunk := response.read1(65_536, decode_content=True)):
        data += chunk
    return bytes(data)
