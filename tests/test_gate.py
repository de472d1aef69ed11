"""Who is let through to the API, and with what."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from asking import Api
from conftest import Facekit

from facekit.base import images
from facekit.base.contract import FacekitError
from facekit.options.serve import Serve
from facekit.serving import logs
from facekit.serving.gate import Gate, Passing, needed
from facekit.serving.guard import App, Message, Receive, Send
from facekit.serving.keys import create, revoke
from facekit.serving.targets import keys_of

PEOPLE = "/v1/people"


def test_health_and_the_description_need_no_key(api: Api) -> None:
    assert api.get("/healthz", key=None).json == api.get("/readyz", key=None).json == {"status": "ok"}
    assert api.get("/openapi.json", key=None).json["openapi"].startswith("3.1")


def test_without_a_key(api: Api) -> None:
    reply = api.get(PEOPLE, key=None)
    assert (reply.status, reply.problem) == (401, "no-key")
    assert reply.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("key", ["", "fk_00000000_" + "A" * 43, "Bearer", "fk_zz", "\xff"])
def test_with_a_key_that_is_none(api: Api, key: str) -> None:
    assert api.get(PEOPLE, key=key).status == 401


def test_a_key_with_one_letter_changed(api: Api) -> None:
    key = api.keys["read"]
    assert api.get(PEOPLE, key=key).status == 200
    assert api.get(PEOPLE, key=key[:-1] + ("A" if key[-1] != "A" else "B")).status == 401


def test_a_revoked_key_is_refused_within_a_second(api: Api) -> None:
    with keys_of(api.target) as kept:
        given, key = create(kept, "read", "short-lived")
        assert _becomes(api, given, 200)
        revoke(kept, [key.id])
    assert _becomes(api, given, 401)


def test_a_read_key_for_a_write(api: Api) -> None:
    reply = api.post(PEOPLE, {}, key="read")
    assert (reply.status, reply.problem) == (403, "no-right")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "127.0.0.1:x", "a@127.0.0.1"])
def test_a_foreign_host_header(api: Api, host: str) -> None:
    reply = api.get("/healthz", key=None, headers={"Host": host})
    assert (reply.status, reply.problem) == (421, "foreign-host")


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:8000", "10.1.2.3:443"])
def test_an_own_host_header(api: Api, host: str) -> None:
    assert api.get("/healthz", key=None, headers={"Host": host}).status == 200


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "http://["}, {"Sec-Fetch-Site": "cross-site"}],
)
def test_from_another_origin(api: Api, headers: dict[str, str]) -> None:
    reply = api.get(PEOPLE, headers=headers)
    assert (reply.status, reply.problem) == (403, "foreign-origin")
    assert not any(name.startswith("access-control") for name in reply.headers)


def test_from_the_servers_own_page(api: Api) -> None:
    own = {"Origin": f"http://127.0.0.1:{api.port}", "Sec-Fetch-Site": "same-origin"}
    assert api.get(PEOPLE, headers=own).status == 200


def test_a_body_that_is_too_large_is_refused_by_its_head_and_while_it_comes(api: Api) -> None:
    head = f"POST /v1/detect HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {api.keys['read']}\r\n"
    head += "Content-Type: image/jpeg\r\n"
    assert b"413" in _answer(api, head + "Content-Length: 1000001\r\n\r\n")  # of which nothing is ever sent
    chunk = f"{500_000:x}\r\n{'x' * 500_000}\r\n"
    assert b"413" in _answer(api, head + "Transfer-Encoding: chunked\r\n\r\n" + 3 * chunk)
    assert b"400" in _answer(api, head + "Content-Length: -1\r\n\r\n")
    assert b"400" in _answer(api, head + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/healthz", None),
        ("GET", "/", None),
        ("GET", "/metrics", "read"),
        ("GET", "/v1/people", "read"),
        ("POST", "/v1/identify", "read"),
        ("POST", "/v1/identify/", "write"),
        ("POST", "/v1/people", "write"),
        ("POST", "/healthz", "write"),
        ("PATCH", "/v1/people/1", "write"),
        ("POST", "/v1/people/1/merge", "admin"),
        ("DELETE", "/v1/people/1", "admin"),
    ],
)
def test_each_route_needs_its_scope(method: str, path: str, scope: str | None) -> None:
    assert needed(method, path) == scope


def test_every_answer_has_the_headers_that_protect_a_browser(api: Api) -> None:
    for reply in (api.get("/healthz", key=None), api.get(PEOPLE), api.get(PEOPLE, key=None)):
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(api: Api) -> None:
    import numpy as np

    bomb = images.encode_png(np.zeros((6000, 6000, 3), np.uint8))
    assert len(bomb) < 1_000_000
    began = time.process_time()
    reply = api.ask("POST", "/v1/detect", bomb, "image/png")
    assert (reply.status, reply.problem) == (413, "too-large")
    assert time.process_time() - began < 0.3  # decoding it takes longer


Sent = tuple[int, dict[str, str], bytes]


def through(app: App, count: int = 1, leaves: float = 60, **options: Any) -> tuple[list[Sent], list[Passing]]:
    """Send requests to a gate in front of an application, all at once; return the answers, and what is logged.

    Whoever asks leaves after so many seconds.
    """
    settings, passed = Serve(**{"target": "g", "keys": False, **options}), list[Passing]()
    gate = Gate(app, settings, lambda: None, passed.append)
    head = [(b"host", b"localhost")]

    async def one() -> Sent:
        scope = {"type": "http", "method": "POST", "path": "/v1/identify", "headers": head, "query_string": b""}
        sent: list[Message] = []

        waiting = [{"type": "http.request", "body": b"x", "more_body": False}]

        async def receive() -> Message:
            if not waiting:
                await asyncio.sleep(leaves)
            return waiting.pop() if waiting else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)

        await gate(scope, receive, send)
        if not sent:
            return 0, {}, b""
        headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:])

    async def all_of_them() -> list[Sent]:
        return list(await asyncio.gather(*(one() for _ in range(count))))

    return asyncio.run(all_of_them()), passed


def slowly(seconds: float) -> App:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await asyncio.sleep(seconds)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})

    return app


def test_more_requests_than_may_wait_are_told_to_come_back() -> None:
    answers, passed = through(slowly(0.05), count=7, queue=3)
    assert sorted(status for status, _, _ in answers) == [200] * 3 + [429] * 4
    assert {headers["retry-after"] for status, headers, _ in answers if status == 429} == {"1"}
    assert len(passed) == 7


def test_what_takes_too_long_is_given_up() -> None:
    ((status, headers, body),), _ = through(slowly(30), timeout=0.1)
    assert (status, headers["content-type"]) == (504, "application/problem+json")
    assert b"timed-out" in body


def test_who_still_waits_when_the_server_ends_is_told_to_come_back() -> None:
    ending = list[asyncio.Future[None]]()

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        ending[0].cancel()  # as uvicorn does
        await asyncio.sleep(30)

    gate = Gate(app, Serve(target="g", keys=False), lambda: None)
    sent: list[Message] = []

    async def one() -> None:
        async def send(message: Message) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"host", b"localhost")]}
        ending.append(asyncio.ensure_future(gate(scope, _never, send)))
        await ending[0]

    asyncio.run(one())
    assert sent[0]["status"] == 503 and (b"retry-after", b"1") in sent[0]["headers"]


async def _never() -> Message:
    await asyncio.sleep(30)
    return {"type": "http.disconnect"}


def test_nobody_is_answered_who_has_left() -> None:
    began = time.monotonic()
    ((status, _, _),), (passed,) = through(slowly(30), leaves=0.05)
    assert (status, passed.status) == (0, 499)
    assert time.monotonic() - began < 10


def test_a_bug_is_answered_and_logged_without_its_message(capsys: pytest.CaptureFixture[str]) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        raise ValueError("Ada Lovelace")

    with logs.writing():
        ((status, _, body),), _ = through(app)
    assert status == 500
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["error"]) == ("bug", "ValueError")
    assert line["request"].encode() in body
    assert "Ada" not in json.dumps(line) + body.decode()


def test_without_keys_only_this_machine_is_answered() -> None:
    for host in ("0.0.0.0", "192.168.1.2", "::", "example.org"):
        with pytest.raises(FacekitError, match="--no-keys"):
            Serve(target="g", keys=False, host=host)
    for host in ("127.0.0.1", "localhost", "::1", "127.8.0.1"):
        assert not Serve(target="g", keys=False, host=host).keys


def test_files_that_are_no_certificate(api: Api, tmp_path: Path, facekit: Facekit) -> None:
    (tmp_path / "c.pem").write_text("no certificate")
    for key, why in (("c.pem", "no certificate and its key"), ("gone.pem", "no such file")):
        words = ("--tls-cert", tmp_path / "c.pem", "--tls-key", tmp_path / key, "--port", 0)
        done = facekit("serve", api.target, *words)
        assert (done.code, done.err.count("\n")) == (2, 1), done.err
        assert why in done.err
    assert "belong together" in facekit("serve", api.target, "--tls-cert", tmp_path / "c.pem").err


def test_a_name_that_was_allowed_is_answered() -> None:
    gate = Gate(slowly(0), Serve(target="g", allowed_host=["Faces.example.org"]), lambda: None)
    names = ("faces.example.org", "FACES.example.org:8443", "example.org", "xfaces.example.org")
    assert [gate.is_ours(name) for name in names] == [True, True, False, False]


def _becomes(api: Api, key: str, status: int) -> bool:
    """Whether a key is answered so within a second."""
    until = time.monotonic() + 1
    while time.monotonic() < until:
        if api.get(PEOPLE, key=key).status == status:
            return True
        time.sleep(0.05)
    return False


def _answer(api: Api, request: str) -> bytes:
    """The first bytes of the answer to a request as it stands."""
    with socket.create_connection(("127.0.0.1", api.port), timeout=20) as connection:
        connection.sendall(request.encode())
        return connection.recv(200)
