"""The cache: what it holds is shown and deleted, and nobody but its owner reads it."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Facekit, read_tree

from facekit.base import figures, scratch, weights
from facekit.base.contract import FacekitError, Report
from facekit.commands.cache import cache
from facekit.identity.embedders.cache import FILE, EmbeddingCache
from facekit.options.cache import Cache

DAY = 86_400


class Drawn:
    """An embedder of which only the name matters here."""

    name, version, dimensions = "drawn", "1", 4


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of three embeddings, weights, and a folder that a stopped machine left."""
    root = tmp_path / "cache"
    monkeypatch.setenv("FACEKIT_CACHE", str(root))
    keep(b"a", b"b", b"c")
    weights.cached("net.onnx", lambda: b"weights" * 100)
    left = root / scratch.UNPACKED / "facekit-left"
    left.mkdir(parents=True)
    (left / "Ada.png").write_bytes(b"x" * 500)
    copy = root / "objects" / "0123456789abcdef" / "raw"
    copy.mkdir(parents=True)
    (copy / "Ada.png").write_bytes(b"x" * 90)
    index = root / "galleries" / "0123456789abcdef" / "index"
    index.mkdir(parents=True)
    (index / "vectors-1.f32").write_bytes(b"x" * 70)
    return root


def keep(*pictures: bytes) -> None:
    with EmbeddingCache(Drawn()) as held:  # type: ignore[arg-type]
        held.save({(picture, "face"): np.ones(4, np.float32) for picture in pictures})


def kinds(report: Report) -> dict[str, dict[str, Any]]:
    return {one["kind"]: one for one in report.details["kinds"]}


def aged(root: Path, picture: bytes, days: int) -> None:
    with sqlite3.connect(root / FILE) as held:
        held.execute("update vectors set used = used - ? where picture = ?", (days, picture))
    held.close()


def modes(root: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in [root, *root.rglob("*")]}


def test_what_is_kept_is_shown_by_kind(root: Path) -> None:
    aged(root, b"a", 40)
    before = read_tree(root)
    report = cache(Cache())
    found = kinds(report)
    assert {kind: one["items"] for kind, one in found.items()} == {
        "embeddings": 3,
        "galleries": 1,
        "weights": 1,
        "unpacked": 1,
        "objects": 1,
    }
    assert found["unpacked"]["bytes"] == 500
    assert report.details["bytes"] == sum(one["bytes"] for one in found.values()) > 4096
    assert 40 * DAY <= found["embeddings"]["oldest"] < 42 * DAY
    assert report.details["lines"][0] == str(root)
    assert any("up to 40 days" in line or "up to 41 days" in line for line in report.details["lines"])
    assert set(read_tree(root)) >= set(before)
    assert list(kinds(cache(Cache(kind="weights")))) == ["weights"]


def test_of_an_embedding_that_was_used_today_no_hours_are_said(root: Path) -> None:
    """The cache knows the day of its last use: at 17:00 a new one is not 17 hours old."""
    (line,) = [one for one in cache(Cache(kind="embeddings")).details["lines"] if one.startswith("embeddings")]
    assert re.search(r"  under a day  ", line)
    assert "hour" not in line


def test_all_of_it_or_one_kind_is_deleted(root: Path) -> None:
    cache(Cache(clear=True, dry_run=True))
    assert kinds(cache(Cache()))["embeddings"]["items"] == 3
    report = cache(Cache(kind="embeddings", clear=True))
    assert report.details["freed"] > 4096
    assert {kind: one["items"] for kind, one in kinds(cache(Cache())).items()} == {
        "embeddings": 0,
        "galleries": 1,
        "weights": 1,
        "unpacked": 1,
        "objects": 1,
    }
    cache(Cache(clear=True))
    assert [path for path in root.rglob("*") if path.is_file()] == []
    keep(b"a")  # and goes on
    assert kinds(cache(Cache()))["embeddings"]["items"] == 1


def test_what_was_used_lately_stays(root: Path) -> None:
    aged(root, b"a", 40)
    old = time.time() - 40 * DAY
    for path in (root / "weights" / "net.onnx", *(root / "galleries").rglob("*")):
        os.utime(path, (old, old))
    report = cache(Cache(clear=True, older_than="30d"))
    assert {kind: one["items"] for kind, one in kinds(report).items()} == {
        "embeddings": 2,
        "galleries": 0,
        "weights": 0,
        "unpacked": 1,
        "objects": 1,
    }
    held = b"".join(path.read_bytes() for path in root.glob(f"{FILE}*"))
    assert held.count(np.ones(4, "<f4").tobytes()) == 2


def test_an_archive_that_is_being_read_stays(root: Path) -> None:
    with scratch.private_folder() as mine:
        cache(Cache(clear=True))
        assert mine.exists()


def test_files_of_others_stay(root: Path) -> None:
    (root / "mine.txt").write_text("mine")
    (root / scratch.UNPACKED / "holiday").mkdir()
    elsewhere = root.parent / "elsewhere"
    elsewhere.mkdir()
    (root / scratch.UNPACKED / "facekit-link").symlink_to(elsewhere)
    cache(Cache(clear=True))
    assert (root / "mine.txt").exists()
    assert (root / scratch.UNPACKED / "holiday").exists()
    assert elsewhere.exists()


def test_nothing_is_made_to_show_that_there_is_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEKIT_CACHE", str(tmp_path / "none"))
    for options in (Cache(), Cache(clear=True), Cache(clear=True, older_than="1d")):
        assert cache(options).details["bytes"] == 0
    assert not (tmp_path / "none").exists()


def test_its_owner_alone_reads_it(root: Path) -> None:
    before = os.umask(0)
    try:
        with EmbeddingCache(Drawn()) as held:  # type: ignore[arg-type]
            held.save({(b"d", "face"): np.ones(4, np.float32)})
            found = modes(root)
    finally:
        os.umask(before)
    assert found[root.name] == 0o700
    assert {mode for name, mode in found.items() if name.startswith(FILE)} == {0o600}
    assert found["net.onnx"] == 0o600


def test_what_an_earlier_version_left_open_is_closed_when_it_is_used(root: Path) -> None:
    for path in (root, root / FILE, root / "weights", root / "weights" / "net.onnx"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    keep(b"d")
    weights.cached("net.onnx", lambda: b"other")
    found = modes(root)
    assert (found[root.name], found[FILE], found["weights"], found["net.onnx"]) == (0o700, 0o600, 0o700, 0o600)


def test_a_folder_that_others_use_too_stays_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "theirs.txt").write_text("theirs")
    tmp_path.chmod(0o755)
    monkeypatch.setenv("FACEKIT_CACHE", str(tmp_path))
    keep(b"a")
    assert modes(tmp_path)[tmp_path.name] == 0o755
    assert modes(tmp_path)[FILE] == 0o600


def test_a_broken_cache_is_one_line_and_can_be_cleared(root: Path) -> None:
    (root / FILE).write_bytes(b"no database" * 1000)
    with pytest.raises(
        FacekitError, match=r"cannot be used .*; delete it with `facekit cache --kind embeddings --clear`$"
    ):
        cache(Cache())
    cache(Cache(kind="embeddings", clear=True))
    assert not (root / FILE).exists()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--older-than", "30d"], "--older-than is for --clear; give --clear as well"),
        (
            ["--clear", "--older-than", "soon"],
            "--older-than: 'soon' is not an age; give a number of minutes, hours, days",
        ),
        (["--kind", "faces"], "--kind"),
    ],
)
def test_bad_options_are_one_line(root: Path, facekit: Facekit, options: list[str], why: str) -> None:
    before = read_tree(root)
    done = facekit("cache", *options)
    assert (done.code, done.out) == (2, "")
    assert why in done.err
    assert "Traceback" not in done.err
    assert read_tree(root) == before


def test_numbers_are_written_as_a_person_reads_them() -> None:
    assert [figures.size(n) for n in (0, 999, 1000, 12_340, 999_400, 999_600, 3e13)] == [
        *("0 B", "999 B", "1.0 kB", "12.3 kB", "999 kB", "1.0 MB", "30.0 TB"),
    ]
    assert [figures.age(n) for n in (5, 60, 7200, DAY, 40 * DAY)] == [
        *("under a minute", "1 minute", "2 hours", "1 day", "40 days"),
    ]
    assert [figures.seconds_of(text) for text in ("30d", " 2W", "12h", "5m")] == [30 * DAY, 14 * DAY, 43_200, 300]
    ends = [(0.9643, 1.0), (0.0316, 0.5), (7.412e-05, 1.0), (0.0, 0.00321), (float("nan"), 12.3456)]
    assert [figures.span(*pair) for pair in ends] == [
        *("0.9643 to 1", "0.0316 to 0.5", "0.000074 to 1", "0 to 0.0032", "unknown to 12.35")
    ]
    assert [figures.bar(share, 4) for share in (0, 0.001, 0.5, 1, 2)] == ["", "▏", "██", "████", "████"]
