"""The downloader against hosts that lie, stall, refuse and redirect, over real HTTP."""

from __future__ import annotations

import io
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import PIL.features
import PIL.Image
import pytest
from plainweb import Plain, noise

from facekit.base import images
from facekit.base.contract import FacekitError
from facekit.base.header import TOO_LARGE
from facekit.commands.scrape.checks import check
from facekit.commands.scrape.download import (
    Answer,
    Elsewhere,
    Fetcher,
    Refused,
    Rules,
    host_of,
    may_work_later,
    user_agent,
)
from facekit.world.faults import FAULTS
from facekit.world.web import Web, serve

RULES = Rules(backoff=0.01, max_bytes=1_000_000, loopback=True)
IMPATIENT = replace(RULES, wall=1.5, read=1.2)
PAGE = "http://page.example/gallery.html"
AVIF = PIL.features.check("avif")

REFUSED = {
    **{str(code): f"http {code}" for code in (400, 401, 403, 404, 408, 410, 429, 500, 502, 504, 522, 524)},
    "busy-until": "http 503",
    "odd-header": "http 429",
    "flaky": "http 503",
    "unanswered": "no connection",
    "html": "web page",
    "html-as-jpeg": "web page",
    "truncated": "incomplete",
    "short": "truncated",
    "cut": "truncated",
    "endless": "too many bytes",
    "huge": "too many bytes",
    "unpacks": "too many bytes",
    "loop": "too many redirects",
    "hop-noai": "opted out: X-Robots-Tag",
    "metadata": "private address",
    "private": "private address",
    "file": "not a web address",
    "bad-address": "not a web address",
    "svg": "drawing",
    "ico": "format",
    "gif": "animated",
    "webp-moving": "animated",
    "png-moving": "animated",
    "tiny": "too small",
    "bomb": TOO_LARGE,
    "empty": "empty file",
    "noai": "opted out: X-Robots-Tag",
    "noai-token": "opted out: X-Robots-Tag",
    "usage-no": "opted out: Content-Usage",
    "tdm-reserved": "opted out: tdm-reservation",
    "mining-no": "opted out: data mining (IPTC)",
    "mining-no-png": "opted out: data mining (IPTC)",
    "mining-tdm": "opted out: tdm-reservation",
}

SAVED = {
    **dict.fromkeys(("needs-referer", "refuses-referer", "slow", "noindex-other", "hop"), ".jpg"),
    **dict.fromkeys(("loopback", "decimal", "same", "usage-yes", "tdm-free", "mining-yes"), ".jpg"),
    "webp": ".webp",
    "gif-still": ".gif",
    "avif": ".avif",
}
"""What is no picture's fault: kept, and named by its first bytes."""

ELSEWHERE = {"loopback6", "drip", "drip-open", "drip-head"}
"""Tested below, and among the private addresses: not every machine that runs the tests has IPv6."""


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with serve(Plain()) as one:
        yield one


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    one = Fetcher(RULES, "https://example.org/contact")
    yield one
    one.close()


def refusal(fetcher: Fetcher, url: str, tries: int = 0) -> Refused:
    with pytest.raises(Refused) as refused:
        fetcher.fetch(url, PAGE, tries)
    return refused.value


def test_every_fault_has_a_class() -> None:
    assert {*REFUSED, *SAVED, *ELSEWHERE} == set(FAULTS)


@pytest.mark.parametrize(("fault", "reason"), REFUSED.items())
def test_a_fault_is_refused_for_what_it_is(web: Web, fetcher: Fetcher, fault: str, reason: str) -> None:
    assert refusal(fetcher, web.url(f"/x/{fault}/a.jpg")).reason == reason


@pytest.mark.parametrize("fault", ["drip", "drip-open", "drip-head"])
def test_a_host_that_never_comes_to_an_end_is_cut_off(web: Web, fault: str) -> None:
    fetcher = Fetcher(IMPATIENT)
    began = time.monotonic()
    refused = refusal(fetcher, web.url(f"/x/{fault}/a.jpg"))
    fetcher.close()
    assert (refused.reason, refused.again) == ("timed out", None)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(("fault", "suffix"), SAVED.items())
def test_a_picture_that_can_be_had_is_had(web: Web, fetcher: Fetcher, fault: str, suffix: str) -> None:
    if fault == "avif" and not AVIF:
        assert refusal(fetcher, web.url("/x/avif/a.jpg")).value == ".avif"
        return
    picture = fetcher.fetch(web.url(f"/x/{fault}/a.jpg"), PAGE)
    assert picture.suffix == suffix
    assert (picture.data == noise("a.jpg")) == (suffix == ".jpg" and fault not in ("same", "mining-yes"))


def test_what_pillow_cannot_read_is_refused_by_its_name() -> None:
    heic = (32).to_bytes(4, "big") + b"ftypheic" + bytes(3000)
    with pytest.raises(Refused) as refused:
        check(heic, RULES)
    assert (refused.value.reason, refused.value.value) == ("format", ".heic")


def test_the_referer_is_tried_the_other_way_round_once(web: Web, fetcher: Fetcher) -> None:
    fetcher.fetch(web.url("/x/refuses-referer/twice.jpg"), PAGE)
    assert web.requests["/x/refuses-referer/twice.jpg"] == 2
    fetcher.fetch(web.url("/x/needs-referer/pageless.jpg"))
    assert web.requests["/x/needs-referer/pageless.jpg"] == 2
    refusal(fetcher, web.url("/x/403/never.jpg"))
    assert web.requests["/x/403/never.jpg"] == 2


def test_five_redirects_and_no_more(web: Web, fetcher: Fetcher) -> None:
    refusal(fetcher, web.url("/x/loop/round.jpg"))
    assert web.requests["/x/loop/round.jpg"] == 6


def test_a_page_that_no_header_can_name(web: Web, fetcher: Fetcher) -> None:
    assert fetcher.fetch(web.url("/a.jpg"), "http://b\x00cher.example/").data == noise("a.jpg")


def test_a_redirect_to_another_host_may_be_left_to_the_caller(web: Web, fetcher: Fetcher) -> None:
    with pytest.raises(Elsewhere) as elsewhere:
        fetcher.get(web.url("/x/hop/a.jpg"), PAGE, roam=False)
    there = elsewhere.value
    assert (host_of(there.url), there.hops) == ("localhost", 1)
    assert fetcher.get(there.url, PAGE, hops=there.hops, roam=False).data == noise("a.jpg")
    with pytest.raises(Refused, match="too many redirects"):
        fetcher.get(there.url, PAGE, hops=6)


def test_a_host_is_the_one_that_is_connected_to() -> None:
    assert host_of("http://User:word@Example.ORG.:8080/a.jpg") == "example.org"
    assert host_of("http://a.example\\@10.0.0.1/") == "a.example"
    assert host_of("http://[::1") == ""


def test_passwords_in_an_address_are_not_sent(web: Web, fetcher: Fetcher) -> None:
    url = web.url("/x/needs-referer/a.jpg").replace("http://", "http://user:word@")
    assert "word" not in (fetcher.fetch(url, PAGE).final_url.partition("@")[2])
    assert fetcher.fetch(url).data == noise("a.jpg")


def test_what_may_pass_is_tried_again_and_what_may_not_is_not(web: Web, fetcher: Fetcher) -> None:
    def again(path: str, tries: int = 0) -> float | None:
        return refusal(fetcher, web.url(path), tries).again

    assert again("/x/flaky/once.jpg") is not None
    assert fetcher.fetch(web.url("/x/flaky/once.jpg"), PAGE, 1).data == noise("once.jpg")
    for fault in ("408", "500", "502", "504", "522", "524", "truncated", "unanswered"):
        assert again(f"/x/{fault}/a.jpg") is not None, fault
        assert again(f"/x/{fault}/a.jpg", tries=2) is None, fault
    for fault in ("400", "401", "403", "404", "410", "html", "short", "cut", "noai", "metadata"):
        assert again(f"/x/{fault}/a.jpg") is None, fault


@pytest.mark.parametrize("fault", ["429", "busy-until"])
def test_a_host_may_ask_for_a_day_and_gets_a_minute(web: Web, fetcher: Fetcher, fault: str) -> None:
    refused = refusal(fetcher, web.url(f"/x/{fault}/a.jpg"))
    assert (refused.again, refused.pause) == (60, 60)
    last = refusal(fetcher, web.url(f"/x/{fault}/a.jpg"), tries=2)
    assert (last.again, last.pause) == (None, 60), "other pictures of that host wait all the same"


def test_a_wait_that_says_nothing_is_ours_to_choose(web: Web, fetcher: Fetcher) -> None:
    refused = refusal(fetcher, web.url("/x/odd-header/a.jpg"))
    assert refused.pause == 0
    assert refused.again is not None and 0.01 <= refused.again <= 0.015


@pytest.mark.parametrize(
    ("reason", "later"),
    [
        ("timed out", True),
        ("no connection", True),
        ("incomplete", True),
        ("host refuses", True),
        ("http 408", True),
        ("http 429", True),
        ("http 500", True),
        ("http 524", True),
        ("http 400", False),
        ("http 401", False),
        ("http 403", False),
        ("http 404", False),
        ("http 410", False),
        ("http ", False),
        ("http " + "9" * 5000, False),
        ("http ²", False),
        ("web page", False),
        ("not a picture", False),
        ("too small", False),
        ("opted out: robots.txt", False),
        ("private address", False),
        ("truncated", False),
        ("repeat", False),
    ],
)
def test_what_a_later_run_may_have(reason: str, later: bool) -> None:
    assert may_work_later(reason) is later
    assert Refused(reason).transient is later


def test_a_host_that_does_not_exist(fetcher: Fetcher) -> None:
    refused = refusal(fetcher, "http://no-such-host.invalid/a.jpg", tries=2)
    assert (refused.reason, refused.again) == ("no connection", None)


def test_closing_ends_a_fetch_at_once(web: Web) -> None:
    fetcher = Fetcher(Rules(loopback=True))
    threading.Timer(0.3, fetcher.close).start()
    began = time.monotonic()
    with pytest.raises(Refused):
        fetcher.fetch(web.url("/x/drip/a.jpg"))
    assert time.monotonic() - began < 5


def test_connections_are_used_again(web: Web, fetcher: Fetcher) -> None:
    opened = threading.active_count()
    for number in range(20):
        fetcher.fetch(web.url(f"/again-{number}.jpg"))
    assert threading.active_count() - opened <= 1, "the server has a thread for each connection"


def test_a_server_may_be_slow_to_answer() -> None:
    with serve(Plain(), latency=0.2) as one:
        fetcher = Fetcher(RULES)
        answer = fetcher.get(one.url("/a.jpg"))
        fetcher.close()
    assert 0.2 <= answer.latency < 5


@pytest.mark.parametrize("length", ["9" * 5000, "9" * 19, "-1", "0x10", "²"])
def test_a_length_that_no_answer_has_is_no_length(length: str) -> None:
    """What comes decides: here a server that says nonsense and hangs up after a photo."""
    photo, fetcher = noise("a.jpg"), Fetcher(replace(RULES, opt_outs=False))
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with server.accept()[0] as client:
                client.recv(65_536)
                head = f"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: {length}\r\n\r\n"
                client.sendall(head.encode("latin-1") + photo)

        serving = threading.Thread(target=answer)
        serving.start()
        try:
            fetcher.fetch(f"http://127.0.0.1:{server.getsockname()[1]}/a.jpg")
        except Refused as refused:
            assert refused.reason in ("incomplete", "no connection"), refused.reason
        finally:
            fetcher.close()
            serving.join()


# Over TLS


class _Photos(BaseHTTPRequestHandler):
    """Sends `/slowly.jpg` byte by byte and anything else whole."""

    def do_GET(self) -> None:
        data = noise("a.jpg")
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        for start in range(0, len(data), 1 if self.path == "/slowly.jpg" else len(data)):
            self.wfile.write(data[start : start + (1 if self.path == "/slowly.jpg" else len(data))])
            time.sleep(0.1 if self.path == "/slowly.jpg" else 0)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is what is tested."""


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A server with a certificate of its own making, and the file that holds it."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    name = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    made = ("-keyout", str(key), "-out", str(certificate), "-days", "2", "-nodes")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", *made, *name], check=True, capture_output=True)
    server = _Server(("127.0.0.1", 0), _Photos)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"https://localhost:{server.server_port}", certificate
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_certificate_that_nobody_vouches_for(secure: tuple[str, Path], fetcher: Fetcher) -> None:
    refused = refusal(fetcher, f"{secure[0]}/a.jpg")
    assert (refused.reason, refused.again) == ("no valid certificate", None)
    assert refusal(fetcher, f"{secure[0].replace('https', 'http')}/a.jpg").reason == "no connection"


def test_a_certificate_that_is_trusted(secure: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(secure[1]))
    fetcher = Fetcher(IMPATIENT)
    assert fetcher.fetch(f"{secure[0]}/a.jpg").data == noise("a.jpg")
    assert refusal(fetcher, f"{secure[0].replace('localhost', '127.0.0.1')}/a.jpg").reason == "no valid certificate"
    began = time.monotonic()
    assert refusal(fetcher, f"{secure[0]}/slowly.jpg").reason == "timed out"
    assert time.monotonic() - began < 5
    fetcher.close()


# What a picture is


def encoded(form: str, mode: str = "RGB", size: tuple[int, int] = (150, 130)) -> bytes:
    out = io.BytesIO()
    pixels = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), np.uint8)
    PIL.Image.fromarray(pixels).convert(mode).save(out, form)
    return out.getvalue()


@pytest.mark.parametrize(
    ("form", "mode"),
    [("JPEG", "RGB"), ("JPEG", "CMYK"), ("JPEG", "L"), ("PNG", "RGBA"), ("PNG", "I;16"), ("PNG", "P"), ("PNG", "1")]
    + [("WEBP", "RGBA"), ("BMP", "RGB"), ("GIF", "P")]
    + [("AVIF", "RGB")] * AVIF,
)
def test_whatever_can_be_decoded_is_kept(form: str, mode: str) -> None:
    if mode == "I;16":
        data = cv2.imencode(".png", np.random.default_rng(1).integers(0, 65536, (130, 150), np.uint16))[1]
        suffix, dhash = check(bytes(data), RULES)
    else:
        suffix, dhash = check(encoded(form, mode), RULES)
    assert suffix == {"JPEG": ".jpg"}.get(form, f".{form.lower()}")
    assert 0 <= dhash < 2**64


@pytest.mark.parametrize("size", [(120, 160), (300, 280), (900, 700)])
def test_the_hash_is_that_of_the_whole_picture(size: tuple[int, int]) -> None:
    cells = np.random.default_rng(5).integers(0, 256, (9, 9, 3), np.uint8)
    data = images.encode(np.asarray(cv2.resize(cells, size, interpolation=cv2.INTER_CUBIC), np.uint8))
    exact = images.dhash(images.gray(images.decode(data)))
    assert (check(data, RULES)[1] ^ exact).bit_count() <= 3


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"] + ["AVIF"] * AVIF)
def test_a_picture_that_lacks_its_end_is_refused(form: str) -> None:
    data = encoded(form)
    with pytest.raises(Refused) as refused:
        check(data[: len(data) * 3 // 4], RULES)
    assert refused.value.reason in ("truncated", "cannot be decoded", "not a picture", "format")


def test_limits_of_size() -> None:
    for size, reason in (((99, 500), "too small"), ((100, 100), None)):
        try:
            check(encoded("JPEG", size=size), RULES)
        except Refused as refused:
            assert refused.reason == reason
        else:
            assert reason is None
    flat = io.BytesIO()
    PIL.Image.new("RGB", (200, 200)).save(flat, "PNG")
    with pytest.raises(Refused, match="too few bytes"):
        check(flat.getvalue(), RULES)


def test_an_answer_is_judged_apart_from_its_fetching(fetcher: Fetcher) -> None:
    picture, dhash = fetcher.judge(Answer(noise("a.jpg"), "http://a.example/a.jpg", "2026-11-01T00:00:00+00:00", 0.1))
    assert (picture.suffix, picture.final_url) == (".jpg", "http://a.example/a.jpg")
    assert dhash == check(noise("a.jpg"), RULES)[1]


def test_facekit_says_who_it_is() -> None:
    assert user_agent("https://example.org").startswith("facekit/")
    assert "https://example.org" in user_agent("https://example.org")
    for bad in ("a\nb", "ö"):
        with pytest.raises(FacekitError, match="--contact"):
            user_agent(bad)
