"""The pool of downloads: who may start, in which order, and how gently each host is asked."""

from __future__ import annotations

import queue
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from plainweb import Plain, noise

from facekit.commands.scrape import politeness
from facekit.commands.scrape.download import Answer, Fetcher, Picture, Refused, Rules
from facekit.commands.scrape.politeness import GAP, REST, STRIKES
from facekit.commands.scrape.pool import Downloads, Hosts, Job, Outcome, Queue
from facekit.sources.engines import Candidate
from facekit.world.web import Web, serve

RULES = Rules(backoff=0.01, loopback=True)


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with serve(Plain()) as one:
        yield one


def ended(reason: str | None = None, seconds: float = 0.1, pause: float = 0.0) -> Outcome:
    return Outcome(None, Refused(reason, pause=pause) if reason else None, seconds)


def job(url: str, done: Callable[[Outcome], None] = lambda outcome: None, place: int = 0) -> Job:
    return Job(Candidate(url, 1, "test", "test"), done, place=place)


def run(fetcher: Any, hosts: Hosts, urls: Iterable[str], threads: int = 8) -> list[tuple[str, Outcome]]:
    """Download and return how each ended, in the order in which they ended."""
    events: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
    ends: list[tuple[str, Outcome]] = []
    wanted = list(urls)
    with Downloads(fetcher, threads, hosts, events.put) as downloads:
        for url in wanted:
            downloads.add(job(url, lambda outcome, url=url: ends.append((url, outcome))))
        while len(ends) < len(wanted):
            wait = downloads.pump()
            try:
                events.get(timeout=wait)()
            except queue.Empty:
                continue
    return ends


class Scripted:
    """Answers at once, as `script` says for a URL; notes when it was asked for what."""

    def __init__(self, script: Callable[[str, int], Refused | None] = lambda url, tries: None) -> None:
        self.script, self.asked = script, list[tuple[str, float]]()

    def get(self, url: str, page_url: str | None, tries: int, hops: int, roam: bool) -> Answer:
        self.asked.append((url, time.monotonic()))
        refused = self.script(url, tries)
        if refused is not None:
            raise refused
        return Answer(b"", url, "", 0.0)

    def judge(self, answer: Answer) -> tuple[Picture, int]:
        return Picture(answer.data, ".jpg", answer.final_url, answer.fetched_at), 7

    def close(self) -> None:
        """Nothing is open."""


# Manners


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
    hosts.ended("a", 20.1, ended(seconds=0.1))
    hosts.began("a", 30.0)
    assert hosts.wait("a", 30.0) == pytest.approx((4.0 + 0.05) / 2)
    hosts.ended("a", 30.1, ended(seconds=1000))
    hosts.began("a", 200.0)
    assert hosts.wait("a", 200.0) == pytest.approx(60.0)


@pytest.mark.parametrize("reason", ["http 403", "http 429", "timed out"])
def test_a_host_that_keeps_refusing_is_left_alone(reason: str) -> None:
    hosts = Hosts(polite=True)
    for _ in range(STRIKES):
        assert not hosts.resting("a", 50.0)
        hosts.began("a", 50.0)
        hosts.ended("a", 50.0, ended(reason))
    assert hosts.resting("a", 50.0 + REST - 1)
    assert not hosts.resting("a", 50.0 + REST + 1)


@pytest.mark.parametrize("other", [None, "http 404", "http 500", "redirect", "too small"])
def test_five_refusals_in_a_row_and_not_five_in_all(other: str | None) -> None:
    hosts = Hosts(polite=True)
    for reason in ["http 403"] * (STRIKES - 1) + [other] + ["http 429"] * (STRIKES - 1):
        hosts.began("a", 50.0)
        hosts.ended("a", 50.0, ended(reason))
    assert not hosts.resting("a", 50.0)


def test_a_wait_that_a_host_asks_for_is_kept_for_all_its_pictures() -> None:
    hosts = Hosts(polite=True)
    hosts.began("a", 0.0)
    hosts.ended("a", 1.0, ended("http 503", pause=60.0))
    assert hosts.wait("a", 1.0) == pytest.approx(60.0)


def test_manners_are_not_for_this_machine() -> None:
    hosts = Hosts(polite=False)
    for _ in range(9):
        hosts.began("127.0.0.2", 1.0)
        assert hosts.wait("127.0.0.2", 1.0) == 0
    for _ in range(STRIKES):
        hosts.ended("127.0.0.2", 1.0, ended("http 429"))
    assert not hosts.resting("127.0.0.2", 1.0)


# The pool


def test_pictures_come_with_their_hash_and_the_hosts_own_seconds(web: Web) -> None:
    ends = run(Fetcher(RULES), Hosts(polite=False), [web.url(f"/{k}.jpg", k) for k in range(30)])
    assert len(ends) == 30
    for url, outcome in ends:
        assert outcome.picture is not None and outcome.picture.data == noise(url.rpartition("/")[2])
        assert outcome.dhash and outcome.seconds > 0


def test_failures_are_tried_again_and_then_handed_on(web: Web) -> None:
    urls = [web.url(f"/x/{fault}/pool.jpg") for fault in ("flaky", "500", "404", "truncated")]
    ends = dict(run(Fetcher(RULES), Hosts(polite=False), urls))
    reasons = [outcome.refused and outcome.refused.reason for outcome in map(ends.__getitem__, urls)]
    assert reasons == [None, "http 500", "http 404", "incomplete"]
    asked = [web.requests[f"/x/{fault}/pool.jpg"] for fault in ("flaky", "500", "404", "truncated")]
    assert asked == [2, 3, 1, 3]


def test_jobs_start_in_order_and_another_try_keeps_its_place() -> None:
    fetcher = Scripted(lambda url, tries: Refused("http 500", again=0.0) if "first" in url and not tries else None)
    run(fetcher, Hosts(polite=False), ["http://a/first", *(f"http://{host}/{k}" for k in range(9) for host in "ab")], 1)
    asked = [url for url, _ in fetcher.asked]
    assert asked[:2] == ["http://a/first", "http://a/first"]
    assert asked[2:] == [f"http://{host}/{k}" for k in range(9) for host in "ab"]


def test_a_host_that_must_wait_holds_nobody_up() -> None:
    fetcher = Scripted()
    run(fetcher, Hosts(polite=True), ["http://one/1", "http://one/2", "http://one/3", "http://b/", "http://c/"])
    times = dict(fetcher.asked)
    assert times["http://c/"] < times["http://one/2"]
    assert times["http://one/2"] - times["http://one/1"] >= GAP / 2
    assert times["http://one/3"] - times["http://one/2"] >= GAP / 2


def test_the_host_that_a_redirect_leads_to_has_manners_too(web: Web) -> None:
    began = time.monotonic()
    hosts = Hosts(polite=True)
    ends = run(Fetcher(RULES), hosts, [web.url(f"/x/hop/{k}.jpg", k) for k in range(4)])
    assert all(outcome.picture and "//localhost:" in outcome.picture.final_url for _, outcome in ends)
    assert time.monotonic() - began > 2 * GAP, "four pictures on one host are three pauses apart"
    for _ in range(STRIKES):
        hosts.began("localhost", time.monotonic())
        hosts.ended("localhost", time.monotonic(), ended("http 403"))
    (_, outcome), *_ = run(Fetcher(RULES), hosts, [web.url("/x/hop/rest.jpg", 9)])
    assert outcome.refused and (outcome.refused.reason, outcome.refused.value) == ("host refuses", "localhost")


def test_what_waits_for_a_host_that_refuses_is_handed_back_at_once() -> None:
    fetcher = Scripted(lambda url, tries: Refused("http 403"))
    ends = run(fetcher, Hosts(polite=True), [f"http://a/{k}" for k in range(500)])
    reasons = [outcome.refused.reason for _, outcome in ends if outcome.refused]
    assert reasons.count("host refuses") == 500 - len(fetcher.asked)
    assert STRIKES <= len(fetcher.asked) <= STRIKES + 1


def test_the_threads_do_not_wait_for_their_owner() -> None:
    fetcher, events = Scripted(), queue.SimpleQueue[Callable[[], None]]()
    with Downloads(fetcher, 2, Hosts(polite=False), events.put) as downloads:
        for number in range(50):
            downloads.add(job(f"http://a/{number}"))
        ends = time.monotonic() + 30
        while len(fetcher.asked) < 50:
            assert time.monotonic() < ends
            time.sleep(0.01)


def test_many_hosts_many_threads_and_everybody_is_asked_gently(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(politeness, "GAP", 0.02)
    lock, running, most, starts = threading.Lock(), Counter[str](), Counter[str](), defaultdict[str, list[float]](list)

    def work(url: str, tries: int) -> Refused | None:
        host = url.split("/")[2]
        with lock:
            running[host] += 1
            most[host] = max(most[host], running[host])
            starts[host].append(time.monotonic())
        time.sleep(random.uniform(0, 0.01))
        with lock:
            running[host] -= 1
        return Refused("http 500", again=random.uniform(0, 0.05)) if not tries and url.endswith("7") else None

    ends = run(Scripted(work), Hosts(polite=True), [f"http://{k % 40}/{k}" for k in range(1200)], threads=16)
    assert all(outcome.picture for _, outcome in ends)
    assert sum(len(times) for times in starts.values()) == 1320, "each once, and a tenth of them twice"
    assert max(most.values()) <= politeness.AT_ONCE
    # Noted in the thread that fetches, a little after the start that the pool saw to.
    gaps = sorted(after - before for times in starts.values() for before, after in zip(times, times[1:], strict=False))
    assert gaps[len(gaps) // 20] > 0.01


def test_a_bug_in_a_fetch_is_raised_where_the_pool_is_pumped() -> None:
    class Bug(Exception):
        pass

    fetcher = Scripted(lambda url, tries: (_ for _ in ()).throw(Bug))
    with pytest.raises(Bug):
        run(fetcher, Hosts(polite=False), ["http://a/"])


class Counting(Hosts):
    """Counts how often the pool asks for a host's patience."""

    asked = 0

    def wait(self, host: str, now: float) -> float:
        self.asked += 1
        return super().wait(host, now)


@pytest.mark.parametrize("many", [1, 5000])
def test_waiting_jobs_cost_nothing_however_many(many: int) -> None:
    hosts = Counting(polite=True)
    line = Queue(hosts)
    for number in range(10_000):
        line.put(job(f"http://{number % many}/{number}", place=number), 0.0)
    hosts.asked, now, taken = 0, 0.0, []
    while len(taken) < 200:
        line.wake(now)
        while (one := line.take(now)) is not None:
            taken.append(one.place)
            hosts.began(one.host, now)
            line.touch(one.host, now)
            hosts.ended(one.host, now, ended(seconds=0.0))
            line.touch(one.host, now)
        now += max(line.soonest(now), 0.01)
    assert hosts.asked < 8 * len(taken), "a few looks for each that started, and none for those that wait"
    assert taken[:200] == list(range(200)), "in order, hosts permitting"
