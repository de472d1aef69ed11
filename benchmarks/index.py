"""Search in a gallery beside usearch, faiss, hnswlib and sqlite-vec, over the same vectors in one run.

    python benchmarks/index.py [DATA] [--others PYTHON] [--sizes 10000x128 100000x128 1000000x128] [--queries 500]

DATA is a folder with `lfw`; else FACEKIT_DATA names it. PYTHON has usearch, faiss-cpu, hnswlib, sqlite-vec and apsw.

Vectors are noisy copies of dlib's embeddings of LFW photos: a real one plus noise of the spread that photos of one
person have. 512 numbers are four of these, of one person, side by side. Queries are such copies, too, and not among
the vectors.

Each tool runs in a process of its own, on one thread. `build` makes what is searched of vectors in memory, and writes
it; of facekit that is its index, and not the transactions of enrolling. Build and queries are in CPU seconds, since the
machine may be shared; p99 is of wall time, which says little where it is. RAM is what a process holds beside the
vectors that it was given: of facekit pages of its file, which the system may take back. Recall is how often the first
answer is the nearest vector by a search in double precision.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
TOOLS = (
    "facekit",
    "facekit, int8",
    "faiss flat",
    "usearch exact",
    "usearch exact, int8",
    "sqlite-vec",
    "usearch",
    "usearch, int8",
    "hnswlib",
)
SEED = 42

Search = Callable[[np.ndarray], int]


def real(lfw: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the embeddings of the photos of `identities`, and the number of each one's person."""
    from facekit.dataset import Dataset
    from facekit.identity.embedders import embed_dataset

    dataset = Dataset.open(lfw / "identities")
    vectors = embed_dataset(dataset, "dlib").vectors
    names = np.array([one.name for one in dataset.records])
    there = np.isfinite(vectors).all(axis=1)
    return vectors[there], np.unique(names[there], return_inverse=True)[1]


def copies(vectors: np.ndarray, people: np.ndarray, count: int, dimensions: int, seed: int) -> np.ndarray:
    """Return so many noisy copies, shape (count, dimensions)."""
    rng = np.random.default_rng(seed)
    centred = vectors - np.stack([vectors[people == one].mean(axis=0) for one in range(people.max() + 1)])[people]
    spread = centred.std(axis=0)
    parts = []
    who = rng.integers(0, people.max() + 1, count)
    of = [np.flatnonzero(people == one) for one in range(people.max() + 1)]
    for _ in range(dimensions // vectors.shape[1]):
        chosen = np.array([of[one][rng.integers(len(of[one]))] for one in who])
        noise = rng.standard_normal((count, vectors.shape[1]), np.float32) * spread
        parts.append((vectors[chosen] + noise).astype(np.float32))
    return np.concatenate(parts, axis=1)


class Facekit:
    """The index of a gallery, and the scan of it; nothing is approximate."""

    def __init__(self, vectors: np.ndarray, folder: Path) -> None:
        from facekit.identity.gallery.scan import Scan

        vectors.tofile(folder / "vectors.f32")
        held = np.memmap(folder / "vectors.f32", np.float32, "r", shape=vectors.shape)
        self._scan = Scan.of("euclidean", held, None)

    def __call__(self, query: np.ndarray) -> int:
        """Return the row of the nearest vector."""
        return int(self._scan.nearest(query[None], 1)[0][0, 0])


class Eight:
    """What int8 would be: numbers of eight bits are scanned, and the nearest 32 compared as floats."""

    def __init__(self, vectors: np.ndarray, folder: Path) -> None:
        self._scale = float(np.abs(vectors).max()) / 127
        np.round(vectors / self._scale).astype(np.int8).tofile(folder / "vectors.i8")
        vectors.tofile(folder / "vectors.f32")
        self._held = np.memmap(folder / "vectors.i8", np.int8, "r", shape=vectors.shape)
        self._exact = np.memmap(folder / "vectors.f32", np.float32, "r", shape=vectors.shape)
        self._squares = np.concatenate([np.square(b.astype(np.float32)).sum(1) for b in self._blocks()])

    def _blocks(self) -> list[np.ndarray]:
        return [self._held[first : first + 8192] for first in range(0, len(self._held), 8192)]

    def __call__(self, query: np.ndarray) -> int:
        """Return the row of the nearest vector."""
        asked = query / self._scale
        far = np.concatenate([block.astype(np.float32) @ asked for block in self._blocks()])
        far = self._squares - 2 * far
        rows = np.argpartition(far, 32)[:32]
        return int(rows[np.square(self._exact[rows] - query).sum(1).argmin()])


def faiss_flat(vectors: np.ndarray, folder: Path) -> Search:
    """Exact, in memory."""
    import faiss

    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatL2(vectors.shape[1])
    index.add(vectors)
    faiss.write_index(index, str(folder / "flat.faiss"))
    return lambda query: int(index.search(query[None], 1)[1][0, 0])


def usearch_exact(vectors: np.ndarray, folder: Path, eight_bits: bool = False) -> Search:
    """usearch's scan over an array."""
    from usearch.index import MetricKind, search

    scale = float(np.abs(vectors).max()) / 127 if eight_bits else 1.0
    held = np.round(vectors / scale).astype(np.int8) if eight_bits else vectors
    held.tofile(folder / "held")

    def ask(query: np.ndarray) -> int:
        asked = np.round(query / scale).astype(np.int8) if eight_bits else query
        return int(search(held, asked, 1, MetricKind.L2sq, exact=True, threads=1).keys[0])

    return ask


def usearch_graph(vectors: np.ndarray, folder: Path, eight_bits: bool = False) -> Search:
    """usearch's graph, with its defaults."""
    from usearch.index import Index

    index = Index(ndim=vectors.shape[1], metric="l2sq", dtype="i8" if eight_bits else "f32")
    scale = float(np.linalg.norm(vectors, axis=1).max()) if eight_bits else 1.0  # it takes numbers of -1 to 1
    index.add(np.arange(len(vectors)), vectors / scale, threads=1)
    index.save(str(folder / "graph.usearch"))
    return lambda query: int(index.search(query / scale, 1, threads=1).keys[0])


def hnswlib_graph(vectors: np.ndarray, folder: Path) -> Search:
    """hnswlib with M 16, ef 200 for building and 64 for searching."""
    import hnswlib

    index = hnswlib.Index("l2", vectors.shape[1])
    index.init_index(len(vectors), ef_construction=200, M=16)
    index.set_num_threads(1)
    index.add_items(vectors)
    index.set_ef(64)
    index.save_index(str(folder / "graph.hnsw"))
    return lambda query: int(index.knn_query(query[None], 1, num_threads=1)[0][0, 0])


def sqlite_vec(vectors: np.ndarray, folder: Path) -> Search:
    """A virtual table of SQLite, which is scanned; through apsw, since not every Python lets SQLite load extensions."""
    import apsw
    import sqlite_vec as extension

    held = apsw.Connection(str(folder / "held.sqlite"))
    held.enable_load_extension(True)
    held.load_extension(extension.loadable_path())
    held.execute(f"create virtual table held using vec0(vector float[{vectors.shape[1]}])")
    with held:
        rows = ((number, vector.tobytes()) for number, vector in enumerate(vectors))
        held.executemany("insert into held (rowid, vector) values (?, ?)", rows)
    ask = "select rowid from held where vector match ? and k = 1"
    return lambda query: int(held.execute(ask, (query.tobytes(),)).fetchall()[0][0])


MAKERS: dict[str, Callable[[np.ndarray, Path], Search]] = {
    "facekit": Facekit,
    "facekit, int8": Eight,
    "faiss flat": faiss_flat,
    "usearch exact": usearch_exact,
    "usearch exact, int8": lambda vectors, folder: usearch_exact(vectors, folder, True),
    "sqlite-vec": sqlite_vec,
    "usearch": usearch_graph,
    "usearch, int8": lambda vectors, folder: usearch_graph(vectors, folder, True),
    "hnswlib": hnswlib_graph,
}


def measured(tool: str, vectors: np.ndarray, queries: np.ndarray, seconds: float) -> dict[str, Any]:
    """Return what a tool costs and answers; queries stop after so many CPU seconds."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if tool == "facekit":
            import facekit.identity.gallery.scan  # noqa: F401 - importing is not building
        before = resident()
        began = time.process_time()
        search = MAKERS[tool](vectors, folder)
        built = time.process_time() - began
        size = sum(file.stat().st_size for file in folder.iterdir())
        answers, walls = [search(queries[0])], []
        began = time.process_time()
        for query in queries[1:]:
            at = time.perf_counter()
            answers.append(search(query))
            walls.append(time.perf_counter() - at)
            if time.process_time() - began > seconds:
                break
        each = (time.process_time() - began) / len(walls)
        memory = resident() - before
    p99 = float(np.quantile(walls, 0.99))
    return {"build": built, "size": size, "each": each, "p99": p99, "memory": memory / 1e6, "answers": answers}


def resident() -> int:
    """Return how many bytes of memory this process holds, pages of mapped files among them (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def nearest(vectors: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Return the row of the vector that is nearest to each query, in double precision."""
    best, rows = np.full(len(queries), np.inf), np.zeros(len(queries), int)
    asked = queries.astype(np.float64)
    for first in range(0, len(vectors), 20_000):
        block = vectors[first : first + 20_000].astype(np.float64)
        far = np.square(block).sum(1)[None] - 2 * asked @ block.T
        near = far.argmin(axis=1)
        less = far[np.arange(len(far)), near] < best
        best[less], rows[less] = far[np.arange(len(far)), near][less], near[less] + first
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", default=os.environ.get("FACEKIT_DATA"))
    sizes = ["10000x128", "100000x128", "1000000x128", "10000x512", "100000x512"]
    parser.add_argument("--sizes", nargs="+", default=sizes)
    parser.add_argument("--tools", nargs="+", default=list(TOOLS), choices=TOOLS)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=20.0, help="CPU seconds after which a tool is asked no more")
    parser.add_argument("--others", default=sys.executable, help="Python that has the other tools")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        with np.load(chosen.data) as held:
            print(json.dumps(measured(chosen.one, held["vectors"], held["queries"], chosen.seconds)))
        return 0
    if not chosen.data or not (Path(chosen.data) / "lfw").is_dir():
        print("give a folder with lfw, or set FACEKIT_DATA", file=sys.stderr)
        return 2
    vectors, people = real(Path(chosen.data) / "lfw")
    print(f"{len(vectors)} real embeddings of {people.max() + 1} people", flush=True)
    print(
        f"{'vectors':<12} {'tool':<20} {'build s':>8} {'MB':>6} {'queries/s':>10} {'p99 ms':>8} {'RAM MB':>7}  recall@1"
    )
    for size in chosen.sizes:
        count, dimensions = map(int, size.split("x"))
        held = copies(vectors, people, count, dimensions, SEED)
        queries = copies(vectors, people, chosen.queries, dimensions, SEED + 1)
        with tempfile.TemporaryDirectory() as name:
            file = Path(name) / "held.npz"
            np.savez(file, vectors=held, queries=queries)
            right = nearest(held, queries)
            for tool in chosen.tools:
                row(size, tool, file, right, chosen)
    return 0


def row(size: str, tool: str, file: Path, right: np.ndarray, chosen: argparse.Namespace) -> None:
    """Run one tool in a process of its own, and print what came of it."""
    python = sys.executable if tool.startswith("facekit") else chosen.others
    command = [python, __file__, str(file), "--one", tool, "--seconds", str(chosen.seconds)]
    done = subprocess.run(command, env={**os.environ, **ONE_THREAD}, capture_output=True, text=True)
    if done.returncode != 0:
        print(f"{size:<12} {tool:<20} {done.stderr.strip().splitlines()[-1]}", flush=True)
        return
    found = json.loads(done.stdout)
    answers = np.array(found["answers"])
    recall = float((answers == right[: len(answers)]).mean())
    print(
        f"{size:<12} {tool:<20} {found['build']:8.2f} {found['size'] / 1e6:6.0f} {1 / found['each']:10.0f} "
        f"{1000 * found['p99']:8.2f} {found['memory']:7.0f}  {recall:.3f} of {len(answers)}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
