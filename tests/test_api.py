"""What an API engine reads of a server that means harm, over real HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator

import hostileweb
import pytest
import requests
from hostileweb import PRIVATE, Hostile

from facekit.sources.addresses import Gate, own_server
from facekit.sources.connections import GuardedAdapter
from facekit.sources.engines import State, api
from facekit.sources.engines.api import Api, Budget
from facekit.sources.engines.reading import LONGEST, MOST_VALUES, parse


@pytest.fixture(scope="module")
def web() -> Iterator[Hostile]:
    with hostileweb.serve() as one:
        yield one


@pytest.fixture
def session(web: Hostile) -> Iterator[requests.Session]:
    """A session as the bots have it."""
    with requests.Session() as one:
        one.mount("http://", GuardedAdapter(Gate(own=own_server(web.base_url))))
        yield one


def ask(web: Hostile, session: requests.Session, behaviour: str) -> api.Answer:
    return Api(f"{web.base_url}/api", Budget()).ask(session, {"q": behaviour})


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        ("endless body", "more than 4,000,000 bytes"),
        ("gzip bomb", "more than 4,000,000 bytes"),
        ("200 MB in a card", "more than 4,000,000 bytes"),
        ("endless headers", "headers|line"),
        ("garbage", "HTTP|BadStatusLine|aborted"),
        ("not gzip", "gzip"),
        ("redirects to a private address", "private address, $PRIVATE"),
        ("redirects to another server", "private address, 127.0.0.1"),
        ("redirects for ever", "redirects"),
    ],
)
def test_an_answer_that_harms_is_no_answer(web: Hostile, session: requests.Session, behaviour: str, said: str) -> None:
    began = time.monotonic()
    with pytest.raises(requests.RequestException, match=said.replace("$PRIVATE", PRIVATE)):
        ask(web, session, behaviour)
    assert time.monotonic() - began < 10
    assert not web.trap.caught


@pytest.mark.parametrize("behaviour", ["drips the body", "drips a body of known length"])
def test_an_answer_that_never_ends_is_given_up(
    web: Hostile, session: requests.Session, monkeypatch: pytest.MonkeyPatch, behaviour: str
) -> None:
    monkeypatch.setattr(api, "WALL", 1.0)
    with pytest.raises(requests.Timeout, match="did not end in 1 seconds"):
        ask(web, session, behaviour)


def test_no_answer_at_all(web: Hostile, session: requests.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "TIMEOUT", (1.0, 0.5))
    with pytest.raises(requests.Timeout):
        ask(web, session, "hangs before headers")


def test_pages_and_pictures_are_no_json(web: Hostile, session: requests.Session) -> None:
    for behaviour in ("deep JSON", "a picture", "bad encodings", "never stops"):
        assert ask(web, session, behaviour).state is State.LAYOUT_CHANGED
    assert ask(web, session, "asks for a password").state is State.BLOCKED


def test_a_redirect_is_followed_where_it_may_be() -> None:
    gate = Gate()
    with pytest.raises(requests.ConnectionError, match="private address"), requests.Session() as session:
        session.mount("http://", GuardedAdapter(gate))
        session.get("http://127.0.0.1:9/", timeout=2)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 100_000,
        "[" * 900 + "]" * 900,
        "[" + "[]," * MOST_VALUES + "0]",
        '"' + "x" * LONGEST + '"',
        "9" * 5000,
    ],
)
def test_json_that_is_none_or_too_much(text: str) -> None:
    value = parse(text)
    assert value is None or text.startswith("[[[")  # Python reads lists up to its own depth
