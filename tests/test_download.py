"""The downloader against hosts that lie, stall, refuse and redirect, over real HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from plainweb import Plain, noise

from facekit.contract import FacekitError
from facekit.scrape.download import Fetcher, Refused, Rules, opted_out, user_agent
from facekit.scrape.net import is_open
from facekit.scrape.pool import GAP, REST, STRIKES, Hosts, Outcome
from facekit.world.web import Web, serve

RULES = Rules(wall=1.0, read=0.8, backoff=0.01, max_bytes=1_000_000, loopback=True)
PAGE = "http://page.example/gallery.html"

REFUSED = {
    "404": "http 404",
    "410": "http 410",
    "500": "http 500",
    "429": "http 429",
    "html": "web page",
    "html-as-jpeg": "web page",
    "truncated": "incomplete",
    "short": "truncated",
    "drip": "timed out",
    "drip-head": "timed out",
    "endless": "too many bytes",
    "loop": "too many redirects",
    "metadata": "private address",
    "private": "private address",
    "file": "not a web address",
    "bad-address": "not a web address",
    "odd-header": "http 429",
    "avif": "format",
    "svg": "drawing",
    "gif": "animated",
    "tiny": "too small",
    "bomb": "too many pixels",
    "empty": "empty file",
    "noai": "opted out",
    "noai-token": "opted out",
}


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with serve(Plain()) as one:
        yield one


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    one = Fetcher(RULES, "https://example.org/contact")
    yield one
    one.close()


@pytest.mark.parametrize(("fault", "reason"), REFUSED.items())
def test_a_fault_is_refused_for_what_it_is(web: Web, fetcher: Fetcher, fault: str, reason: str) -> None:
    began = time.monotonic()
    with pytest.raises(Refused) as refused:
        fetcher.fetch(web.url(f"/x/{fault}/a.jpg"), PAGE)
    assert refused.value.reason == reason
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("fault", ["needs-referer", "refuses-referer", "slow", "noindex-other"])
def test_a_picture_that_can_be_had_is_had(web: Web, fetcher: Fetcher, fault: str) -> None:
    picture = fetcher.fetch(web.url(f"/x/{fault}/a.jpg"), PAGE)
    assert picture.data == noise("a.jpg")
    assert picture.suffix == ".jpg"


def test_the_referer_is_tried_the_other_way_round_once(web: Web, fetcher: Fetcher) -> None:
    fetcher.fetch(web.url("/x/refuses-referer/twice.jpg"), PAGE)
    assert web.requests["/x/refuses-referer/twice.jpg"] == 2


def test_a_page_that_no_header_can_name(web: Web, fetcher: Fetcher) -> None:
    assert fetcher.fetch(web.url("/a.jpg"), "http://bücher.example/").data == noise("a.jpg")


def test_the_first_bytes_decide_the_suffix(web: Web, fetcher: Fetcher) -> None:
    assert fetcher.fetch(web.url("/x/webp/a.jpg")).suffix == ".webp"


def test_what_may_pass_is_tried_again_and_what_may_not_is_not(web: Web, fetcher: Fetcher) -> None:
    def again(path: str, tries: int = 0) -> float | None:
        with pytest.raises(Refused) as refused:
            fetcher.fetch(web.url(path), PAGE, tries)
        return refused.value.again

    assert again("/x/flaky/once.jpg") is not None
    assert fetcher.fetch(web.url("/x/flaky/once.jpg"), PAGE, 1).data == noise("once.jpg")
    assert again("/x/500/a.jpg") is not None
    assert again("/x/500/a.jpg", tries=2) is None
    assert again("/x/404/a.jpg") is None
    assert again("/x/429/a.jpg") == 60, "a host may ask for a day; it gets a minute"
    assert again("/x/truncated/a.jpg") is not None


def test_loopback_is_private_unless_it_was_opened(web: Web) -> None:
    fetcher = Fetcher(Rules())
    with pytest.raises(Refused) as refused:
        fetcher.fetch(web.url("/closed.jpg"))
    fetcher.close()
    assert (refused.value.reason, refused.value.value) == ("private address", "127.0.0.2")
    assert not web.requests["/closed.jpg"]


@pytest.mark.parametrize("url", ["http://10.0.0.1/", "http://[::1]/", "http://192.168.1.1/", "http://0.0.0.0/"])
def test_opening_loopback_opens_nothing_else(fetcher: Fetcher, url: str) -> None:
    if "::1" in url:
        assert is_open("::1", loopback=True)
        return
    with pytest.raises(Refused) as refused:
        fetcher.fetch(url)
    assert refused.value.reason == "private address"


def test_addresses_that_are_private_in_disguise() -> None:
    for address in ("::ffff:10.0.0.1", "64:ff9b::a00:1", "100.64.0.1", "169.254.169.254", "fd00::1", "224.0.0.1"):
        assert not is_open(address, loopback=True), address
    assert not is_open("::ffff:127.0.0.1", loopback=False)
    assert is_open("93.184.216.34", loopback=False)
    assert is_open("2606:2800:220:1::1", loopback=False)


def test_a_host_that_does_not_exist(fetcher: Fetcher) -> None:
    with pytest.raises(Refused) as refused:
        fetcher.fetch("http://no-such-host.invalid/a.jpg", tries=2)
    assert (refused.value.reason, refused.value.again) == ("no connection", None)


def test_closing_ends_a_fetch_at_once(web: Web) -> None:
    fetcher = Fetcher(Rules(loopback=True))
    threading.Timer(0.3, fetcher.close).start()
    began = time.monotonic()
    with pytest.raises(Refused):
        fetcher.fetch(web.url("/x/drip/a.jpg"))
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("values", "out"),
    [
        (["noai"], True),
        (["all", "NoImageAI"], True),
        (["facekit: noindex"], True),
        (["*: nofollow, noml"], True),
        (["otherbot: noindex, noai"], False),
        (["otherbot: noindex", "noimageindex"], True),
        (["unavailable_after: 25 Jun 2010 15:00:00 PST"], False),
        (["nofollow, noarchive"], False),
        ([], False),
    ],
)
def test_opt_outs(values: list[str], out: bool) -> None:
    assert opted_out(values) is out


def test_facekit_says_who_it_is(web: Web) -> None:
    assert user_agent("https://example.org").startswith("facekit/")
    assert "https://example.org" in user_agent("https://example.org")
    for bad in ("a\nb", "ö"):
        with pytest.raises(FacekitError, match="--contact"):
            user_agent(bad)


def ended(reason: str | None = None, seconds: float = 0.1) -> Outcome:
    return Outcome(None, Refused(reason) if reason else None, seconds)


def test_manners_two_at_once_and_a_pause_between_starts() -> None:
    hosts = Hosts(polite=True)
    hosts.began("a", 100.0)
    assert hosts.wait("a", 100.0) == pytest.approx(GAP)
    assert hosts.wait("b", 100.0) == 0
    hosts.began("a", 100.3)
    assert hosts.wait("a", 101.0) == float("inf")
    hosts.ended("a", 101.0, ended())
    assert hosts.wait("a", 101.0) == 0


def test_a_slow_host_is_asked_less_often_until_it_delivers() -> None:
    hosts = Hosts(polite=True)
    hosts.began("a", 0.0)
    hosts.ended("a", 8.0, ended(seconds=8.0))
    hosts.began("a", 10.0)
    assert hosts.wait("a", 10.0) == pytest.approx(4.0)
    hosts.ended("a", 10.1, ended("http 500", 0.1))
    hosts.began("a", 20.0)
    assert hosts.wait("a", 20.0) == pytest.approx(4.0), "a quick refusal is no reason to hurry"


def test_a_host_that_keeps_refusing_is_left_alone() -> None:
    hosts = Hosts(polite=True)
    for _ in range(STRIKES):
        assert not hosts.resting("a", 50.0)
        hosts.began("a", 50.0)
        hosts.ended("a", 50.0, ended("http 429"))
    assert hosts.resting("a", 50.0 + REST - 1)
    assert not hosts.resting("a", 50.0 + REST + 1)


def test_manners_are_not_for_this_machine() -> None:
    hosts = Hosts(polite=False)
    for _ in range(9):
        hosts.began("127.0.0.2", 1.0)
        assert hosts.wait("127.0.0.2", 1.0) == 0
