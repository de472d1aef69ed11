"""Weights from a real server: kept once, refused when they are others, and one line for every fault."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from zoo import Zoo, publish, serving

from facekit.base import weights
from facekit.base.contract import FacekitError, replace

DATA = bytes(range(256)) * 4000


@pytest.fixture
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Zoo]:
    """A server that has YuNet's weights, and a cache that has none."""
    monkeypatch.setenv("FACEKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FACEKIT_WEIGHTS", raising=False)
    with serving() as server:
        publish(server, "yunet", DATA, monkeypatch)
        monkeypatch.setenv("FACEKIT_WEIGHTS_URL", server.url)
        yield server


def held(tmp_path: Path) -> list[str]:
    """The names of what the cache holds, hidden files too."""
    return sorted(path.name for path in (tmp_path / "cache").rglob("*") if path.is_file())


def refused(name: str = "yunet") -> str:
    with pytest.raises(FacekitError) as error:
        weights.path(name)
    message = str(error.value)
    assert "\n" not in message
    return message


def test_the_pins_are_whole() -> None:
    for pin in weights.PINS.values():
        assert len(bytes.fromhex(pin.sha256)) == 32
        assert pin.size > 100_000
        assert pin.path.endswith(f"/{pin.file}")


def test_weights_are_fetched_once(zoo: Zoo, tmp_path: Path) -> None:
    assert weights.find("yunet") is None
    file = weights.path("yunet")
    assert file.read_bytes() == DATA
    assert weights.path("yunet") == weights.find("yunet") == file
    assert sum(zoo.asked.values()) == 1
    assert held(tmp_path) == [file.name]


def test_a_spoiled_file_is_fetched_again(zoo: Zoo) -> None:
    file = weights.path("yunet")
    file.write_bytes(DATA[:-1] + b"x")
    assert weights.find("yunet") is None
    assert weights.path("yunet").read_bytes() == DATA
    assert sum(zoo.asked.values()) == 2


def test_another_file_is_refused_and_not_kept(zoo: Zoo, tmp_path: Path) -> None:
    zoo.files[weights.PINS["yunet"].path] = DATA[::-1]
    assert "another SHA-256" in refused()
    zoo.files[weights.PINS["yunet"].path] = DATA + b"more"
    assert "another SHA-256" in refused()
    assert held(tmp_path) == []


def test_a_server_without_it_is_named(zoo: Zoo, tmp_path: Path) -> None:
    zoo.fault = "missing"
    message = refused()
    assert f"{zoo.url}/{weights.PINS['yunet'].path} answered 404" in message
    assert "FACEKIT_WEIGHTS" in message
    assert held(tmp_path) == []


def test_a_broken_off_download_says_so(zoo: Zoo, tmp_path: Path) -> None:
    zoo.fault = "cut"
    assert f"broke off after {len(DATA) // 2} of {len(DATA)} bytes; run the same command again" in refused()
    assert held(tmp_path) == []
    zoo.fault = ""
    assert weights.path("yunet").read_bytes() == DATA


def test_a_silent_server_is_given_up(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    zoo.fault = "silent"
    monkeypatch.setattr(weights, "TIMEOUT", 0.3)
    began = time.monotonic()
    assert "cannot be reached" in refused()
    assert time.monotonic() - began < 2


def test_offline_without_a_cache_takes_one_line(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEKIT_WEIGHTS_URL", "http://127.0.0.1:9/models")
    message = refused()
    assert "the weights of yunet are not here, and 127.0.0.1 cannot be reached" in message
    assert weights.PINS["yunet"].file in message


def test_an_address_that_is_none_takes_one_line(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEKIT_WEIGHTS_URL", "models")
    assert "FACEKIT_WEIGHTS" in refused()


def test_a_folder_of_weights_goes_first(zoo: Zoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    monkeypatch.setenv("FACEKIT_WEIGHTS", str(mine))
    assert weights.path("yunet").parent == tmp_path / "cache" / "weights"  # it holds none yet
    (mine / weights.PINS["yunet"].file).write_bytes(DATA)
    assert weights.path("yunet").parent == weights.find("yunet").parent == mine  # type: ignore[union-attr]
    (mine / weights.PINS["yunet"].file).write_bytes(b"other")
    digest = hashlib.sha256(b"other").hexdigest()
    assert f"its SHA-256 begins {digest[:12]}, not {weights.PINS['yunet'].sha256[:12]}" in refused()


def test_a_package_may_bring_them(zoo: Zoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site" / "weightsbringer"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('it is not to be imported')")
    pin = replace(weights.PINS["yunet"], package="weightsbringer")
    monkeypatch.setitem(weights.PINS, "yunet", pin)
    monkeypatch.syspath_prepend(str(package.parent))
    (package / pin.file).write_bytes(b"of another version")
    assert weights.path("yunet").parent.name == "weights"
    (package / pin.file).write_bytes(DATA)
    assert weights.path("yunet") == package / pin.file


def test_many_at_once_fetch_once(zoo: Zoo) -> None:
    zoo.fault = "slow"
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(weights.path("yunet"))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len(set(found)) == 1
    assert sum(zoo.asked.values()) == 1


FETCH = """
import sys
from facekit.base import weights
from facekit.base.contract import replace
weights.PINS["yunet"] = replace(weights.PINS["yunet"], sha256=sys.argv[1], size=int(sys.argv[2]), package=None)
print(weights.path("yunet"))
"""


def test_a_killed_download_leaves_nothing_in_the_way(zoo: Zoo, tmp_path: Path) -> None:
    zoo.fault = "slow"
    command = [sys.executable, "-c", FETCH, weights.PINS["yunet"].sha256, str(len(DATA))]
    first = subprocess.Popen(command, env=os.environ)
    while not zoo.asked:
        time.sleep(0.02)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert held(tmp_path) == []
    zoo.fault = ""
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, timeout=30)
    assert Path(done.stdout.strip()).read_bytes() == DATA, done.stderr
    assert held(tmp_path) == [weights.PINS["yunet"].file]


def test_what_is_made_is_kept_until_it_is_spoiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEKIT_CACHE", str(tmp_path))
    made = []

    def make() -> bytes:
        made.append(1)
        return DATA

    assert weights.cached("graph", make) == weights.cached("graph", make) == DATA
    assert len(made) == 1
    file = tmp_path / "weights" / "graph"
    file.write_bytes(file.read_bytes()[:-1])
    assert weights.cached("graph", make) == weights.cached("graph", make) == DATA
    assert len(made) == 2


def test_a_cache_that_cannot_be_written_costs_time_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("FACEKIT_CACHE", str(tmp_path / "file"))
    assert weights.cached("graph", lambda: DATA) == DATA
    with pytest.raises(FacekitError, match=r"file.* cannot be written .*choose another folder"):
        weights.cache()


def test_the_cache_stands_where_the_system_keeps_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FACEKIT_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert weights.cache() == tmp_path / "xdg" / "facekit"
    assert weights.cache().stat().st_mode & 0o777 == 0o700
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert weights.cache() == tmp_path / ".cache" / "facekit"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert weights.cache() == tmp_path / "Library" / "Caches" / "facekit"
