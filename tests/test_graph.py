"""The graph of a very large gallery: it follows the gallery, forgets the removed, and nominates whom a scan would."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from galleries import DIMENSIONS, face, made

from facekit.base import weights
from facekit.identity.gallery import Gallery, graph, search

pytest.importorskip("usearch", reason="the extra `index` is not installed")


@pytest.fixture(autouse=True)
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own, and galleries that count as very large."""
    monkeypatch.setenv("FACEKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(graph, "LEAST", 60)
    monkeypatch.setattr(search, "_FIRST", 4)
    return tmp_path / "cache" / weights.GALLERIES


@pytest.fixture(params=["euclidean", "cosine"])
def gallery(request: pytest.FixtureRequest, place: str) -> Iterator[Gallery]:
    with made(place, count=60, faces=3, metric=request.param) as opened:
        yield opened


def asked(count: int = 30) -> np.ndarray:
    return np.random.default_rng(5).normal(size=(count, DIMENSIONS)).astype(np.float32)


def best(gallery: Gallery, vectors: np.ndarray) -> list[str]:
    people = gallery.people()
    near = people.near(vectors, 0.2)
    return [people.names[near.people[column]] for column in near.similarity.argmax(axis=1)]


def files(cached: Path) -> list[Path]:
    return sorted(cached.rglob("graph.*"))


def test_it_names_whom_a_scan_does_and_is_private(
    gallery: Gallery, cached: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = best(gallery, asked())
    assert [path.name for path in files(cached)] == ["graph.i64", "graph.usearch"]
    assert not any(stat.S_IMODE(path.stat().st_mode) & 0o077 for path in (*files(cached), files(cached)[0].parent))
    before = files(cached)[1].stat().st_mtime_ns
    assert best(gallery, asked()) == found
    assert files(cached)[1].stat().st_mtime_ns == before  # it is read, not built again
    monkeypatch.setattr(graph, "LEAST", 10**9)
    assert best(gallery, asked()) == found


def test_new_faces_are_found_and_removed_ones_leave_it_at_once(gallery: Gallery, cached: Path) -> None:
    best(gallery, asked())
    new = np.full(DIMENSIONS, 3.0, np.float32)
    gallery.store.enroll({"new": [face("new", new)]})
    assert best(gallery, new[None]) == ["new"]
    gallery.store.remove([gallery.person("new").number], [])
    gallery.people()
    assert files(cached) == []
    assert best(gallery, new[None]) != ["new"]
    assert new.tobytes() not in files(cached)[1].read_bytes()


def test_a_gallery_that_is_no_longer_large_has_none(gallery: Gallery, cached: Path) -> None:
    best(gallery, asked())
    gallery.store.remove([one.number for one in gallery.store.people()[:50]], [])
    best(gallery, asked())
    assert files(cached) == []


@pytest.mark.parametrize("name", ["graph.usearch", "graph.i64"])
@pytest.mark.parametrize("content", [b"", b"x" * 1000])
def test_one_that_is_broken_is_built_again(gallery: Gallery, cached: Path, name: str, content: bytes) -> None:
    found = best(gallery, asked())
    next(cached.rglob(name)).write_bytes(content)
    assert best(gallery, asked()) == found
    assert len(files(cached)) == 2
