"""Who may ask an API server, how much, and how many at a time: what is refused here reaches no route.

The Host is checked because a foreign name may be made to point here (DNS rebinding), the Origin because a page of
another site may send a form, and the key because everybody else may reach the port as well. Only then is the body read,
up to a size and within a time, and only where not too many requests are under way.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from facekit.options.keys import Scope
from facekit.options.serve import Serve
from facekit.serving import logs
from facekit.serving.guard import HEADERS, App, Message, Receive, Send, doubled, replay, whole_body
from facekit.serving.keys import Access, Key, allows
from facekit.serving.metrics import UNDER_WAY
from facekit.serving.problems import Problem

BODY_SECONDS = 20.0
"""Seconds from the head of a request to the end of its body."""

_OPEN = re.compile(r"/(healthz|readyz|openapi\.json)?")
"""Paths that need no key: they say nothing of anybody."""

GONE = 499
"""What the log and the metrics call a request whose sender did not wait for the answer, as nginx does."""

STATIC = "/static/"

METHODS = ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS")
"""Methods that the log and the metrics call by name: a stranger cannot fill both with made-up ones."""

_ASKS = re.compile(r"/v1/(detect|identify|verify|analyze)")
_ADMIN = re.compile(r"/v1/people/[^/]+/merge")

_BEARER = "bearer "


def needed(method: str, path: str) -> Scope | None:
    """Return the scope that a request needs; None where it needs no key."""
    if method in ("GET", "HEAD"):
        return None if _OPEN.fullmatch(path) or path.startswith(STATIC) else "read"
    if method == "POST" and _ASKS.fullmatch(path):
        return "read"
    return "admin" if method == "DELETE" or _ADMIN.fullmatch(path) else "write"


@dataclass
class Passing:
    """A request under way: what its line in the log says."""

    method: str
    path: str
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    key: Key | None = None
    status: int = 0
    bytes: int = 0
    route: str = ""
    began: float = field(default_factory=time.perf_counter)
    more: dict[str, object] = field(default_factory=dict)
    """What the route has to say: counts and durations."""


class Gate:
    """An ASGI application around another."""

    def __init__(
        self,
        app: App,
        settings: Serve,
        access: Callable[[], Access | None],
        done: Callable[[Passing], None] = lambda passing: None,
    ) -> None:
        """Let through whom `access`, the keys as they are now, knows; None: they cannot be told, so nobody.

        `done` is told of each request at its end.
        """
        self._app, self._settings, self._access, self._done = app, settings, access, done
        self._names = {"localhost", socket.gethostname().lower(), settings.host.lower()}
        self._names |= {name.lower() for name in settings.allowed_host}
        self._most_bytes = settings.max_megabytes * 1_000_000
        self.under_way = 0
        self.failure: Exception | None = None
        """What the application has not started for."""

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
        if scope["type"] != "http":
            return
        passing = Passing(scope["method"] if scope["method"] in METHODS else "other", scope["path"])
        answer = _Answer(send, passing)
        try:
            problem = await self._refused(scope, receive, answer, passing)
            if problem is not None and not passing.status:
                await problem.response()(scope, receive, answer)
        finally:
            passing.route = getattr(scope.get("route"), "path", "")
            self._done(passing)

    async def _live(self, scope: Message, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            self.failure = error
            raise

    async def _refused(self, scope: Message, receive: Receive, send: Send, passing: Passing) -> Problem | None:
        """Have a request answered; return why it is not, if it is not."""
        try:
            await self._pass(scope, receive, send, passing)
        except Problem as problem:
            return problem
        except asyncio.CancelledError:  # the server ends, and has waited as long as `--grace` says
            return Problem("not-ready", "the server is being stopped")
        except Exception as error:  # noqa: BLE001 - uvicorn would write its message, which may hold a name
            logs.write_fault("bug", error, request=passing.id)
            return Problem("bug", "see the server's log", request=passing.id)
        return None

    async def _pass(self, scope: Message, receive: Receive, send: Send, passing: Passing) -> None:
        headers = _Headers(scope)
        self._check_place(headers, passing)
        self._check_key(headers, passing)
        scope.setdefault("state", {})["passing"] = passing
        if scope["method"] in ("GET", "HEAD"):
            await self._timed(scope, replay(b"", receive), send)
            return
        headers.check_length(self._most_bytes)
        if self.under_way >= self._settings.queue:
            raise Problem("busy", f"{self.under_way} requests are under way already; send it again in a moment")
        self._count(1)
        try:
            await self._timed(scope, await self._whole(receive, passing), send, receive)
        except _Gone:
            passing.status = GONE
        finally:
            self._count(-1)

    def _count(self, more: int) -> None:
        self.under_way += more
        UNDER_WAY.inc(more)

    def _check_place(self, headers: _Headers, passing: Passing) -> None:
        if headers.doubled or not self.is_ours(headers["host"]):
            raise Problem(
                "foreign-host",
                "this name is not this server's; name it with --allowed-host where the server is started",
            )
        origin, site = headers["origin"], headers["sec-fetch-site"] or "none"
        if origin and _place(origin) != headers["host"].lower():
            raise Problem("foreign-origin", "pages of other sites may not ask this server")
        if site not in ("same-origin", "none") and needed(passing.method, passing.path) is not None:
            raise Problem("foreign-origin", "pages of other sites may not ask this server")

    def is_ours(self, host: str) -> bool:
        """Whether a Host header is this server's. An address in numbers is: nobody can make that point elsewhere."""
        name = _name(host)
        return name is not None and (name in self._names or _is_address(name))

    def _check_key(self, headers: _Headers, passing: Passing) -> None:
        scope = needed(passing.method, passing.path)
        if scope is None or not self._settings.keys:
            return
        access = self._access()
        if access is None:
            raise Problem("not-ready", "the keys cannot be read now")
        given = headers["authorization"]
        passing.key = access.holder(given[len(_BEARER) :].strip()) if given.lower().startswith(_BEARER) else None
        if passing.key is None:
            raise Problem("no-key", "send a key that `facekit keys create` made, as `Authorization: Bearer KEY`")
        if not allows(passing.key, scope):
            raise Problem("no-right", f"this needs a key with the scope {scope}, and this one has {passing.key.scope}")

    async def _whole(self, receive: Receive, passing: Passing) -> Receive:
        """Return what gives the body of a request, once it is there. Nobody else holds it: it may be large."""
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await whole_body(receive, self._most_bytes)
        except TimeoutError:
            raise Problem("too-slow", f"the body did not arrive within {BODY_SECONDS:g} seconds") from None
        if isinstance(body, bytes):
            passing.bytes = len(body)
            return replay(body, receive)
        raise Problem("too-large" if body.status == 413 else "bad-request", body.reason)

    async def _timed(self, scope: Message, replayed: Receive, send: Send, receive: Receive | None = None) -> None:
        """Have the application answer within the time; with `receive`, only while whoever asked is there."""
        try:
            async with asyncio.timeout(self._settings.timeout) as clock:
                answering = self._app(scope, replayed, send)
                await (answering if receive is None else _attended(answering, receive))
        except TimeoutError:
            if not clock.expired():
                raise
            raise Problem("timed-out", f"there was no answer within {self._settings.timeout:g} seconds") from None


async def _attended(answering: Awaitable[None], receive: Receive) -> None:
    """Wait for an answer; give it up where nobody waits for it any more, which makes room for others. Raises _Gone."""
    answer, gone = asyncio.ensure_future(answering), asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait((answer, gone), return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise _Gone
        await answer
    finally:
        for task in (answer, gone):
            task.cancel()
        await asyncio.gather(answer, gone, return_exceptions=True)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class _Gone(Exception):
    """Whoever asked has closed the connection."""


class _Answer:
    """Sends an answer, with the headers that all answers have."""

    def __init__(self, send: Send, passing: Passing) -> None:
        self._send, self._passing = send, passing

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._passing.status = message["status"]
            given = list(message.get("headers", []))
            names = {name.lower() for name, _ in given}
            extra = [*HEADERS, (b"cache-control", b"no-store"), (b"x-request-id", self._passing.id.encode())]
            message["headers"] = [*given, *((name, value) for name, value in extra if name not in names)]
        await self._send(message)


class _Headers:
    """The head of a request."""

    def __init__(self, scope: Message) -> None:
        self._held: Mapping[bytes, bytes] = {name.lower(): value for name, value in scope["headers"]}
        self.doubled = doubled(scope["headers"], b"host", b"origin", b"authorization", b"content-length")

    def __getitem__(self, name: str) -> str:
        return self._held.get(name.encode(), b"").decode("latin-1")

    def check_length(self, most: int) -> None:
        """Refuse a body that says that it is too large, before any of it is read. Raises Problem."""
        length = self["content-length"]
        if length and self["transfer-encoding"]:
            raise Problem("bad-request", "Content-Length and Transfer-Encoding: a proxy may see another request in it")
        if length and not (length.isascii() and length.isdigit() and len(length) <= 18):
            raise Problem("bad-request", "Content-Length is no number")
        if length and int(length) > most:
            raise Problem("too-large", f"at most {most} bytes")


def _place(origin: str) -> str | None:
    """Return host and port of an Origin header; None where it is none."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


def _name(host: str) -> str | None:
    """Return the name in a Host header, without a port; None where it is none."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        return None
    whole = parts.netloc == host and not parts.username and parts.password is None
    return parts.hostname if whole else None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
