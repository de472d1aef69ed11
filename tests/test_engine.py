"""What a server says, and still does, when a part of it fails."""

from __future__ import annotations

import json
import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from asking import Api, served

pytest.importorskip("fastapi", reason="the extra `serve` is not installed")

from facekit.identity.gallery.queries import Queries
from facekit.options.serve import Serve
from facekit.serving import engine as engines
from facekit.serving import logs, workers
from facekit.serving.batching import Batcher
from facekit.serving.server import listen


@pytest.fixture
def own(enrolled: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Api]:
    """A server whose lines are captured, and which may be spoiled."""
    caplog.set_level(logging.INFO, logs.log.name)
    with served(Path(shutil.copytree(enrolled, tmp_path / "gallery"))) as one:
        yield one


def becomes(so: Callable[[], Any], seconds: float = 30) -> bool:
    """Whether something becomes true."""
    until = time.monotonic() + seconds
    while not so():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def lines(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, Any]]:
    """The lines of an event."""
    ours = (json.loads(one.getMessage()) for one in caplog.records if one.name == logs.log.name)
    return [one for one in ours if one["event"] == event]


def test_a_server_that_embeds_no_more_is_not_ready_and_nobody_waits(
    own: Api, drawn_photos: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    photo = next(drawn_photos.glob("*/*.jpg")).read_bytes()
    assert own.send("/v1/identify", {"picture": photo}).status == own.get("/readyz", key=None).status == 200

    def broken(self: Batcher[Any, Any]) -> Any:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Batcher, "_next", broken)
    for _ in range(2):  # the one that it dies of, and one after
        began = time.monotonic()
        reply = own.send("/v1/identify", {"picture": photo})
        assert (reply.status, reply.problem, reply.headers["retry-after"]) == (503, "not-ready", "1")
        assert time.monotonic() - began < 20  # and not until the time-out
        monkeypatch.undo()
    said = own.get("/readyz", key=None)
    assert said.problem == "not-ready" and "start the server again" in said.json["detail"]
    assert own.get("/healthz", key=None).status == own.get("/v1/people").status == 200
    assert own.send("/v1/detect", {"picture": photo}).status == 200  # which embeds nothing
    (line,) = lines(caplog, "task-ended")
    assert (line["task"], line["error"]) == ("embed", "RuntimeError") and "batching.py" in line["frames"][0]


def test_a_threshold_that_cannot_be_found_is_said_once_and_tried_again(
    own: Api, strangers: list[bytes], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fault() -> bool:
        return "facekit_threshold_fault 1.0" in own.get("/metrics").body.decode()

    tried: list[int] = []

    def stored(self: Queries) -> tuple[int, str]:
        tried.append(1)
        return self.peek()[0], "no threshold"

    monkeypatch.setattr(engines, "RETRY_SECONDS", 0.1)
    assert not fault()
    monkeypatch.setattr(Queries, "promise", stored)
    sent = (own.send("/v1/people", {"picture": one}, {"name": "Zoë", "face": "1"}, key="write") for one in strangers)
    assert next(one for one in sent if one.status == 201)
    assert becomes(fault) and becomes(lambda: len(tried) > 3)
    assert own.get("/readyz", key=None).status == 200  # the threshold of before holds
    assert [one["error"] for one in lines(caplog, "threshold-fault")] == ["FacekitError"]
    monkeypatch.undo()
    assert becomes(lambda: not fault())


def test_a_long_queue_at_the_desk_does_not_make_keys_look_stale(own: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    busy, go, people = threading.Event(), threading.Event(), Queries.people

    def slowly(self: Queries) -> Any:
        busy.set()
        assert go.wait(30)
        return people(self)

    monkeypatch.setattr(engines, "STALE_SECONDS", 2.0)
    monkeypatch.setattr(Queries, "people", slowly)
    with ThreadPoolExecutor(2) as pool:
        listed = [pool.submit(own.get, "/v1/people") for _ in range(2)]
        assert busy.wait(30)
        time.sleep(2.2)
        try:
            assert own.get("/readyz", key=None).status == own.get("/v1/key").status == 200
        finally:
            go.set()
    assert [one.result().status for one in listed] == [200, 200]


def test_a_server_that_cannot_start_says_so(
    enrolled: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> list[Any]:
        raise MemoryError("no room for the networks")

    monkeypatch.setattr(engines.Finder, "find", broken)
    caplog.set_level(logging.INFO, logs.log.name)
    with listen(0) as listening, pytest.raises(MemoryError, match="no room"):
        workers.run(Serve(target=str(enrolled), port=0, jobs=2), listening)
    assert [one["error"] for one in lines(caplog, "not-started")] == ["MemoryError"]
