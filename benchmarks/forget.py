"""How long it takes to remove a person from 1,000, 10,000 and 100,000 pictures, and how that grows.

Two data sets, one made from the other, a gallery and the cache of embeddings hold as many pictures each, 50 of each
person. One person is removed. With --apart both data sets were made from different sources, so that every
picture is compared with those that go. CPU seconds count: other programs may use the same cores.

    python benchmarks/forget.py -o bench/forget
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

PER_NAME = 50
SIDE = 64


def main() -> None:
    """Print a line for each size."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    arguments.add_argument("-o", "--output", type=Path, required=True)
    arguments.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    arguments.add_argument("--apart", action="store_true")
    given = arguments.parse_args()
    print("| pictures | seconds | CPU seconds | largest memory, MB | removed |")
    print("|---|---|---|---|---|")
    for size in given.sizes:
        root = given.output / str(size)
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        os.environ["FACEKIT_CACHE"] = str(root / "cache")
        os.environ["FACEKIT_FORGOTTEN"] = str(root / "forgotten.jsonl")
        _made(root, size, given.apart)
        _measured(root, size)
        shutil.rmtree(root)


def _made(root: Path, size: int, apart: bool) -> None:
    """Write everything as the commands leave it; the commands themselves would take hours."""
    photos, faces = list(_pictures(size, 0)), list(_pictures(size, 1))
    _tree(root / "photos", photos, "scrape", None, apart)
    _tree(root / "faces", faces, "crop", None if apart else "../photos", apart, None if apart else photos)
    _gallery(root / "gallery", faces)


def _pictures(size: int, kind: int) -> Iterator[tuple[str, bytes]]:
    """Yield name and JPEG of pictures that have nothing in common."""
    from facekit.base import images

    for number in range(size):
        cells = np.random.default_rng([kind, number]).integers(0, 256, (9, 9, 3), dtype=np.uint8)
        yield f"Person {number // PER_NAME:05}", images.encode(cells.repeat(8, 0).repeat(8, 1)[:SIDE, :SIDE], 80)


def _tree(
    root: Path,
    pictures: list[tuple[str, bytes]],
    stage: str,
    made_from: str | None,
    apart: bool,
    origins: list[tuple[str, bytes]] | None = None,
) -> None:
    from facekit.base.contract import Record, Source
    from facekit.base.files import replace_file, replace_lines
    from facekit.dataset.info import DatasetInfo
    from facekit.identity.likeness import MATCHER

    records, sources = [], []
    for place, (name, data) in enumerate(pictures):
        digest = hashlib.sha256(data).hexdigest()
        origin = digest if origins is None else hashlib.sha256(origins[place][1]).hexdigest()
        path = root / name / f"{digest[:16]}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        records.append(Record(digest, digest, f"{name}/{path.name}", name, name, origin, origin))
        sources.append(Source(origin, f"https://img{place % 40}.example/{origin[:16]}.jpg", engine="bing", query=name))
    replace_lines(root / "manifest.jsonl", (one.to_json() for one in records))
    replace_lines(root / "sources.jsonl", (one.to_json() for one in sources))
    info = DatasetInfo(stage=stage, made_from=made_from, matchers={stage: MATCHER})
    replace_file(root / "dataset.json", info.to_bytes())


def _gallery(root: Path, pictures: list[tuple[str, bytes]]) -> None:
    from facekit.identity import embedders
    from facekit.identity.embedders.cache import EmbeddingCache
    from facekit.identity.gallery import Gallery, NewFace
    from facekit.identity.gallery.gallery import about
    from facekit.identity.gallery.values import Where
    from facekit.options.crop import CarriedCrop

    rng = np.random.default_rng(7)
    with Gallery.make(root, about("dlib", CarriedCrop(detect=False), 0.01)) as gallery:
        people: dict[str, list[NewFace]] = {}
        rows = {}
        for name, data in pictures:
            vector = rng.normal(0, 0.1, 128).astype(np.float32)
            digest = hashlib.sha256(data).hexdigest()
            people.setdefault(name, []).append(NewFace(Where(f"{name}/{digest[:16]}.jpg", digest), vector))
            rows[bytes.fromhex(digest), "0.0"] = vector
        gallery.store.enroll(people)
        gallery.people()
    with EmbeddingCache(embedders.load("dlib")) as cache:
        cache.save(rows)


def _measured(root: Path, size: int) -> None:
    import resource

    from facekit.commands.forget import forget
    from facekit.options.forget import Forget

    roots = [str(root / name) for name in ("photos", "faces", "gallery")]
    asked = {"names": ["Person 00007"], "in_": roots, "output": root / "receipts"}
    began, used = time.perf_counter(), time.process_time()
    report = forget(Forget(**asked))  # type: ignore[arg-type]
    seconds, used = time.perf_counter() - began, time.process_time() - used
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    row = (f"{size:,}", f"{seconds:.1f}", f"{used:.1f}", f"{memory:,.0f}", report.details["pictures"])
    print(f"| {' | '.join(map(str, row))} |", flush=True)


if __name__ == "__main__":
    main()
