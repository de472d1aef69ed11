"""The proxy of the browsers: who is connected to, whatever a name or a page leads to.

Names are looked up by a resolver of the test's. Where one leads to `NEAR`, a server of this machine answers.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from leftovers import needs_browser
from plainweb import Plain

from facekit.sources import browser
from facekit.sources.addresses import ForeignHost, Gate, Own, PrivateAddress, own_server
from facekit.sources.browser import proxy as proxying
from facekit.sources.browser.proxy import Proxy
from facekit.world.web import Web, serve

NEAR, PRIVATE = "127.0.0.1", "10.0.0.1"
OK, NOT_ALLOWED, UNREACHABLE, NO_SUCH_COMMAND = 0, 2, 4, 7


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with serve(Plain({"Ada": ["/a.jpg"]})) as one:
        yield one


class Resolver:
    """Answers look-ups from `names`, name -> addresses look-up by look-up."""

    def __init__(self) -> None:
        self.names: dict[str, list[list[str]]] = {}
        self.asked: list[str] = []
        self._look_up = socket.getaddrinfo

    def __call__(self, host: str, port: int, *more: Any, **settings: Any) -> list[Any]:
        if host[0] not in "0123456789:":  # asyncio asks for addresses too
            self.asked.append(host)
        answers = self.names.get(host, [[host]])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return [found for address in answer for found in self._look_up(address, port, *more, **settings)]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Resolver:
    one = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", one)
    return one


def greeted(proxy: Proxy) -> socket.socket:
    host, _, port = proxy.address.removeprefix("socks5://").partition(":")
    sock = socket.create_connection((host, int(port)), timeout=10)
    sock.sendall(b"\x05\x01\x00")
    assert sock.recv(2) == b"\x05\x00"
    return sock


def wish(host: str, port: int, command: int = 1) -> bytes:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return bytes([5, command, 0, 3, len(host)]) + host.encode() + struct.pack("!H", port)
    kind = 1 if address.version == 4 else 4
    return bytes([5, command, 0, kind]) + address.packed + struct.pack("!H", port)


def code(proxy: Proxy, host: str, port: int, command: int = 1) -> int:
    """What the proxy answers to a wish."""
    with closing(greeted(proxy)) as sock:
        sock.sendall(wish(host, port, command))
        return sock.recv(10)[1]


def test_a_host_that_is_admitted_is_connected_to(web: Web, resolver: Resolver) -> None:
    resolver.names = {"search.example": [[NEAR]]}
    with Proxy(Gate(("*.example",), loopback=True)) as proxy, closing(greeted(proxy)) as sock:
        sock.sendall(wish("search.example", web.server_port))
        assert sock.recv(10)[:2] == bytes([5, OK])
        sock.sendall(b"GET /a.jpg HTTP/1.1\r\nHost: search.example\r\nConnection: close\r\n\r\n")
        assert sock.recv(100).startswith(b"HTTP/1.1 200 OK")
    assert resolver.asked == ["search.example"]
    assert not proxy.refused


@pytest.mark.parametrize("host", ["other.org", "example", "search.example.org", PRIVATE, NEAR, "::1", "localhost"])
def test_any_other_host_is_refused_without_a_look_up(web: Web, resolver: Resolver, host: str) -> None:
    with Proxy(Gate(("*.example",), loopback=True)) as proxy:
        assert code(proxy, host, web.server_port) == NOT_ALLOWED
    assert not resolver.asked
    assert proxy.refused == {f"{host}:{web.server_port}": 1}


@pytest.mark.parametrize("address", [PRIVATE, "169.254.169.254", "192.168.1.1", NEAR, "::1", "fd00::1", "0.0.0.0"])
def test_a_name_that_leads_into_a_private_network_is_refused(resolver: Resolver, address: str) -> None:
    resolver.names = {"search.example": [[address]]}
    with Proxy(Gate(("*.example",))) as proxy:
        assert code(proxy, "search.example", 80) == NOT_ALLOWED


def test_a_name_that_changes_its_address_between_two_connections(web: Web, resolver: Resolver) -> None:
    resolver.names = {"search.example": [[NEAR], [PRIVATE]]}
    with Proxy(Gate(("*.example",), loopback=True)) as proxy:
        assert code(proxy, "search.example", web.server_port) == OK
        assert code(proxy, "search.example", web.server_port) == NOT_ALLOWED
    assert resolver.asked == ["search.example"] * 2, "one look-up for one connection: the address that was checked"


def test_ports_are_those_of_the_web(web: Web, resolver: Resolver) -> None:
    resolver.names = {"search.example": [[NEAR]]}
    with Proxy(Gate(("*.example",), frozenset({80, 443}), loopback=True)) as proxy:
        assert code(proxy, "search.example", web.server_port) == NOT_ALLOWED
        assert code(proxy, "search.example", 22) == NOT_ALLOWED


def test_the_server_that_the_user_named_and_no_other_port_of_it(web: Web) -> None:
    gate = Gate((), frozenset({80, 443}), own=own_server(web.base_url))
    with Proxy(gate) as proxy:
        assert code(proxy, NEAR, web.server_port) == OK
        assert code(proxy, NEAR, 9) == NOT_ALLOWED
        assert code(proxy, "localhost", web.server_port) == NOT_ALLOWED


def test_a_named_server_has_the_addresses_that_it_began_with(resolver: Resolver) -> None:
    resolver.names = {"search.lan": [["192.168.1.5"], ["192.168.1.5"], ["192.168.1.1"]]}
    gate = Gate((), own=own_server("http://search.lan:8080/x"))
    assert gate.own == Own("search.lan", 8080, frozenset({"192.168.1.5"}))
    assert [place.address for place in gate.places("SEARCH.lan.", 8080)] == [("192.168.1.5", 8080)]
    with pytest.raises(PrivateAddress, match=r"192\.168\.1\.1"):
        gate.places("search.lan", 8080)
    with pytest.raises(ForeignHost):
        gate.places("search.lan", 80)
    assert own_server(None) is None


def test_a_host_that_does_not_exist_or_does_not_listen(resolver: Resolver) -> None:
    resolver.names = {"gone.example": [["no-such-host.invalid"]], "shut.example": [[NEAR]]}
    with Proxy(Gate(("*.example",), loopback=True)) as proxy:
        assert code(proxy, "gone.example", 80) == UNREACHABLE
        assert code(proxy, "shut.example", 9) == UNREACHABLE


@pytest.mark.parametrize("command", [2, 3, 9])
def test_only_connections_are_served(web: Web, command: int) -> None:
    with Proxy(Gate(own=own_server(web.base_url))) as proxy:
        assert code(proxy, NEAR, web.server_port, command) == NO_SUCH_COMMAND


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET / HTTP/1.1\r\n\r\n", b"\x04\x01", b"\x05\x00", b"\x05\x01\x00\x05\x01\x00\x03\x02\xff\xff\0\x50"],
)
def test_whatever_else_is_sent_costs_its_own_connection(web: Web, monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(proxying, "HANDSHAKE_SECONDS", 0.3)
    with Proxy(Gate(own=own_server(web.base_url))) as proxy:
        port = int(proxy.address.rpartition(":")[2])
        with socket.create_connection((NEAR, port), timeout=5) as sock:
            sock.sendall(sent)
            while sock.recv(100):
                pass
        assert code(proxy, NEAR, web.server_port) == OK


def test_an_endless_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxying, "MOST_BYTES", 1_000_000)
    with socket.create_server((NEAR, 0)) as server:

        def pour() -> None:
            sock, _ = server.accept()
            with closing(sock), pytest.raises(OSError):
                while True:
                    sock.sendall(bytes(65_536))

        thread = threading.Thread(target=pour)
        thread.start()
        host, port = server.getsockname()
        with Proxy(Gate(own=own_server(f"http://{host}:{port}"))) as proxy, closing(greeted(proxy)) as sock:
            sock.sendall(wish(host, port))
            got = sum(iter(lambda: len(sock.recv(65_536)), 0))
        thread.join(10)
    assert 1_000_000 <= got < 1_200_000
    assert not thread.is_alive()


def test_it_ends_at_once_with_connections_under_way(web: Web) -> None:
    with Proxy(Gate(own=own_server(web.base_url))) as proxy:
        busy = [greeted(proxy) for _ in range(5)]
        busy[0].sendall(wish(NEAR, web.server_port))
        assert busy[0].recv(10)[1] == OK
        began = time.monotonic()
    assert time.monotonic() - began < 2
    for sock in busy:
        sock.settimeout(2)
        assert sock.recv(10) == b""
        sock.close()
    with pytest.raises(OSError):
        greeted(proxy)


@needs_browser
def test_a_browser_connects_through_it_alone(web: Web) -> None:
    """Also to loopback addresses, which Chrome connects to directly by default, and for names of its own accord."""
    web.requests.clear()
    with Proxy(Gate((), own=own_server(web.base_url))) as proxy:
        one = browser.LocalBrowser(proxy=proxy)
        driver = one.start()
        try:
            driver.get(f"{web.base_url}/a.jpg")
            for url in (f"http://127.0.0.2:{web.server_port}/a.jpg", f"http://localhost:{web.server_port}/a.jpg"):
                with pytest.raises(browser_errors(), match="ERR_SOCKS_CONNECTION_FAILED"):
                    driver.get(url)
        finally:
            one.close()
    assert web.requests["/a.jpg"] == 1
    assert {f"127.0.0.2:{web.server_port}", f"localhost:{web.server_port}"} <= proxy.refused.keys()


def browser_errors() -> type[Exception]:
    from selenium.common.exceptions import WebDriverException

    return WebDriverException
