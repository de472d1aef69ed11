"""The engine of `examples/engine`, as somebody else's package: built, registered by its entry point, and used."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from conftest import ROOT
from searching import session

from facekit.base import plugins
from facekit.sources.engines import Engine, Search, State

EXAMPLE = ROOT / "examples" / "engine"
BUILD = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
RESULTS = 130


def result(k: int) -> dict[str, Any]:
    pictures = [f"http://tile.example/{k}_150px.jpg", f"http://tile.example/{k}r.jpg"]
    return {"title": f"Photo {k}", "url": f"http://loc.example/item/{k}/", "image_url": [] if k == 3 else pictures}


class Library(BaseHTTPRequestHandler):
    """Answers as the Library's API does."""

    def do_GET(self) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        first = int(query["c"]) * (int(query["sp"]) - 1)
        rows = [result(k) for k in range(first, min(RESULTS, first + int(query["c"])))] if query["q"] == "Ada" else []
        values = {"results": rows, "pagination": {"next": "more" if first + len(rows) < RESULTS and rows else None}}
        body = json.dumps({} if query["q"] == "Changed" else values).encode()
        self.send_response(403 if query["q"] == "Robot" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def library() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Library) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[type[Engine]]:
    """The engine's class, out of the wheel that its package builds: a wheel on the path is as good as installed."""
    out = tmp_path_factory.mktemp("wheel")
    built = subprocess.run([sys.executable, "-c", BUILD, str(out)], cwd=EXAMPLE, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(out / built.stdout.split()[-1]))
        yield plugins.load("engine", "loc")
        sys.modules.pop("facekit_loc", None)


def test_the_example_is_short() -> None:
    assert len((EXAMPLE / "facekit_loc.py").read_text().splitlines()) <= 40


def test_it_registers_by_its_entry_point(engine: type[Engine]) -> None:
    assert plugins.names("engine")[-1] == "loc"
    assert Path(sys.modules[engine.__module__].__file__ or "").parent.suffix == ".whl"
    assert (engine.name, engine.needs_browser) == ("loc", False)


def test_it_searches(engine: type[Engine], library: str) -> None:
    results = engine(library).search(session(), Search("Ada", 120))
    assert (results.state, len(results.candidates)) == (State.OK, 120)
    assert [c.rank for c in results.candidates[:4]] == [1, 2, 3, 5], "one that cannot be read costs itself alone"
    first = results.candidates[0]
    assert (first.url, first.page_url) == ("http://tile.example/0r.jpg", "http://loc.example/item/0/")
    assert len(engine(library).search(session(), Search("Ada", 500)).candidates) == RESULTS - 1


@pytest.mark.parametrize(
    ("query", "state"), [("Nobody", State.EMPTY), ("Robot", State.BLOCKED), ("Changed", State.LAYOUT_CHANGED)]
)
def test_it_says_how_a_search_ended(engine: type[Engine], library: str, query: str, state: State) -> None:
    assert engine(library).search(session(), Search(query, 9)).state is state
