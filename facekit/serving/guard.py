"""Access control of a local server: only requests with its token, and none from other pages in the browser."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any, NamedTuple
from urllib.parse import parse_qs

Message = MutableMapping[str, Any]
"""A scope or an event of ASGI."""

Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
"""An ASGI application."""

_MAX_FIELDS = 16
"""Fields of the query in which a token is looked for."""

LOOPBACK = ("127.0.0.1", "localhost")

HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)


@dataclass(frozen=True)
class Access:
    """Who may use a server."""

    token: str
    """The page's address carries it once; after that a cookie does."""
    cookie: str
    """The cookie's name. Cookies know no ports: two servers on one machine need two names."""
    command: str
    """The command that prints the address, for requests without the token."""
    hosts: tuple[str, ...] = LOOPBACK
    """The names in the Host header that are answered."""


@dataclass(frozen=True)
class Limits:
    """How much of a request is read, and for how long."""

    body_bytes: int = 4_000_000
    body_seconds: float = 20.0
    """Seconds from the head of a request to the end of its body."""
    head_seconds: float = 10.0
    """Seconds from the first byte of a request to the end of its head."""
    connections: int = 256


class Refusal(NamedTuple):
    """The answer to a request that is not let through."""

    status: int
    reason: str


class Guard:
    """An ASGI application around another; a request that it does not let through gets one line that says why.

    The Host is checked because a foreign name may be made to point here (DNS rebinding), the Origin because a
    foreign page may send a form, and the token because other users of the machine reach the port as well. The
    application gets the whole body at once: a slow or endless one never reaches it.
    """

    def __init__(self, app: App, access: Access, limits: Limits | None = None) -> None:
        self._app, self._access, self._limits = app, access, limits or Limits()
        self._token = access.token.encode()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        request = _Request(scope, self._access.hosts, self._limits.body_bytes)
        refusal = request.refusal()
        opens = refusal is None and scope["path"] == "/" and self._is_token(request.token)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *HEADERS, *(self._set_cookie() if opens else [])]
            await send(message)

        refusal = refusal or (None if opens else self._without_cookie(request))
        body = b"" if refusal or not request.has_body else await self._read(receive)
        if isinstance(body, bytes) and refusal is None:
            await self._app(scope, replay(body, receive), answer)
        else:
            await _refuse(answer, refusal or Refusal(*body))

    def _is_token(self, value: bytes) -> bool:
        return hmac.compare_digest(value, self._token)

    def _without_cookie(self, request: _Request) -> Refusal | None:
        if self._is_token(request.cookie(self._access.cookie)):
            return None
        return Refusal(403, f"open the address that `{self._access.command}` shows: this one has no valid token")

    def _set_cookie(self) -> Iterable[tuple[bytes, bytes]]:
        value = self._access.cookie.encode() + b"=" + self._token
        return [(b"set-cookie", value + b"; Path=/; HttpOnly; SameSite=Strict")]

    async def _read(self, receive: Receive) -> bytes | Refusal:
        """Return the whole body, or why it is not read to its end."""
        limits = self._limits
        try:
            async with asyncio.timeout(limits.body_seconds):
                return await whole_body(receive, limits.body_bytes)
        except TimeoutError:
            return Refusal(408, f"the body did not arrive within {limits.body_seconds:g} seconds")


class _Request:
    """What the head of a request says."""

    def __init__(self, scope: Message, hosts: tuple[str, ...], max_bytes: int) -> None:
        self._scope, self._hosts, self._max_bytes = scope, hosts, max_bytes
        self._headers: Mapping[bytes, bytes] = {name.lower(): value for name, value in scope["headers"]}
        self._doubled = doubled(scope["headers"], b"host", b"origin")

    @property
    def has_body(self) -> bool:
        return bool(self._scope["method"] == "POST")

    @property
    def token(self) -> bytes:
        query: str = self._scope["query_string"].decode("latin-1")
        try:
            return parse_qs(query, max_num_fields=_MAX_FIELDS).get("token", [""])[0].encode()
        except ValueError:
            return b""

    def cookie(self, name: str) -> bytes:
        try:
            morsel = SimpleCookie(self._headers.get(b"cookie", b"").decode("latin-1")).get(name)
        except CookieError:
            return b""
        return morsel.value.encode("latin-1", "replace") if morsel else b""

    def refusal(self) -> Refusal | None:
        """Return status and reason where the request comes from where it must not."""
        host = self._headers.get(b"host", b"").decode("latin-1")
        if self._doubled or not {host, host.rpartition(":")[0]} & {*self._hosts}:
            return Refusal(403, f"this server answers only at {' and '.join(self._hosts)}")
        if self._scope["method"] not in ("GET", "POST"):
            return Refusal(405, "only GET and POST are allowed")
        return self._foreign(host) or (self._bad_body() if self.has_body else None)

    def _foreign(self, host: str) -> Refusal | None:
        origin = self._headers.get(b"origin", b"").decode("latin-1")
        site = self._headers.get(b"sec-fetch-site", b"none")
        if (self.has_body or origin) and origin != f"http://{host}":
            return Refusal(403, "requests from other pages are refused")
        if site not in (b"same-origin", b"none") and (self.has_body or self._scope["path"] != "/"):
            return Refusal(403, "requests from other pages are refused")
        return None

    def _bad_body(self) -> Refusal | None:
        if self._headers.get(b"content-type", b"").partition(b";")[0].strip() != b"application/json":
            return Refusal(415, "only application/json is accepted")
        length = self._headers.get(b"content-length", b"")
        if not length.isdigit() or len(length) > 18 or int(length) > self._max_bytes:
            return Refusal(413, f"at most {self._max_bytes} bytes")
        return None


def doubled(headers: Iterable[tuple[bytes, bytes]], *names: bytes) -> bool:
    """Whether one of these headers was sent more than once: who reads the first and who the last would disagree."""
    sent = [name.lower() for name, _ in headers]
    return any(sent.count(name) > 1 for name in names)


async def whole_body(receive: Receive, most: int) -> bytes | Refusal:
    """Return the body of a request; of one with more bytes than `most`, or that ends early, why it is refused."""
    parts, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return Refusal(400, "the body ends early")
        parts += message.get("body", b"")
        more = message.get("more_body", False)
        if len(parts) > most:
            return Refusal(413, f"at most {most} bytes")
    return bytes(parts)


def replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives the body which has been read, then whatever comes next."""
    waiting = [body]

    async def replayed() -> Message:
        return {"type": "http.request", "body": waiting.pop(), "more_body": False} if waiting else await receive()

    return replayed


async def _refuse(send: Send, refusal: Refusal) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": refusal.reason.encode() + b"\n"})
