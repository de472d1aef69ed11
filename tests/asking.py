"""A real API server in a thread of the tests' own, and what asks it."""

from __future__ import annotations

import http.client
import json
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn

from facekit.options.keys import Scope
from facekit.options.serve import Serve
from facekit.serving.app import build
from facekit.serving.gate import Gate
from facekit.serving.keys import create
from facekit.serving.server import listen
from facekit.serving.targets import keys_of
from facekit.serving.workers import config


@dataclass
class Reply:
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def problem(self) -> str:
        """The name of the problem, without what all have in front."""
        assert self.headers["content-type"] == "application/problem+json", self.body
        assert self.json["status"] == self.status
        return str(self.json["type"]).rpartition(":")[2]


@dataclass
class Api:
    """A server, its keys by scope, and one of no use any more."""

    target: str
    port: int
    keys: dict[str, str] = field(default_factory=dict)
    gate: Gate | None = None
    """Where it runs in this process."""

    def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        kind: str | None = None,
        key: str | None = "read",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send one request with the key of a scope; None sends no key."""
        given = {"Host": f"127.0.0.1:{self.port}", **({"Content-Type": kind} if kind else {})}
        if key is not None:
            given["Authorization"] = f"Bearer {self.keys.get(key, key)}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body or None, {**given, **(headers or {})})
            reply = connection.getresponse()
            return Reply(reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read())
        finally:
            connection.close()

    def get(self, path: str, key: str | None = "read", **more: Any) -> Reply:
        return self.ask("GET", path, key=key, **more)

    def send(
        self, path: str, pictures: Mapping[str, bytes], fields: Mapping[str, str] | None = None, key: str = "read"
    ) -> Reply:
        """Send a form."""
        body, kind = form(pictures, fields or {})
        return self.ask("POST", path, body, kind, key)

    def post(self, path: str, values: object, key: str = "write", method: str = "POST") -> Reply:
        """Send JSON."""
        return self.ask(method, path, json.dumps(values).encode(), "application/json", key)


def form(pictures: Mapping[str, bytes], fields: Mapping[str, str]) -> tuple[bytes, str]:
    """Return a form as browsers send it, and its content type."""
    edge = secrets.token_hex(16)
    parts = [
        b'--%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (edge.encode(), k.encode(), v.encode())
        for k, v in fields.items()
    ]
    parts += [
        b'--%b\r\nContent-Disposition: form-data; name="%b"; filename="x.jpg"\r\nContent-Type: image/jpeg\r\n\r\n%b\r\n'
        % (edge.encode(), name.partition("#")[0].encode(), data)
        for name, data in pictures.items()
    ]
    return b"".join(parts) + b"--%b--\r\n" % edge.encode(), f"multipart/form-data; boundary={edge}"


@contextmanager
def served(target: Path | str, **options: Any) -> Iterator[Api]:
    """Serve a gallery or a run from a thread; the keys of all scopes are made first."""
    settings = Serve(**{"target": str(target), "port": 0, "jobs": 1, "wait_ms": 0.0, **options})
    keys = dict[str, str]()
    with keys_of(str(target)) as kept:
        scopes: tuple[Scope, ...] = ("read", "write", "admin")
        for scope in scopes:
            keys[scope] = create(kept, scope, "test")[0]
    with listen(0) as listening:
        app = build(settings)
        api = Api(str(target), listening.getsockname()[1], keys, app)
        server = uvicorn.Server(config(settings, app))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            until = time.monotonic() + 60
            while not server.started and time.monotonic() < until:
                time.sleep(0.01)
            assert server.started
            yield api
        finally:
            server.should_exit = True
            thread.join()
