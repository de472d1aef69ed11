"""Nothing is fetched from private networks, however a name, a redirect or a resolver leads there.

The servers are real ones on this machine. Names are looked up by a resolver of the test's, and one public address
is answered by a server here, so that a host on the open web can redirect, and change its mind.
"""

from __future__ import annotations

import queue
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from plainweb import Plain, noise

from facekit.commands.scrape.download import Fetcher, Refused, Rules
from facekit.commands.scrape.pool import Downloads, Hosts, Job, Outcome
from facekit.sources import connections
from facekit.sources.addresses import Place, is_open
from facekit.sources.engines import Candidate
from facekit.sources.siterules import ROBOTS_PATH, TDM_PATH
from facekit.world.web import Web, serve

PUBLIC = "93.184.216.34"
PRIVATE = ("169.254.169.254", "10.0.0.1", "::1")
"""Of the three kinds that matter most: a cloud's own data, a company's network, this very machine."""

Look = Callable[[str], list[str]]


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with serve(Plain()) as one:
        yield one


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    one = Fetcher(Rules())
    yield one
    one.close()


class Internet:
    """A resolver with `names`, name -> addresses look-up by look-up, and a wire that notes who is connected to."""

    def __init__(self, web: Web) -> None:
        self.web, self.names = web, dict[str, list[list[str]]]()
        self.looked_up, self.connected = list[str](), list[str]()
        self._look_up, self._dial = socket.getaddrinfo, connections.dial

    @property
    def pictures(self) -> set[str]:
        """What was asked for beside the files in which a host says what it allows."""
        return {*self.web.requests} - {ROBOTS_PATH, TDM_PATH}

    def look_up(self, host: str, port: int, **settings: Any) -> list[Any]:
        self.looked_up.append(host)
        answers = self.names.get(host)
        if answers is None:
            return self._look_up(host, port, **settings)
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return [found for address in answer for found in self._look_up(address, port, **settings)]

    def dial(self, place: Place, timeout: float | None, options: Any) -> socket.socket:
        host = place.address[0]
        self.connected.append(host)
        real = place._replace(address=("127.0.0.1", self.web.server_port)) if host == PUBLIC else place
        return self._dial(real, timeout, options)


@pytest.fixture
def internet(web: Web, monkeypatch: pytest.MonkeyPatch) -> Iterator[Internet]:
    one = Internet(web)
    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", one.look_up)
        patch.setattr(connections, "dial", one.dial)
        web.requests.clear()
        yield one


def refusal(fetcher: Fetcher, url: str) -> Refused:
    with pytest.raises(Refused) as refused:
        fetcher.fetch(url)
    return refused.value


@pytest.mark.parametrize("address", PRIVATE)
def test_a_name_that_leads_into_a_private_network(internet: Internet, fetcher: Fetcher, address: str) -> None:
    internet.names = {"photos.example": [[address]]}
    refused = refusal(fetcher, f"http://photos.example:{internet.web.server_port}/a.jpg")
    assert (refused.reason, refused.value, refused.again) == ("private address", address, None)
    assert not internet.connected
    assert not internet.web.requests


@pytest.mark.parametrize("address", PRIVATE)
def test_a_redirect_into_a_private_network(internet: Internet, fetcher: Fetcher, address: str) -> None:
    host = f"[{address}]" if ":" in address else address
    internet.names = {"photos.example": [[PUBLIC]], "inside.example": [[address]]}
    routes = {"direct": f"http://{host}/a.jpg", "named": "http://inside.example/a.jpg"}
    for kind, target in routes.items():
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(_faults(), kind, lambda answer, data, to=target: answer.send(302, b"", Location=to))
            refused = refusal(fetcher, f"http://photos.example/x/{kind}/a.jpg")
        assert (refused.reason, refused.value) == ("private address", address)
    assert set(internet.connected) == {PUBLIC}
    assert internet.pictures == {"/x/direct/a.jpg", "/x/named/a.jpg"}


@pytest.mark.parametrize("fault", ["loopback", "loopback6", "decimal", "metadata", "private"])
def test_the_redirects_that_the_drawn_web_makes(internet: Internet, fetcher: Fetcher, fault: str) -> None:
    internet.names = {"photos.example": [[PUBLIC]]}
    refused = refusal(fetcher, f"http://photos.example:{internet.web.server_port}/x/{fault}/a.jpg")
    assert refused.reason == "private address"
    assert (internet.connected, internet.pictures) == ([PUBLIC], {f"/x/{fault}/a.jpg"})


@pytest.mark.parametrize("address", PRIVATE)
def test_a_name_that_changes_its_address_between_look_ups(internet: Internet, fetcher: Fetcher, address: str) -> None:
    internet.names = {"rebinding.example": [[PUBLIC], [address]]}
    assert fetcher.fetch("http://rebinding.example/x/noindex-other/a.jpg").data == noise("a.jpg")
    assert internet.looked_up == ["rebinding.example"], "connected to the address that was checked"
    # A fault closes its connection, so that the next fetch has to look the name up again.
    refusal(fetcher, "http://rebinding.example/x/unanswered/a.jpg")
    assert refusal(fetcher, "http://rebinding.example/b.jpg").reason == "private address"
    assert set(internet.connected) == {PUBLIC}
    assert "/b.jpg" not in internet.web.requests


def test_of_a_name_with_addresses_of_both_kinds_only_the_public_is_asked(internet: Internet, fetcher: Fetcher) -> None:
    internet.names = {"both.example": [["10.0.0.1", "::1", PUBLIC]]}
    assert fetcher.fetch("http://both.example/a.jpg").data == noise("a.jpg")
    assert internet.connected == [PUBLIC]


@pytest.mark.parametrize("address", PRIVATE)
def test_the_pool_hands_such_a_name_back_without_another_try(internet: Internet, address: str) -> None:
    internet.names = {"photos.example": [[address]]}
    events: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
    ends: list[Outcome] = []
    with Downloads(Fetcher(Rules()), 2, Hosts(polite=True), events.put) as downloads:
        downloads.add(Job(Candidate("http://photos.example/a.jpg", 1, "test", "test"), ends.append))
        while not ends:
            downloads.pump()
            events.get(timeout=30)()
    assert ends[0].refused and ends[0].refused.reason == "private address"
    assert internet.looked_up == ["photos.example"]
    assert not internet.connected


def test_loopback_is_private_unless_it_was_opened(web: Web, fetcher: Fetcher) -> None:
    url = web.url("/closed.jpg")
    refused = refusal(fetcher, url)
    assert (refused.reason, refused.value) == ("private address", web.hosts[-1] if len(web.hosts) == 1 else "127.0.0.2")
    assert not web.requests["/closed.jpg"]
    opened = Fetcher(Rules(loopback=True))
    assert opened.fetch(url).data == noise("closed.jpg")
    for private in ("http://10.0.0.1/", "http://192.168.1.1/", "http://0.0.0.0/", "http://[fd00::1]/"):
        assert refusal(opened, private).reason == "private address"
    opened.close()


def test_ipv6_loopback_is_a_server_too(fetcher: Fetcher) -> None:
    try:
        listening = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 on this machine")
    with listening:
        listening.settimeout(0.3)
        assert refusal(fetcher, f"http://[::1]:{listening.getsockname()[1]}/a.jpg").reason == "private address"
        with pytest.raises(TimeoutError):
            listening.accept()


@pytest.mark.parametrize(
    "host",
    ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0", "localhost", "[::]", "[::ffff:127.0.0.1]"]
    + ["user:word@127.0.0.1", "93.184.216.34@127.0.0.1", "127.0.0.1.", "[fe80::1%25lo]", "167772161"],
)
def test_other_ways_to_write_a_private_address(fetcher: Fetcher, web: Web, host: str) -> None:
    web.requests.clear()
    refused = refusal(fetcher, f"http://{host}:{web.server_port}/a.jpg")
    assert refused.reason in ("private address", "no connection"), "resolvers differ in what they take for an address"
    assert not web.requests


def test_two_readings_of_one_address_lead_to_one_host(internet: Internet, fetcher: Fetcher) -> None:
    internet.names = {"photos.example": [[PUBLIC]], "127.0.0.1": [["127.0.0.1"]]}
    url = "http://photos.example\\@127.0.0.1/a.jpg"
    try:
        fetcher.fetch(url)
    except Refused as refused:
        assert refused.reason in ("private address", "not a web address")
    assert "127.0.0.1" not in internet.connected


@pytest.mark.parametrize(
    "address",
    ["0.0.0.0", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "169.254.169.254", "172.16.0.1", "172.31.9.9"]
    + ["192.0.0.192", "192.0.2.1", "192.168.0.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1"]
    + ["255.255.255.255", "::", "::1", "::10.0.0.1", "::93.184.216.34", "::ffff:10.0.0.1", "::ffff:169.254.169.254"]
    + ["64:ff9b::a00:1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2002:a00:1::", "2002:7f00:1::1", "2001:db8::1"]
    + ["2001:0:a00:1::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "100::1"],
)
def test_addresses_that_are_not_open(address: str) -> None:
    assert not is_open(address, loopback=False)


@pytest.mark.parametrize(
    "address", [PUBLIC, "2606:2800:220:1::1", "::ffff:93.184.216.34", "64:ff9b::5db8:d822", "2002:5db8:d822::1"]
)
def test_addresses_that_are_open(address: str) -> None:
    assert is_open(address, loopback=False)


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"])
def test_a_proxy_of_the_environment_is_not_used(
    web: Web, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """It would look the name up itself, and fetch from its own network what is private there."""
    web.requests.clear()
    monkeypatch.setenv(name, web.base_url)
    assert refusal(fetcher, "http://10.0.0.1/a.jpg").reason == "private address"
    assert refusal(fetcher, "http://no-such-host.invalid/a.jpg").reason == "no connection"
    assert not web.requests


def _faults() -> dict[str, Any]:
    from facekit.world import faults

    return faults.FAULTS
