"""Who may talk to the page: whoever was told its address on this machine, and no other page of their browser."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

HOSTS = ("127.0.0.1", "localhost")
MOST_BYTES = 4_000_000
"""Longest body of a request; ten thousand decisions are a fifth of it."""

_HEADERS = (
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


class Guard:
    """An ASGI application around another: what it does not let pass gets one line that says why.

    The Host is looked at because a foreign name may be made to point here (DNS rebinding), the Origin because
    a foreign page may send a form, and the token because other users of the machine reach the port as well.
    """

    def __init__(self, app: App, token: str, cookie: str) -> None:
        self._app, self._token, self._cookie = app, token.encode(), cookie

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        request = _Request(scope)
        fault = request.fault()
        shown = scope["path"] == "/" and self._is_token(request.token)
        if fault is None and not shown and not self._is_token(request.cookie(self._cookie)):
            fault = 403, "open the address that `facekit review` shows: this one has no valid token"

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *_HEADERS, *(self._cookie_header() if shown else [])]
            await send(message)

        if fault is None:
            await self._app(scope, receive, answer)
        else:
            await _refuse(answer, *fault)

    def _is_token(self, given: bytes) -> bool:
        return hmac.compare_digest(given, self._token)

    def _cookie_header(self) -> Iterable[tuple[bytes, bytes]]:
        value = self._cookie.encode() + b"=" + self._token
        return [(b"set-cookie", value + b"; Path=/; HttpOnly; SameSite=Strict")]


class _Request:
    """What a request says of itself."""

    def __init__(self, scope: Message) -> None:
        self._scope = scope
        self._headers: dict[bytes, bytes] = {name.lower(): value for name, value in scope["headers"]}
        self._doubled = len(self._headers) < len(scope["headers"]) and _twice(scope["headers"], b"host", b"origin")

    @property
    def token(self) -> bytes:
        query: str = self._scope["query_string"].decode("latin-1")
        return parse_qs(query).get("token", [""])[0].encode()

    def cookie(self, name: str) -> bytes:
        try:
            found = SimpleCookie(self._headers.get(b"cookie", b"").decode("latin-1")).get(name)
        except CookieError:
            return b""
        return found.value.encode("latin-1", "replace") if found else b""

    def fault(self) -> tuple[int, str] | None:
        """Return status and reason where the request comes from where it must not."""
        host = self._headers.get(b"host", b"").decode("latin-1")
        if self._doubled or host.rpartition(":")[0] not in HOSTS and host not in HOSTS:
            return 403, "this page answers to 127.0.0.1 and localhost alone"
        if self._scope["method"] not in ("GET", "POST"):
            return 405, "only GET and POST"
        return self._foreign(host)

    def _foreign(self, host: str) -> tuple[int, str] | None:
        origin = self._headers.get(b"origin", b"").decode("latin-1")
        site = self._headers.get(b"sec-fetch-site", b"none")
        posted = self._scope["method"] == "POST"
        if (posted or origin) and origin != f"http://{host}":
            return 403, "another page may not ask this one"
        if site not in (b"same-origin", b"none") and (posted or self._scope["path"] != "/"):
            return 403, "another page may not ask this one"
        return self._body() if posted else None

    def _body(self) -> tuple[int, str] | None:
        if self._headers.get(b"content-type", b"").partition(b";")[0].strip() != b"application/json":
            return 415, "only application/json"
        length = self._headers.get(b"content-length", b"")
        if not length.isdigit() or int(length) > MOST_BYTES:
            return 413, f"at most {MOST_BYTES} bytes"
        return None


def _twice(headers: Iterable[tuple[bytes, bytes]], *names: bytes) -> bool:
    found = [name.lower() for name, _ in headers]
    return any(found.count(name) > 1 for name in names)


async def _refuse(send: Send, status: int, reason: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": reason.encode() + b"\n"})
