"""Opt-outs: how each is read, and, on a local web, what is fetched, what is not, and how it is counted."""

from __future__ import annotations

import csv
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, rejected
from plainengine import ENGINES
from plainweb import Plain, noise
from urllib3 import HTTPHeaderDict

from facekit.base import plugins
from facekit.commands.rejected import rejected as list_rejected
from facekit.commands.scrape import scrape
from facekit.commands.scrape.board import Watch
from facekit.commands.scrape.download import Fetcher, Refused, Rules
from facekit.options.rejected import Rejected
from facekit.options.scrape import Scrape
from facekit.sources.optouts import SIGNALS, OptOut, of_answer, robots_tag, signalled, training
from facekit.sources.siterules import MOST_BYTES, origin_of, site_rules
from facekit.world.web import Web, serve

ROBOTS = """
User-agent: *
Disallow: /private/
Disallow: /*.secret.jpg$
Allow: /private/open/
Content-Usage: /no-training/ train-ai=n
Content-Usage: /no-training/but-this/ train-ai=y
Content-Signal: /signal/ search=yes, ai-train=no

User-agent: otherbot
Disallow: /
"""

TDM = """[
  {"location": "/reserved/free/", "tdm-reservation": 0},
  {"location": "/reserved/", "tdm-reservation": 1, "tdm-policy": "https://example.org/policy"},
  {"location": "/other/*.jpg", "tdm-reservation": "1"},
  {"location": "/broken/", "tdm-reservation": 2}, 7, {"location": 3}
]"""

FORBIDDEN = {
    "/private/a.jpg": "robots.txt",
    "/open/b.secret.jpg": "robots.txt",
    "/no-training/c.jpg": "Content-Usage in robots.txt",
    "/signal/d.jpg": "Content-Signal in robots.txt",
    "/reserved/e.jpg": "tdmrep.json",
    "/other/f.jpg": "tdmrep.json",
    "/x/tdm-reserved/g.jpg": "tdm-reservation",
    "/x/usage-no/h.jpg": "Content-Usage",
    "/x/noai/i.jpg": "X-Robots-Tag",
    "/x/mining-no/j.jpg": "data mining (IPTC)",
    "/x/mining-no-png/k.jpg": "data mining (IPTC)",
}
"""Path -> the signal for which its picture is left out."""

NEVER_ASKED = ("robots.txt", "Content-Usage in robots.txt", "Content-Signal in robots.txt")

FREE = {
    "/private/open/l.jpg": "robots.txt allows this path",
    "/no-training/but-this/m.jpg": "Content-Usage in robots.txt allows this path",
    "/reserved/free/n.jpg": "tdmrep.json allows this path",
    "/broken/o.jpg": "tdmrep.json says nothing that is valid",
    "/x/tdm-free/p.jpg": "tdm-reservation is 0",
    "/x/usage-yes/q.jpg": "Content-Usage allows training",
    "/x/mining-yes/r.jpg": "data mining (IPTC) allows it",
    "/open/s.jpg": "no signal",
}
"""Path -> why its picture is kept."""

GUIDE = ROOT / "docs" / "guides" / "scraping.md"


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    names = {"more Ada": [*FORBIDDEN, *FREE]}
    with serve(Plain(names, {"/robots.txt": ROBOTS, "/.well-known/tdmrep.json": TDM})) as one:
        yield one


@pytest.fixture(autouse=True)
def engines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(plugins.PARTS, "engine", {**plugins.PARTS["engine"], **ENGINES})


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    one = Fetcher(Rules(loopback=True, backoff=0.01))
    yield one
    one.close()


def options(web: Web, out: Path, **more: Any) -> Scrape:
    return Scrape(names=["Ada"], output=out, per_name=30, base_url=web.base_url, bots=1, engine="plain", **more)


def test_what_is_fetched_and_what_is_not(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    boards: list[str] = []
    opted = Watch.opted_out
    monkeypatch.setattr(Watch, "opted_out", lambda one, n: (opted(one, n), boards.append(one.board().total[2])))
    before = web.requests.copy()
    report = scrape(options(web, tmp_path / "raw"))
    asked = {path for path in web.requests if web.requests[path] > before[path]}
    counts = {signal: list(FORBIDDEN.values()).count(signal) for signal in SIGNALS}

    assert report.kept == len(FREE), report.left
    assert {"/" + r["path"].split("/", 3)[3]: r["reason"] for r in rejected(tmp_path / "raw")} == {
        path: f"opted out: {signal}" for path, signal in FORBIDDEN.items()
    }
    assert report.details["opted_out"] == counts
    assert boards[-1] == f"{len(FORBIDDEN)} opted out"
    assert not asked & {path for path, signal in FORBIDDEN.items() if signal in NEVER_ASKED}
    assert {*FREE, *(path for path, signal in FORBIDDEN.items() if signal not in NEVER_ASKED)} <= asked
    # Of each of the hosts once, however many pictures it has.
    hosts = {url["path"].split("/")[2] for url in rejected(tmp_path / "raw")}
    assert web.requests["/robots.txt"] - before["/robots.txt"] <= len(web.hosts)
    assert len(hosts) > 1

    with (tmp_path / "raw/summary.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert all(f"{count} opted out: {signal}" in row["reasons"] for signal, count in counts.items())
    listed = list(list_rejected(Rejected(tree=tmp_path / "raw", reason="opt-out")))
    assert len(listed) == len(FORBIDDEN)
    left = {row["path"].split("/", 3)[3] for row in rejected(tmp_path / "raw")}
    yes = {True: "yes", False: "no"}
    table = [
        f"| `{path}` | {signal} | {yes[path in asked]} | {yes[path[1:] not in left]} |"
        for path, signal in (FORBIDDEN | FREE).items()
    ]
    rows = [line for line in GUIDE.read_text().splitlines() if line.startswith("| `/")]
    assert rows == table, "the table in the guide is what was measured here:\n" + "\n".join(table)


def test_opt_outs_are_only_ignored_on_request(web: Web, tmp_path: Path) -> None:
    before = web.requests.copy()
    report = scrape(options(web, tmp_path / "raw", ignore_opt_outs=True))
    assert report.kept == len(FORBIDDEN) + len(FREE)
    assert web.requests["/robots.txt"] == before["/robots.txt"]
    assert "--ignore-opt-outs" in report.details["notices"][0]
    assert '"ignore_opt_outs": true' in (tmp_path / "raw/dataset.json").read_text()


class Sick(BaseHTTPRequestHandler):
    """A host whose robots.txt answers with a status, or leads elsewhere, and whose pictures are good."""

    status, target, asked = 200, "", Counter[str]()

    def do_GET(self) -> None:
        self.asked[self.path] += 1
        status = self.status if self.path == "/robots.txt" else 404 if "." not in self.path else 200
        body = noise(self.path) if self.path.endswith(".jpg") else b"User-agent: *\nDisallow: /closed/"
        self.send_response(status)
        if status == 301:
            self.send_header("Location", self.target)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def sick(status: int, target: str = "") -> Iterator[tuple[str, Counter[str]]]:
    asked: Counter[str] = Counter()
    handler = type("Handler", (Sick,), {"status": status, "target": target, "asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(("status", "kept"), [(404, True), (403, True), (500, False), (429, False)])
def test_a_host_whose_robots_file_cannot_be_had(fetcher: Fetcher, status: int, kept: bool) -> None:
    with sick(status) as (host, asked):
        for number in range(5):
            if kept:
                assert fetcher.fetch(f"{host}/{number}.jpg").suffix == ".jpg"
            else:
                with pytest.raises(Refused, match=f"http {status}") as refused:
                    fetcher.fetch(f"{host}/{number}.jpg")
                assert (refused.value.again is None) is (number >= 2)
        assert asked["/robots.txt"] == (1 if kept else 3), "it is not asked for each picture"
        assert (sum(asked.values()) - asked["/robots.txt"] - asked["/.well-known/tdmrep.json"]) == 5 * kept


@pytest.mark.parametrize(
    ("target", "kept"), [("/rules.txt", False), ("/robots.txt", True), ("file:///etc/hosts", True)]
)
def test_a_robots_file_may_lie_elsewhere(fetcher: Fetcher, target: str, kept: bool) -> None:
    with sick(301, target) as (host, asked):
        if kept:
            fetcher.fetch(f"{host}/closed/a.jpg")
        else:
            with pytest.raises(Refused, match="opted out: robots.txt"):
                fetcher.fetch(f"{host}/closed/a.jpg")
        assert asked["/robots.txt"] <= 6


@pytest.mark.parametrize(
    ("values", "out"),
    [
        (["noai"], True),
        (["all", "NoImageAI"], True),
        (["facekit: noindex"], True),
        (["*: nofollow, noml"], True),
        (["otherbot: noindex, noai"], False),
        (["otherbot: noindex", "noimageindex"], True),
        (["max-image-preview: large, noai"], True),
        (["max-snippet:-1, max-image-preview:none"], False),
        (["unavailable_after: 25 Jun 2010 15:00:00 PST"], False),
        (["unavailable_after: 25 Jun 2010 15:00:00 PST, noimageindex"], True),
        (["nofollow, noarchive"], False),
        ([], False),
    ],
)
def test_x_robots_tag(values: list[str], out: bool) -> None:
    assert robots_tag(values) is out


@pytest.mark.parametrize(
    ("usage", "allowed"),
    [
        ("train-ai=n", False),
        ("train-ai=y, search=n", True),
        ("search=n", None),
        ("train-ai=y, train-ai=n", False),
        ("train-ai;x=n, search=y", None),
        ("train-ai=n;until=2027", False),
        ("Train-AI = N", False),
        ('train-ai="n"', None),
        ("bots=n", False),
        ("bots=n, train-ai=y", True),
        ("all=n", False),
        ("", None),
    ],
)
def test_content_usage(usage: str, allowed: bool | None) -> None:
    assert training(usage) is allowed


def test_content_signal() -> None:
    assert signalled("search=yes, ai-train=no") is False
    assert signalled("ai-train=yes") is True
    assert signalled("search=no, ai-input=no") is None


def test_a_header_overrules_the_file_of_the_host() -> None:
    file = OptOut("tdmrep.json", "")
    assert of_answer(HTTPHeaderDict(), file) is file
    assert of_answer(HTTPHeaderDict({"tdm-reservation": "0"}), file) is None
    assert of_answer(HTTPHeaderDict({"tdm-reservation": "7"}), file) is file
    assert of_answer(HTTPHeaderDict({"tdm-reservation": "1"})) == OptOut("tdm-reservation", "1")


@pytest.mark.parametrize(
    ("robots", "path", "signal"),
    [
        ("User-agent: facekit\nDisallow: /\n\nUser-agent: *\nAllow: /", "/a", "robots.txt"),
        ("User-agent: *\nDisallow: /\n\nUser-agent: facekit\nAllow: /", "/a", None),
        ("User-agent: face\nDisallow: /", "/a", None),
        ("User-agent: FaceKit/2.0 # us\nUser-agent: other\nDisallow: /a", "/a", "robots.txt"),
        ("User-agent: *\nContent-Usage: train-ai=n", "/a?b", "Content-Usage in robots.txt"),
        ("User-agent: facekit\nContent-Usage: train-ai=y\nUser-agent: *\nContent-Usage: train-ai=n", "/a", None),
        (
            "User-agent: *\nContent-Usage: /a train-ai=n\nContent-Usage: /a train-ai=y",
            "/a",
            "Content-Usage in robots.txt",
        ),
        ("User-agent: *\nContent-Usage: /a train-ai=n # why\nContent-Usage: /a/b/ train-ai=y", "/a/b/c", None),
        ("Content-Usage: train-ai=n", "/a", None),
        ("User-agent: *\nSitemap: x\nContent-Signal: ai-train=no", "/a", "Content-Signal in robots.txt"),
        ("\ufeffUser-agent: *\nDisallow: /", "/a", "robots.txt"),
        ("<html>User-agent: *\nNot found: /</html>", "/a", None),
    ],
)
def test_robots_rules(robots: str, path: str, signal: str | None) -> None:
    said = site_rules("http://a.example", robots.encode(), b"").forbids(f"http://a.example{path}")
    assert (said.signal if said else None) == signal


def test_files_of_a_stranger_cost_little() -> None:
    many = "".join(f"User-agent: bot{n}\n" for n in range(20_000)) + "Disallow: /*a*b*c*d$\n" * 10_000
    began = time.process_time()
    rules = site_rules("http://a.example", many.encode(), b"[" * MOST_BYTES)
    assert rules.forbids("http://a.example/" + "a" * 4000) is None
    assert rules.reserves("http://a.example/") is None
    assert time.process_time() - began < 5


def test_rules_hold_for_a_scheme_a_host_and_a_port() -> None:
    assert origin_of("HTTPS://me:secret@Example.org:8443/a?b") == "https://example.org:8443"
    assert origin_of("http://a.example\\@b.example/") != origin_of("http://b.example/")
