"""A drawn web that is no bottleneck: one asyncio process, small pictures, many hosts, a tenth of the links broken.

    python benchmarks/fastweb.py [--names 20] [--per-name 100] [--port 0] [--latency 0.05] [--faults 0.1]

Prints its port and serves until it is ended: the same search engines and faults as `facekit.world.web`, and pictures of
some 5 kB whose bytes differ by a comment alone, so that none has to be drawn. Besides, at `/control/…`:

- `latency?seconds=0.3` makes every picture take so long from then on, and forgets what was asked for;
- `urls` gives every link, or with `?q=` those of a name, one a line, with the page that shows it;
- `served` gives one line for each picture that was sent whole as a good one: how often, and its path;
- `stats` gives counts and the server's CPU seconds.

Faults that stall (`drip` and its kin) are left out: they measure a client's time-outs, not its speed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import socket
import sys
import time
import zlib
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import parse_qsl, urlsplit

import cv2
import numpy as np

from facekit.base import images
from facekit.world import searches
from facekit.world.content import Link
from facekit.world.faults import FAULTS

HOSTS = 100
BASES = 600
"""Drawn pictures; of those that one name has no two look alike."""

KINDS = ("404", "410", "500", "html", "html-as-jpeg", "truncated", "short", "cut", "unanswered", "flaky")
KINDS += ("needs-referer", "refuses-referer", "svg", "gif", "tiny", "noai", "empty")
"""The faults that are answered at once. Each is as frequent as any other."""

GOOD = ("", "flaky", "needs-referer", "refuses-referer")
"""What leads to a good picture, for those who know how."""

RECODED = {"gif": "gif", "tiny": "png"}
"""Faults that draw: done once, for all pictures."""

REASONS = {200: b"OK", 302: b"Found", 404: b"Not Found", 429: b"Too Many Requests"}


@cache
def base(number: int) -> bytes:
    """Return a JPEG of 160 x 160 pixels that looks like no other."""
    cells = np.random.default_rng(number).integers(0, 256, (12, 12, 3), np.uint8)
    return images.encode(np.asarray(cv2.resize(cells, (160, 160), interpolation=cv2.INTER_CUBIC), np.uint8), 85)


@cache
def recoded(kind: str) -> bytes:
    """Return the body that a fault makes of the first picture."""
    reply = Reply("", {})
    FAULTS[kind](reply, base(0))
    return bytes(reply.data).partition(b"\r\n\r\n")[2]


def marked(jpeg: bytes, text: str) -> bytes:
    """Return the same picture with a comment, so that its bytes, and nothing else, are its own."""
    note = text.encode()
    return jpeg[:2] + b"\xff\xfe" + (len(note) + 2).to_bytes(2, "big") + note + jpeg[2:]


@dataclass
class Small:
    """What the web holds: names with links to small pictures, some of them broken, always the same ones."""

    names: list[str]
    per_name: int
    faults: float
    places: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.places = {name: place for place, name in enumerate(self.names)}

    def links(self, query: str) -> list[Link]:
        """Return a name's links, on hosts in turn."""
        who = self.places.get(query)
        if who is None:
            return []
        return [Link(self.path(who, k), f"{query} {k}", 7 * who + k) for k in range(self.per_name)]

    def path(self, who: int, k: int) -> str:
        """Return the path of a picture, its fault included."""
        plain = f"/{who}/{k}.jpg"
        chance = zlib.crc32(plain.encode())
        broken = chance % 10_000 < self.faults * 10_000
        return f"/x/{KINDS[chance // 10_000 % len(KINDS)]}{plain}" if broken else plain

    def picture(self, path: str) -> bytes | None:
        """Return the bytes of `/<who>/<k>.jpg`; each path has its own."""
        who, _, k = path.strip("/").removesuffix(".jpg").partition("/")
        if not (who.isdigit() and k.isdigit() and int(who) < len(self.names) and int(k) < self.per_name):
            return None
        return marked(base((31 * int(who) + int(k)) % BASES), path)


class Site:
    """The state that all connections share; what the search engines must know of their server."""

    def __init__(self, content: Small, port: int, hosts: list[str], latency: float) -> None:
        self.content, self.port, self.hosts, self.latency = content, port, hosts, latency
        self.requests: Counter[str] = Counter()
        self.served: Counter[str] = Counter()

    @property
    def base_url(self) -> str:
        """The address of the search engines."""
        return f"http://127.0.0.1:{self.port}"

    def url(self, path: str, host: int = 0) -> str:
        """Return where a picture lies."""
        return f"http://{self.hosts[host % len(self.hosts)]}:{self.port}{path}"

    def variant(self, engine: str, words: str) -> str:
        """No search ends otherwise than it should."""
        return ""

    def control(self, what: str, query: dict[str, str]) -> bytes:
        """Answer who runs the benchmark."""
        if what == "latency":
            self.latency = float(query["seconds"])
            self.requests.clear()
            self.served.clear()
            return b"done"
        if what == "urls":
            names = [query["q"]] if "q" in query else self.content.names
            hits = (hit for name in names for hit in self._hits(name))
            return "".join(f"{url}\t{page}\n" for url, page in hits).encode()
        if what == "served":
            return "".join(f"{count}\t{path}\n" for path, count in self.served.items()).encode()
        values = {"requests": sum(self.requests.values()), "pictures": sum(self.served.values())}
        values |= {"distinct": len(self.served), "cpu": time.process_time()}
        return json.dumps(values).encode()

    def _hits(self, name: str) -> list[tuple[str, str]]:
        links = self.content.links(name)
        return [(self.url(link.path, link.host), f"{self.base_url}/pages/{k}.html") for k, link in enumerate(links, 1)]


class Client(asyncio.Protocol):
    """One connection: a request at a time, answered after the latency."""

    def __init__(self, site: Site) -> None:
        self.site, self._data = site, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, whole, rest = self._data.partition(b"\r\n\r\n")
        if whole:
            self._data = rest
            self._answer(head.decode("latin-1"))

    def _answer(self, head: str) -> None:
        first, *lines = head.split("\r\n")
        parts = urlsplit(first.split(" ")[1])
        query = dict(parse_qsl(parts.query))
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        reply = Reply(parts.path, headers)
        key = f"{parts.path}?{searches.words(query)}" if parts.path in searches.ROUTES else parts.path
        reply.seen = self.site.requests[key]
        if parts.path.startswith("/control/"):
            reply.send(200, self.site.control(parts.path.removeprefix("/control/"), query), "text/plain")
            return self._send(reply)
        self.site.requests[key] += 1
        if parts.path in searches.ROUTES:
            found = searches.ROUTES[parts.path](searches.Request(self.site, parts.path, query, headers, reply.seen))
            reply.send(found.status, found.body.encode(), found.kind, **found.headers)
            return self._send(reply)
        good = self._picture(reply)
        if self.site.latency:
            asyncio.get_running_loop().call_later(self.site.latency, self._send, reply, good)
            return None
        return self._send(reply, good)

    def _picture(self, reply: Reply) -> bool:
        """Fill the answer; return whether it is a good picture, sent whole."""
        kind, path = "", reply.path
        if path.startswith("/x/"):
            _, _, kind, rest = path.split("/", 3)
            path = f"/{rest}"
        data = self.site.content.picture(path)
        if data is None:
            reply.send(404, b"no such picture", "text/plain")
        elif kind in RECODED:
            reply.send(200, recoded(kind), f"image/{RECODED[kind]}")
        elif kind:
            FAULTS[kind](reply, data)
        else:
            reply.send(200, data)
        return kind in GOOD and reply.status == 200

    def _send(self, reply: Reply, good: bool = False) -> None:
        if good:
            self.site.served[reply.path] += 1
        self._transport.write(bytes(reply.data))
        if reply.closes:
            self._transport.close()


class Reply:
    """Collects what a fault sends: the drawn web's `Answer`."""

    def __init__(self, path: str, headers: dict[str, str]) -> None:
        self.path, self._headers = path, headers
        self.seen, self.status, self.data, self.closes = 0, 0, bytearray(), False

    def header(self, name: str) -> str | None:
        return self._headers.get(name.lower())

    def send(self, status: int, data: bytes, kind: str = "image/jpeg", **headers: str) -> None:
        self.status = status
        named = {"Content-Type": kind, "Content-Length": str(len(data))}
        named.update({name.replace("_", "-"): value for name, value in headers.items()})
        self.closes = named["Content-Length"] != str(len(data))
        lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        self.data += b"HTTP/1.1 %d %b\r\n%b\r\n" % (status, REASONS.get(status, b"-"), lines.encode("latin-1"))
        self.data += data

    def raw(self, data: bytes) -> None:
        self.closes = True
        self.data += data


def listening(port: int) -> list[socket.socket]:
    """Return sockets on 127.0.0.1 and, where the system has them, on the loopback addresses after it."""
    first = socket.create_server(("127.0.0.1", port), backlog=512)
    found = [first]
    for host in range(2, HOSTS + 2):
        try:
            found.append(socket.create_server((f"127.0.0.{host}", first.getsockname()[1]), backlog=512))
        except OSError:
            break
    return found


async def serve(content: Small, port: int, latency: float) -> None:
    """Serve until SIGTERM or SIGINT."""
    sockets = listening(port)
    port = sockets[0].getsockname()[1]
    hosts = [one.getsockname()[0] for one in sockets[1:] or sockets]
    site = Site(content, port, hosts, latency)
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for end in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(end, ended.set)
    servers = [await loop.create_server(lambda: Client(site), sock=one) for one in sockets]
    print(port, flush=True)
    await ended.wait()
    for server in servers:
        server.close()


def names(count: int) -> list[str]:
    """Return invented names, each another."""
    return [f"Person {number:04d}" for number in range(count)]


def main() -> None:
    """Draw the base pictures, then serve."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--names", type=int, default=20)
    asked.add_argument("--per-name", type=int, default=100)
    asked.add_argument("--port", type=int, default=0)
    asked.add_argument("--latency", type=float, default=0.0)
    asked.add_argument("--faults", type=float, default=0.1)
    chosen = asked.parse_args()
    content = Small(names(chosen.names), chosen.per_name, chosen.faults)
    for number in range(min(BASES, 31 * chosen.names + chosen.per_name)):
        base(number)
    for kind in RECODED:
        recoded(kind)
    asyncio.run(serve(content, chosen.port, chosen.latency))


if __name__ == "__main__":
    sys.exit(main())
