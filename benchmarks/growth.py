"""How time and memory grow: a million manifest lines, and every stage at 1,000, 10,000 and 100,000 small pictures.

    python benchmarks/growth.py --lines 1000000
    python benchmarks/growth.py --pictures 1000 --pictures 10000 --plot docs/images/growth.svg

`--lines` writes a manifest as `crop` does, and measures in a process of its own what reading it, drawing its split and
writing it again cost. `--pictures` draws faces of 64 pixels (a few drawn people, each with a different noise, so that
no two are one photo) and runs crop, clean, balance, augment, audit and train on them, each in a process of its own;
`--most` leaves out a stage at a size where the size before lets one expect more CPU seconds than that. CPU seconds are
those of the process and its workers; memory is the most that the process itself held at once, and its largest worker.

What would make the figures wrong: pictures that are larger or that are alike (near-duplicates are compared in pairs,
and here are none); a manifest of longer names or more targets; a disk cache without the files (they are read soon
after they were written); other versions of NumPy and OpenCV. Wall time says nothing where other work shares the cores.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SIDE = 64
LABELS = 50

STAGES = {
    "crop": ["crop", "{photos}", "-o", "{work}/crop", "--size", "64"],
    "clean": ["clean", "{photos}", "-o", "{work}/clean", "--min-images", "2", "--min-size", "32"],
    "balance": ["balance", "{photos}", "-o", "{work}/balance", "--count", "{count}"],
    "augment": ["augment", "{work}/balance", "-o", "{work}/augment", "--count", "{double}"],
    "audit": ["audit", "{photos}"],
    "train": ["train", "{work}/balance", "-o", "{work}/train", "--network", "cnn3", "--size", "32", "--epochs", "1",
              "--labels", "classes"],
}  # fmt: skip


def lines(count: int, folder: Path) -> None:
    """Write a manifest of so many lines, as `crop` writes them."""
    from facekit.base.contract import Box, Record
    from facekit.base.files import replace_lines

    def line(number: int) -> str:
        photo, face = (hashlib.sha256(f"{what}{number}".encode()).hexdigest() for what in "ab")
        label = f"person-{number % 10_000:05}"
        return Record(
            id=face, sha256=hashlib.sha256(face.encode()).hexdigest(), path=f"{label}/{face[:16]}.jpg", label=label,
            name=label.title(), origin=photo, group=photo, parent=photo, made_by="crop", box=Box(10, 20, 160, 160),
            score=0.8753, quality={"faces": 1.0},
        ).to_json()  # fmt: skip

    replace_lines(folder / "manifest.jsonl", map(line, range(count)))


def manifest(folder: Path) -> None:
    """Read, split and write a manifest, and print what each step cost."""
    from facekit.base.files import replace_lines
    from facekit.dataset.lineage import draw_split
    from facekit.dataset.records import read_records

    began = time.process_time()

    def took() -> float:
        nonlocal began
        seconds, began = time.process_time() - began, time.process_time()
        return round(seconds, 2)

    records = read_records(folder / "manifest.jsonl")
    found = {"lines": len(records), "read": took()}
    records = draw_split(records, (0.7, 0.2, 0.1), 42)
    found["split"] = took()
    replace_lines(folder / "manifest.out.jsonl", (record.to_json() for record in records))
    found["write"] = took()
    print(json.dumps({**found, "cpu": round(time.process_time(), 2), "MB": peak()}))


def peak(who: int = resource.RUSAGE_SELF) -> int:
    """Return the most memory that was held at once, in MB."""
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return round(resource.getrusage(who).ru_maxrss / unit)


def photos(count: int, folder: Path) -> None:
    """Draw so many pictures."""
    import numpy as np

    from facekit.base import images
    from facekit.world.draw import photo
    from facekit.world.people import people
    from facekit.world.shot import shot

    faces = [
        [photo(one, shot(np.random.default_rng([number, k])), (SIDE * 2, SIDE * 2))[0] for k in range(4)]
        for number, one in enumerate(people(LABELS, 7))
    ]
    for number in range(count):
        rng, label = np.random.default_rng([3, number]), number % LABELS
        # Smooth noise of its own, which no hash and no embedding takes for a copy.
        rough = images.resize(rng.integers(-70, 70, (8, 8, 3)).astype(np.float32), SIDE)
        face = images.resize(faces[label][number // LABELS % 4], SIDE).astype(np.float32)
        place = folder / f"person{label:02}" / f"{number:06}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(images.encode(np.clip(face + rough, 0, 255).astype(np.uint8)))


def stage(name: str, values: dict[str, object]) -> dict[str, float]:
    """Run one stage in a process of its own, and return what it cost."""
    words = [word.format(**values) for word in STAGES[name]]
    code = (
        "import json, resource, sys\n"
        "from facekit.cli.app import main\n"
        "try:\n    main()\n"
        "except SystemExit as error:\n    code = error.code or 0\n"
        "else:\n    code = 0\n"
        "both = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "cpu = sum(one.ru_utime + one.ru_stime for one in both)\n"
        "print(json.dumps([code, cpu, *(one.ru_maxrss // 1024 for one in both)]), file=open(sys.argv.pop(), 'a'))\n"
    )
    with tempfile.NamedTemporaryFile() as note:
        shown = [sys.executable, "-c", code.replace("sys.argv.pop()", repr(note.name)), *words, "--quiet"]
        done = subprocess.run(shown, capture_output=True, text=True, check=False)
        text = Path(note.name).read_text()
    if not text or json.loads(text)[0] not in (0, 2 if name == "audit" else 0):
        raise SystemExit(f"{name} failed: {done.stderr[-2000:]}")
    _, cpu, own, worker = json.loads(text)
    return {"cpu": round(cpu, 2), "MB": own, "worker MB": worker}


def plot(results: dict[int, dict[str, dict[str, float]]], file: Path) -> None:
    """Draw CPU seconds and memory over the number of pictures."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "facekit", "svg.fonttype": "none"})
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for name in STAGES:
        sizes = [size for size in sorted(results) if name in results[size]]
        left.plot(sizes, [results[size][name]["cpu"] for size in sizes], "o-", label=name)
        right.plot(sizes, [results[size][name]["MB"] for size in sizes], "o-", label=name)
    left.set(xscale="log", yscale="log", xlabel="pictures", ylabel="CPU seconds", title="Time")
    right.set(xscale="log", ylim=(0, None), xlabel="pictures", ylabel="MB", title="Memory of the command")
    left.legend(frameon=False)
    figure.savefig(file, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, action="append", default=[])
    parser.add_argument("--pictures", type=int, action="append", default=[])
    parser.add_argument("--stage", action="append", choices=list(STAGES), help="only these")
    parser.add_argument("--most", type=float, default=360.0, help="CPU seconds of a stage")
    parser.add_argument("--keep", type=Path, help="a JSON file to add the results to")
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--manifest", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.manifest:
        manifest(chosen.manifest)
        return
    for count in chosen.lines:
        with tempfile.TemporaryDirectory() as name:
            lines(count, Path(name))
            subprocess.run([sys.executable, __file__, "--manifest", name], check=True)
    kept = json.loads(chosen.keep.read_text()) if chosen.keep and chosen.keep.exists() else {}
    results = {int(size): of for size, of in kept.items()}
    for count in sorted(chosen.pictures):
        with tempfile.TemporaryDirectory() as name:
            work = Path(name)
            photos(count, work / "photos")
            each = count // LABELS
            values = {"photos": work / "photos", "work": work, "count": max(each // 2, 10), "double": each}
            found = results.setdefault(count, {})
            for one in chosen.stage or STAGES:
                before = results.get(count // 10, {}).get(one, {}).get("cpu", 0)
                if before * 10 > chosen.most:
                    print(f"{count:>8} {one:<8} left out: {before:.0f} CPU seconds at a tenth", flush=True)
                    continue
                found[one] = stage(one, values)
                print(f"{count:>8} {one:<8} {found[one]}", flush=True)
                shutil.rmtree(work / one) if one in ("crop", "clean", "augment", "train") else None
            if chosen.keep:
                chosen.keep.write_text(json.dumps(results, indent=1))
    if chosen.plot:
        plot(results, chosen.plot)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
