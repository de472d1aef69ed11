"""Answers of a driver: asked for once, and cut off where they are too long."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from leftovers import needs_browser
from selenium.webdriver.remote.client_config import ClientConfig
from selenium.webdriver.remote.remote_connection import RemoteConnection

from facekit.sources.browser import replies
from facekit.sources.browser.replies import TooLong, bound

BODIES = {
    "short": json.dumps({"value": "ä" * 1000}).encode(),
    "empty": b"",
    "long": b'{"value": "' + b"x" * 3_000_000 + b'"}',
    "crowded": b'{"value": [' + b"[]," * 200_000 + b"0]}",
}


class Driver(BaseHTTPRequestHandler):
    """Answers as a driver does whose page decides what it answers."""

    protocol_version = "HTTP/1.1"
    asked: list[str] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        body = BODIES[self.path.rpartition("/")[2]]
        self.send_response(200)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> Iterator[RemoteConnection]:
    monkeypatch.setattr(replies, "MOST_BYTES", 2_000_000)
    monkeypatch.setattr(replies, "MOST_VALUES", 100_000)
    with ThreadingHTTPServer(("127.0.0.1", 0), Driver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        one = RemoteConnection(client_config=ClientConfig(f"http://127.0.0.1:{server.server_port}"))

        class Holder:
            command_executor = one

        bound(Holder())  # type: ignore[arg-type]
        yield one
        one.close()
        server.shutdown()


def ask(connection: RemoteConnection, what: str) -> Any:
    return connection._request("GET", f"{connection.client_config.remote_server_addr}/{what}")


def test_an_answer_is_read_as_before(connection: RemoteConnection) -> None:
    for _ in range(3):
        assert ask(connection, "short") == {"value": "ä" * 1000}
    assert ask(connection, "empty") == {"status": 0, "value": ""}


@pytest.mark.parametrize("what", ["long", "crowded"])
def test_too_long_an_answer_is_not_read(connection: RemoteConnection, what: str) -> None:
    Driver.asked.clear()
    with pytest.raises(TooLong, match="more than facekit asks for"):
        ask(connection, what)
    assert Driver.asked == [f"/{what}"]
    assert ask(connection, "short") == {"value": "ä" * 1000}


@needs_browser
def test_a_page_that_returns_too_much(driver: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replies, "MOST_BYTES", 2_000_000)
    with pytest.raises(TooLong):
        driver.execute_script("return 'x'.repeat(3e6)")
    assert driver.execute_script("return 7") == 7
