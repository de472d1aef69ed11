"""Who is let through to the API, and with what."""

from __future__ import annotations

import socket
import time

import pytest
from asking import Api

from facekit.base import images
from facekit.serving.gate import needed
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
    "headers", [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
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
