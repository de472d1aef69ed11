"""The server for this machine: who is let through, how much of a request is read, and for how long."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from facekit.serving.guard import Limits, Message, Receive, Send
from facekit.serving.server import Impatient, Server

LIMITS = Limits(body_bytes=1000, body_seconds=1.0, head_seconds=1.0, connections=8)


async def echo(scope: Message, receive: Receive, send: Send) -> None:
    """Answer with the path, and the body that came in one piece."""
    message = await receive() if scope["method"] == "POST" else {}
    said = {"path": scope["path"], "body": message.get("body", b"").decode(), "more": message.get("more_body")}
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(said).encode()})


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(echo, "test", limits=LIMITS) as server:
        yield server


def head(server: Server, method: str = "POST", path: str = "/", **headers: str | None) -> bytes:
    """The head of a request that is let through, but for `headers`; None takes one away."""
    sent: dict[str, str | None] = {
        "Host": f"127.0.0.1:{server.port}",
        "Cookie": f"facekit-test-{server.port}={server.url.partition('=')[2]}",
        "Origin": f"http://127.0.0.1:{server.port}",
        "Content-Type": "application/json",
        "Content-Length": "2",
        **{name.replace("_", "-").title(): value for name, value in headers.items()},
    }
    lines = [f"{name}: {value}" for name, value in sent.items() if value is not None]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode("latin-1")


def ask(server: Server, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes; return status, headers and body of the answer."""
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=20)) as connection:
        connection.sendall(request)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def test_the_application_gets_the_whole_body(server: Server) -> None:
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=20)) as connection:
        connection.sendall(head(server, content_length="6"))
        for part in (b"ab", b"cd", b"ef"):
            connection.sendall(part)
            time.sleep(0.05)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert json.loads(answer.read()) == {"path": "/", "body": "abcdef", "more": False}


def seconds_until_closed(server: Server, first: bytes, drip: bytes = b"") -> float:
    """Send bytes, then one again and again; return how long the server stays connected."""
    began = time.monotonic()
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=0.2)) as connection:
        connection.sendall(first)
        while time.monotonic() - began < 10:
            try:
                if not connection.recv(100_000):
                    break
            except TimeoutError:
                if drip:
                    connection.sendall(drip)
            except ConnectionError:
                break
    return time.monotonic() - began


@pytest.mark.parametrize(
    ("first", "drip"),
    [(b"", b""), (b"GET / HT", b""), (b"GET / HTTP/1.1\r\nX-A: ", b"a"), (b"GET / HTTP/1.1\r\n", b"a: b\r\n")],
    ids=["nothing", "half a line", "an endless header", "endless headers"],
)
def test_a_head_that_does_not_end_is_not_waited_for(server: Server, first: bytes, drip: bytes) -> None:
    assert seconds_until_closed(server, first, drip) < 5


def test_a_second_head_that_does_not_end_is_not_waited_for(server: Server) -> None:
    whole = head(server, "GET", content_length=None, content_type=None)
    assert seconds_until_closed(server, whole + b"GET / HTTP/1.1\r\nX-A: ", b"a") < 8


@pytest.mark.parametrize("drip", [b"", b" "], ids=["silent", "dripping"])
def test_a_body_that_does_not_end_is_not_waited_for(server: Server, drip: bytes) -> None:
    began = time.monotonic()
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=0.2)) as connection:
        connection.sendall(head(server, content_length="999") + b"{")
        said = b""
        while b"seconds" not in said and time.monotonic() - began < 10:
            try:
                said += connection.recv(100_000)
            except TimeoutError:
                connection.sendall(drip)
    assert said.startswith(b"HTTP/1.1 408 ")
    assert b"the body did not arrive within 1 seconds" in said


def test_a_body_that_breaks_off_reaches_nobody(server: Server) -> None:
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=20)) as connection:
        connection.sendall(head(server, content_length="999") + b"{")
    assert ask(server, head(server) + b"{}")[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"content_length": "1001"},
        {"content_length": "9" * 19},
        {"content_length": "9" * 5000},
        {"content_length": None, "transfer_encoding": "chunked"},
        {"content_length": "-1"},
        {"content_length": "2, 2000"},
    ],
    ids=["too long", "astronomical", "no number", "of no length", "negative", "two lengths"],
)
def test_a_body_without_an_honest_length_is_refused(server: Server, headers: dict[str, str | None]) -> None:
    status, _, said = ask(server, head(server, **headers) + b"2\r\n{}\r\n0\r\n\r\n")
    assert status in (400, 413)
    assert b"path" not in said


def test_a_body_is_no_longer_than_it_says(server: Server) -> None:
    assert json.loads(ask(server, head(server, content_length="2") + b"{}" + b"x" * 2000)[2])["body"] == "{}"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"host": "localhost:9999", "origin": "http://localhost:9999"}, 200),
        ({"host": "evil.example"}, 403),
        ({"host": "127.0.0.1.evil.example"}, 403),
        ({"host": "evil.example:127.0.0.1"}, 403),
        ({"host": "127.0.0.1@evil.example"}, 403),
        ({"host": ""}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": None}, 403),
        ({"cookie": None}, 403),
        ({"cookie": "facekit-test=x; \xe9=\xff"}, 403),
        ({"content_type": "text/plain"}, 415),
    ],
)
def test_who_is_let_through(server: Server, headers: dict[str, str | None], status: int) -> None:
    found, sent, said = ask(server, head(server, **headers) + b"{}")
    assert found == status
    assert (b"path" in said) == (status == 200)
    assert sent["x-frame-options"] == "DENY"
    assert "set-cookie" not in sent


def test_two_hosts_are_none(server: Server) -> None:
    request = head(server).replace(b"\r\n\r\n", b"\r\nHost: evil.example\r\n\r\n")
    assert ask(server, request + b"{}")[0] in (400, 403)


def test_the_token_leaves_a_cookie_only_where_the_request_is_let_through(server: Server) -> None:
    path = server.url.partition(str(server.port))[2]
    plain: dict[str, str | None] = {"origin": None, "cookie": None, "content_type": None, "content_length": None}
    status, headers, _ = ask(server, head(server, "GET", path, **plain))
    assert (status, headers["set-cookie"].partition("=")[0]) == (200, f"facekit-test-{server.port}")
    for foreign in ({"host": "evil.example"}, {"origin": "http://evil.example"}):
        status, headers, _ = ask(server, head(server, "GET", path, **{**plain, **foreign}))
        assert (status, headers.get("set-cookie")) == (403, None)


def test_a_query_of_a_thousand_fields_is_no_token(server: Server) -> None:
    plain: dict[str, str | None] = {"cookie": None, "content_type": None, "content_length": None}
    assert ask(server, head(server, "GET", "/?" + "a&" * 1000 + "token=x", **plain))[0] == 403
    assert ask(server, head(server, "GET", "/?" + "a=b&" * 17 + "token=x", **plain))[0] == 403


def test_an_answer_that_nobody_reads_is_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    async def large(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": bytes(20_000_000)})

    monkeypatch.setattr(Impatient, "read_seconds", 0.5)
    with Server(large, "test", limits=LIMITS) as server:
        held = server._server.server_state.connections
        with closing(socket.socket()) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", server.port))
            connection.sendall(head(server, "GET", content_type=None, content_length=None))
            assert connection.recv(10) == b"HTTP/1.1 2"
            until = time.monotonic() + 10
            while held and time.monotonic() < until:
                time.sleep(0.05)
            assert not held
        assert len(ask(server, head(server, "GET", content_type=None, content_length=None))[2]) == 20_000_000


def test_more_connections_than_it_can_hold_do_no_harm(server: Server) -> None:
    held = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(LIMITS.connections + 4)]
    assert ask(server, head(server) + b"{}")[0] == 503
    time.sleep(LIMITS.head_seconds + 0.5)
    assert ask(server, head(server) + b"{}")[0] == 200
    for connection in held:
        connection.close()
