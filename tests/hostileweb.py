"""A web that means harm: a search for one of `BEHAVIOURS` is answered by a page, or a server, that does what it says.

Everything is real HTTP on 127.0.0.1. `Trap` listens where no page may lead a browser: on another port of this machine,
on another loopback address where there is one, and for UDP; it counts who comes.
"""

from __future__ import annotations

import gzip
import html
import json
import os
import random
import selectors
import socket
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from connections import is_foreign_peer

PRIVATE = "10.{}.{}.{}".format(*os.urandom(2), random.randint(1, 254))
"""An address of somebody's network, to which nobody may connect. Another one each time, so that nobody else does."""

OTHER_HOST = "127.66.0.1"
"""A loopback address that plays a private host; macOS has none beside 127.0.0.1."""

MB = 1_000_000


class Trap:
    """Counts connections and datagrams that nobody should send."""

    def __init__(self) -> None:
        self.caught: Counter[str] = Counter()
        self._sockets = [socket.create_server(("127.0.0.1", 0))]
        with suppress(OSError):
            self._sockets.append(socket.create_server((OTHER_HOST, 0)))
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        self._sockets.append(udp)
        self.addresses = ["{}:{}".format(*one.getsockname()) for one in self._sockets]
        self._open = True
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def udp(self) -> str:
        """Where datagrams are counted."""
        return self.addresses[-1]

    def close(self) -> None:
        self._open = False
        self._thread.join()
        for one in self._sockets:
            one.close()

    def _run(self) -> None:
        with selectors.DefaultSelector() as ready:
            for one, address in zip(self._sockets, self.addresses, strict=True):
                ready.register(one, selectors.EVENT_READ, address)
            while self._open:
                for key, _ in ready.select(0.1):
                    with suppress(OSError):
                        self._note(key.data, key.fileobj)  # type: ignore[arg-type]

    def _note(self, address: str, one: socket.socket) -> None:
        """Count who comes. A port may have been somebody else's before, whose clients still ask for it."""
        if address == self.udp:
            foreign = is_foreign_peer("udp", one.recvfrom(2048)[1][1])
        else:
            caller, peer = one.accept()
            foreign = is_foreign_peer("tcp", peer[1])
            caller.close()
        if not foreign:
            self.caught[address] += 1


class Hostile(ThreadingHTTPServer):
    """The server of every behaviour."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: Counter[str] = Counter()
        self.trap = Trap()
        self.ending = threading.Event()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Browsers that are killed hang up."""


@contextmanager
def serve() -> Iterator[Hostile]:
    """Serve while the block runs."""
    web = Hostile()
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield web
    finally:
        web.ending.set()
        web.shutdown()
        thread.join()
        web.server_close()
        web.trap.close()


class _Handler(BaseHTTPRequestHandler):
    server: Hostile
    protocol_version = "HTTP/1.1"
    timeout = 120

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.server.requests[f"{parts.path}?{self.query.get('q', '')}"] += 1
        behaviour = HELPERS.get(parts.path) or ALL.get(self.query.get("q", ""), _nothing)
        with suppress(OSError):
            behaviour(self)

    do_POST = do_GET

    def page(
        self, body: str | bytes, status: int = 200, kind: str = "text/html; charset=utf-8", **headers: str
    ) -> None:
        """Send a whole answer; in a header's name `_` stands for `-`."""
        data = body.encode(errors="surrogatepass") if isinstance(body, str) else body
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def begin(self, kind: str = "text/html; charset=utf-8", **headers: str) -> None:
        """Send the head of an answer that ends with the connection."""
        self.close_connection = True
        self.send_response(200)
        for name, value in {"Content-Type": kind, "Connection": "close", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def pour(self, part: bytes, times: int | None = None, pause: float = 0.0) -> None:
        """Send a part again and again, until the client or the test has had enough."""
        count = 0
        while (times is None or count < times) and not self.server.ending.wait(pause):
            self.wfile.write(part)
            count += 1

    def wait(self) -> None:
        """Do nothing until the test is over."""
        self.close_connection = True
        self.server.ending.wait()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


Behaviour = Callable[[_Handler], None]


def card(**more: Any) -> str:
    """A card as Bing has it."""
    m = {"murl": "http://127.0.0.1:9/a.jpg", "purl": "http://127.0.0.1:9/", "turl": "", "t": "T", **more}
    return f'<li><a class="iusc" m="{html.escape(json.dumps(m))}">x</a></li>'


def script(source: str, cards: int = 0) -> Behaviour:
    """A page with a script, and so many good cards before it."""

    def answer(request: _Handler) -> None:
        trap = request.server.trap
        made = source.replace("$PORT", str(request.server.server_port)).replace("$PRIVATE", PRIVATE)
        made = made.replace("$TRAPS", json.dumps(trap.addresses[:-1])).replace("$UDP", trap.udp)
        good = "".join(card(murl=f"http://127.0.0.1:9/{k}.jpg") for k in range(cards))
        request.page(f"<!DOCTYPE html><title>x</title><ul>{good}</ul><script>{made}</script>")

    return answer


def text(body: str | bytes, status: int = 200, kind: str = "text/html; charset=utf-8", **headers: str) -> Behaviour:
    """A page that is what it is."""
    return lambda request: request.page(body, status, kind, **headers)


def to_trap(make: Callable[[str], str]) -> Behaviour:
    """A page that leads to every trap, and to a private address."""

    def answer(request: _Handler) -> None:
        addresses = [PRIVATE, f"{PRIVATE}:8080", *request.server.trap.addresses[:-1]]
        request.page("<!DOCTYPE html><title>x</title>" + "".join(make(f"http://{one}/") for one in addresses))

    return answer


def redirect(where: Callable[[_Handler], str]) -> Behaviour:
    return lambda request: request.page("", 302, Location=where(request))


def _nothing(request: _Handler) -> None:
    request.page("<div class='no_results'>nothing</div>")


def _hang(request: _Handler) -> None:
    request.wait()


def _drip_head(request: _Handler) -> None:
    request.close_connection = True
    request.wfile.write(b"HTTP/1.1 200 OK\r\n")
    request.pour(b"X-A: 0\r\n", pause=0.2)


def _drip_body(request: _Handler) -> None:
    request.begin()
    request.pour(b"<p>x", pause=0.2)


def _drip_length(request: _Handler) -> None:
    request.begin(Content_Length="1000000")
    request.pour(b"<p>x", pause=0.2)


def _endless(request: _Handler) -> None:
    request.begin()
    request.pour(b"<p>endless</p>" * 5000)


def _endless_head(request: _Handler) -> None:
    request.close_connection = True
    request.wfile.write(b"HTTP/1.1 200 OK\r\n")
    request.pour(b"X-A: " + b"0" * 60_000 + b"\r\n")


def _huge_card(request: _Handler) -> None:
    request.begin()
    request.wfile.write(b'<!DOCTYPE html><title>x</title><a class="iusc" m="')
    request.pour(b"x" * MB, 200)
    request.wfile.write(b'">x</a>')


def _many_cards(request: _Handler) -> None:
    request.begin()
    request.wfile.write(b"<!DOCTYPE html><title>x</title>")
    for start in range(0, 100_000, 1000):
        cards = "".join(card(murl=f"http://127.0.0.1:9/{k}.jpg") for k in range(start, start + 1000))
        request.wfile.write(cards.encode())


def _garbage(request: _Handler) -> None:
    request.close_connection = True
    request.wfile.write(bytes(range(256)) * 100)


def _odd_status(request: _Handler) -> None:
    request.close_connection = True
    request.wfile.write(b"HTTP/1.1 999 \x1b]0;title\x07\r\nContent-Length: 0\r\n\r\n")


@cache
def _block() -> bytes:
    """Ten megabytes of spaces, deflated so that copies of it may follow one another."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(b" " * (10 * MB)) + packer.flush(zlib.Z_FULL_FLUSH)


def _bomb(request: _Handler) -> None:
    """Four gigabytes in four megabytes."""
    request.begin(Content_Encoding="gzip")
    request.wfile.write(gzip.compress(b"")[:10])
    request.pour(_block(), 400)


def _download(request: _Handler) -> None:
    request.begin("application/octet-stream", Content_Disposition='attachment; filename="x.bin"')
    request.pour(bytes(MB))


def _authenticate(request: _Handler) -> None:
    request.page("who?", 401, WWW_Authenticate='Basic realm="x"')


def _stream(request: _Handler) -> None:
    request.begin("application/json")
    request.pour(b'{"results": [' + b'{"image": 1},' * 10_000)


def _token(request: _Handler) -> None:
    request.page('<!DOCTYPE html><title>x</title><script>vqd="4-1";</script>')


def _sets_cookies(request: _Handler) -> None:
    request.close_connection = True
    request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n")
    for number in range(3000):
        request.wfile.write(f"Set-Cookie: c{number}={'x' * 60}\r\n".encode())
    request.wfile.write(b"\r\nhi")


HELPERS: dict[str, Behaviour] = {
    "/download": _download,
    "/endless": _endless,
    "/hang": _hang,
    "/i.js": _stream,
    "/worker.js": text(
        "addEventListener('install', e => skipWaiting());"
        "addEventListener('activate', e => e.waitUntil(clients.claim()));"
        "addEventListener('fetch', e => e.respondWith(new Promise(() => {})));",
        kind="text/javascript",
    ),
    "/hog.js": text("const kept = []; for (;;) kept.push(new Uint8Array(2e7).fill(1));", kind="text/javascript"),
}

_REACH = """
const traps = [...$TRAPS, '$PRIVATE', '$PRIVATE:8080', '169.254.169.254', 'localhost:9', '[::1]:9'];
"""

BEHAVIOURS: dict[str, Behaviour] = {
    # The server
    "hangs before headers": _hang,
    "drips headers": _drip_head,
    "drips the body": _drip_body,
    "drips a body of known length": _drip_length,
    "endless body": _endless,
    "endless headers": _endless_head,
    "garbage": _garbage,
    "odd status": _odd_status,
    "thousands of cookies": _sets_cookies,
    "gzip bomb": _bomb,
    "not gzip": text("<p>plain", Content_Encoding="gzip"),
    "bad encodings": text(b"\xff\xfe\x00\xd8<\x00t\x00i\x00\xfd\x80" * 5000, kind="text/html; charset=utf-7"),
    "a picture": text(b"\xff\xd8\xff\xe0" + bytes(5000), kind="image/jpeg"),
    "an archive": text(b"PK\x03\x04" + bytes(5000), kind="application/zip"),
    "a download": _download,
    "asks for a password": _authenticate,
    "redirects for ever": redirect(lambda request: f"{request.path}&x"),
    # What a search reads
    "200 MB in a card": _huge_card,
    "100,000 cards": _many_cards,
    "deep JSON": text("<title>x</title>" + f"<a class=iusc m='{'[' * 9000}'>x</a>" * 50),
    "odd JSON": text("<title>x</title>" + card(murl={"a": []}) + card(t=[1], purl=7) + card(murl="http://[") * 20),
    "long addresses": text("<title>x</title>" + card(murl="http://127.0.0.1:9/" + "x" * 9000) * 50),
    "lying scripts": script(
        "const big = 'x'.repeat(5e7);"
        "for (const name of ['slice', 'map', 'filter', 'some', 'find'])"
        " Array.prototype[name] = () => Array(50).fill(big);"
        "String.prototype.slice = () => big; Array.from = () => [big, {}, 7];"
        "document.querySelectorAll = () => [big]; document.querySelector = () => big;",
        cards=5,
    ),
    "answers of another type": script(
        "document.querySelectorAll = () => ({length: {}, *[Symbol.iterator]() { yield* [1, 2]; }})"
    ),
    "lists of nothing": script("Array.prototype.map = () => JSON.parse('[' + '[],'.repeat(7e6) + '[]]'); ", cards=5),
    "a new card for every look": script(
        "const more = () => document.querySelector('ul').insertAdjacentHTML('beforeend', "
        "'<a class=iusc m=x>x</a>'.repeat(100)); setInterval(more, 1)",
        cards=1,
    ),
    # The browser
    "never stops": script("for (;;);"),
    "never stops, with cards": script("setTimeout(() => { for (;;); }, 300)", cards=5),
    "fills memory": script("const kept = []; for (;;) kept.push(new Uint8Array(2e7).fill(1))"),
    "fills memory, with cards": script(
        "const kept = []; setInterval(() => kept.push(new Uint8Array(5e7).fill(1)), 1)", cards=5
    ),
    "fills the heap": script("const kept = []; for (let k = 0;; k++) kept.push({k, text: 'x' + k})"),
    "grows the document": script("for (;;) document.body.insertAdjacentHTML('beforeend', '<p>x</p>'.repeat(1e4))"),
    "long strings": script(
        "let text = 'x'; const kept = []; for (;;) { text += text.slice(0, 1e8); kept.push([...text]) }"
    ),
    "nested deeply": text("<title>x</title>" + "<div>" * 300_000),
    "workers that fill memory": script("for (let k = 0; k < 16; k++) new Worker('/hog.js')"),
    "frames in frames": script(
        "for (let k = 0; k < 30; k++)"
        " document.body.append(Object.assign(document.createElement('iframe'), {src: location}))"
    ),
    "fills the disk": script(
        "(async () => { const cache = await caches.open('x'); for (let k = 0;; k++)"
        " await cache.put('/' + k, new Response(new Uint8Array(2e7).map((_, k) => k * 7 + k / 3))) })()",
        cards=5,
    ),
    "shared memory": script(
        "const kept = []; for (let k = 0; k < 500; k++) { const c = document.createElement('canvas');"
        " c.width = c.height = 4000; c.getContext('2d').fillRect(0, 0, 9, 9); kept.push(c) }"
    ),
    "opens windows": script("for (let k = 0; k < 500; k++) window.open('/endless?' + k)"),
    "dialogs without end": script("for (;;) { alert('x'); confirm('y'); prompt('z') }"),
    "a dialog when it is left": script(
        "onbeforeunload = event => { event.preventDefault(); return event.returnValue = 'stay' }", cards=2
    ),
    "prints": script("setInterval(() => print(), 1)"),
    "a worker that keeps the page": script(
        "navigator.serviceWorker.register('/worker.js').then(() => navigator.serviceWorker.ready)"
        ".then(() => location.reload())"
    ),
    "reloads for ever": script("location.reload()"),
    "history for ever": script("for (;;) { history.pushState({}, '', '?' + Math.random()); history.back() }"),
    "an address of 1 MB": script("history.pushState({}, '', '?' + 'x'.repeat(1e6))"),
    "goes to a giant data address": script("location = 'data:text/html,' + 'x'.repeat(5e7)"),
    "frames of giant data addresses": script(
        "for (let k = 0; k < 20; k++) document.body.append(Object.assign(document.createElement('iframe'),"
        " {src: 'data:text/html,' + 'x'.repeat(2e7)}))"
    ),
    "goes to files": script(
        "for (const where of ['file:///etc/passwd', 'chrome://version', 'view-source:' + location, 'about:blank'])"
        " { open(where); try { location = where } catch {} }"
    ),
    "starts downloads": script(
        "setInterval(() => { const a = document.createElement('a'); a.href = '/download?' + Math.random();"
        " a.download = 'x'; document.body.append(a); a.click() }, 50)",
        cards=2,
    ),
    # Where nobody may go
    "redirects to a private address": redirect(lambda request: f"http://{PRIVATE}/"),
    "redirects to another server": redirect(lambda request: f"http://{request.server.trap.addresses[0]}/"),
    "refreshes to a private address": to_trap(lambda url: f"<meta http-equiv=refresh content='0;url={url}'>"),
    "frames of a private address": to_trap(
        lambda url: f"<iframe src={url}></iframe><embed src={url}><object data={url}>"
    ),
    "loads from a private address": to_trap(
        lambda url: (
            f"<link rel=stylesheet href={url}><script src={url}></script><img src={url}><video src={url}></video>"
            f"<link rel=preconnect href={url}><link rel=prefetch href={url}><link rel=dns-prefetch href={url}>"
        )
    ),
    "posts to a private address": to_trap(
        lambda url: f"<form method=post action={url}></form><script>document.forms[0].submit()</script>"
    ),
    "scripts to private addresses": script(
        _REACH + "for (const one of traps) { fetch(`http://${one}/`, {mode: 'no-cors'}).catch(() => {});"
        " navigator.sendBeacon(`http://${one}/`, 'x'); new EventSource(`http://${one}/`); new WebSocket(`ws://${one}/`);"
        " const asked = new XMLHttpRequest(); asked.open('GET', `http://${one}/`); asked.send(); new Image().src = `http://${one}/`;"
        " try { new WebTransport(`https://${one}/`) } catch {} }",
        cards=2,
    ),
    "datagrams": script(
        _REACH + "const urls = ['stun:$UDP', ...traps.map(one => 'stun:' + one)];"
        " urls.push(...traps.map(one => `turn:${one}?transport=tcp`));"
        " const peer = new RTCPeerConnection({iceServers: urls.map(urls => ({urls, username: 'a', credential: 'b'}))});"
        " peer.createDataChannel('x'); peer.createOffer().then(offer => peer.setLocalDescription(offer))",
        cards=2,
    ),
    "private names": script(
        "for (const one of ['localhost', 'metadata.google.internal', 'router.lan', '2130706433', '0x7f.1', 'wpad'])"
        " for (const port of ['', ':9', ':$PORT'])"
        " { new Image().src = `http://${one}${port}/`; fetch(`http://${one}${port}/`).catch(() => {}) }",
        cards=2,
    ),
}
"""What is searched for -> what answers."""

_THUMB = "https://encrypted-tbn0.gstatic.com/images?q=tbn:x"

GOOGLES: dict[str, Behaviour] = {
    "state without end": script(
        "const one = ['id', ['" + _THUMB + "', 1, 2], ['http://127.0.0.1:9/' + 'x'.repeat(1e6), 3, 4]];"
        " window.W_jd = new Proxy({}, {ownKeys: () => Array.from({length: 1e5}, (_, k) => 'k' + k),"
        " getOwnPropertyDescriptor: () => ({enumerable: true, configurable: true}), get: () => one})"
    ),
    "state that throws": script(
        "window.W_jd = {get a() { throw 1 }, b: {get c() { for (let k = 0; k < 1e6; k++); return this }},"
        " d: new Proxy({}, {ownKeys() { throw 2 }})}"
    ),
    "giant scripts": text(f"<title>x</title><script>/* {_THUMB} {'x' * 30 * MB} */</script>" * 2),
    "many links": text("<title>x</title><div data-docid=x></div>" + "<a href='/imgres?imgurl=x'><img></a>" * 50_000),
}
"""What only Google's pages are read for."""

DUCKS: dict[str, Behaviour] = {
    "results without end": _token,
    "a token without end": text(f"<title>x</title>vqd='{'x' * 5 * MB}'"),
}
"""What only DuckDuckGo's are; the answers of `/i.js` never end."""


ALL = {**BEHAVIOURS, **GOOGLES, **DUCKS}
