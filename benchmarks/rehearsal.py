"""The original project at its full size: 650 people, 240 pictures each, Inception V3 at 96x96, until 0.97.

    KERAS_BACKEND=jax python benchmarks/rehearsal.py -o work  # or torch, or tensorflow
    python benchmarks/rehearsal.py -o work --cores            # without an accelerator, at a tiny size: see that it runs

As that project did with photos of athletes: 50 faces of each of 650 people, here drawn and cut as `crop` cuts them, are
filled to 240 by `facekit augment`, and `facekit train` learns who is who until an accuracy of 0.97. The 50 are split
70/20/10 by photo first, and only those of training are filled up: what is monitored is photos that the network has
never seen (`--monitor accuracy`: the training pictures). The commands are those that a user types.

Says how many seconds each stage took, how many epochs it needed, and which share of a step was spent waiting for data:
the pictures a second of the training's epochs beside those of the same network on one batch that lies in the
accelerator's memory (see gpu.py). Exit code 2 where there is no accelerator.
"""

from __future__ import annotations

import argparse
import csv
import logging
import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from facekit import runs
from facekit.base import images
from facekit.base.contract import Face, Record, replace
from facekit.base.parallel import workers
from facekit.commands.augment import augment
from facekit.commands.evaluate import evaluate
from facekit.commands.train import train
from facekit.dataset import Output, derive_id, photo_path
from facekit.dataset.lineage import TEST, TRAIN, VALIDATION
from facekit.faces.detectors import cut_out
from facekit.identity.likeness.matcher import MATCHER
from facekit.options.augment import Augment
from facekit.options.crop import FaceCrop
from facekit.options.draw import Draw
from facekit.options.evaluate import Evaluate
from facekit.options.train import Train
from facekit.world.draw import photo
from facekit.world.people import Person, people
from facekit.world.shot import shot

SEED = 42
ROOM = (200, 200)
"""Size of the photo around a face, in pixels: the face fills about 90."""

logging.basicConfig(level=logging.INFO, format="%(message)s")


def draw_face(job: tuple[Person, int, int, int]) -> bytes:
    """Return the JPEG bytes of one face."""
    person, who, number, size = job
    image, box = photo(person, shot(np.random.default_rng([SEED, who, number])), ROOM)
    return images.encode(cut_out(image, Face(box, 1.0), FaceCrop(size=size)))


def record_of(name: str, number: int) -> Record:
    """Return what is known of a face: of ten photos seven are for training, two for validation, one for the test."""
    id = derive_id("rehearsal", "draw", [name], number)
    part = TRAIN if number % 10 < 7 else VALIDATION if number % 10 < 9 else TEST
    return Record(id=id, sha256="", path=photo_path(name, id), label=name, name=name, origin=id, group=id, split=part)


def draw(out: Path, count: int, photos: int, size: int) -> None:
    """Write the tree of faces, drawn in a process a core.

    Each is a photo of its own, so the groups are known and need not be looked for.
    """
    plan = {
        (record.label, record.id): (person, who, number, size)
        for who, person in enumerate(people(count, SEED))
        for number in range(photos)
        for record in [record_of(person.name, number)]
    }
    records = [record_of(person.name, number) for person, _, number, _ in plan.values()]

    def make(missing: list[Record]) -> Iterator[tuple[Record, bytes]]:
        with ProcessPoolExecutor(workers(0), multiprocessing.get_context("spawn")) as pool:
            jobs = [plan[record.label, record.id] for record in missing]
            yield from zip(missing, pool.map(draw_face, jobs, chunksize=50), strict=True)

    with Output(out, "draw", Draw(output=out, people=count, photos=photos)) as tree:
        tree.note(replace(tree.info, drawn=True, protocol="group", matchers={"draw": MATCHER}))
        tree.finish(tree.write_missing(records, make), [])


def timed(name: str, work: Callable[[], Any]) -> Any:
    """Do something, and say how long it took."""
    began = time.perf_counter()
    result = work()
    print(f"| {name} | {time.perf_counter() - began:.0f} |", flush=True)
    return result


def resident_rate(chosen: argparse.Namespace) -> float:
    """Return the pictures a second of the same network on one batch in the accelerator's memory."""
    import gpu

    chance, steps, batch = np.random.default_rng(0), 40, chosen.batch
    pixels = chance.integers(0, 256, (batch, chosen.size, chosen.size, 3), np.uint8)
    classes = np.arange(batch, dtype=np.int32) % chosen.people
    with gpu.computing("auto"):
        still = gpu.resident(gpu.build(chosen.network, chosen.size, chosen.people), pixels)
    times = [gpu.seconds(still, gpu.Nothing(classes, steps), steps) for _ in range(4)]
    return batch / statistics.median(times[1:])  # in the first it is compiled


def tell_epochs(run: Path) -> float:
    """Print each epoch, and return the median of pictures a second, the first one left out."""
    with (run / runs.HISTORY).open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    names = ("epoch", "accuracy", "val_accuracy", "pictures_per_second", "seconds")
    print(f"\n| {' | '.join(names)} |\n{'|--:' * len(names)}|")
    for row in rows:
        print("|", " | ".join(row[name][:8] for name in names), "|")
    return statistics.median(float(row["pictures_per_second"]) for row in rows[1:] or rows)


def rehearse(chosen: argparse.Namespace) -> None:
    """Run all stages and print what they came to."""
    out: Path = chosen.output
    print("| stage | seconds |\n|---|--:|")
    timed("draw", lambda: draw(out / "faces", chosen.people, chosen.photos, chosen.size))
    options = Augment(input=out / "faces", output=out / "filled", count=chosen.count)
    print(timed(f"augment, to {chosen.count} a person", lambda: augment(options)).details, file=sys.stderr)
    options = Train(
        input=out / "filled",
        output=out / "run",
        network=chosen.network,
        size=chosen.size,
        batch=chosen.batch,
        epochs=chosen.epochs,
        learning_rate=chosen.learning_rate,
        schedule=chosen.schedule,
        stop_at=chosen.stop_at,
        monitor=chosen.monitor,
    )
    report = timed("train", lambda: train(options))
    print(report.details, file=sys.stderr)
    scores = timed("evaluate", lambda: evaluate(Evaluate(run=out / "run"))).details
    rate = tell_epochs(out / "run")
    low, high = scores["accuracy_interval"]
    print(
        f"\n{scores['pictures']:,} photos of the test part: accuracy {scores['accuracy']:.4f} ({low:.4f} to {high:.4f})"
    )
    if chosen.share:
        alone = resident_rate(chosen)
        print(
            f"{rate:,.0f} pictures a second, {alone:,.0f} on one resident batch: "
            f"{max(0.0, 1 - rate / alone):.1%} of a step is spent waiting for data"
        )


def main() -> int:
    """Rehearse, or say that there is no accelerator."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--people", type=int, default=650)
    parser.add_argument("--photos", type=int, default=50, help="drawn of each")
    parser.add_argument("--count", type=int, default=240, help="pictures of each after augment")
    parser.add_argument("--network", default="inception_v3")
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--epochs", type=int, default=52)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--schedule", default="constant")
    parser.add_argument("--stop-at", type=float, default=0.97)
    parser.add_argument("--monitor", default="val_accuracy")
    parser.add_argument("--no-share", dest="share", action="store_false", help="do not measure the share of waiting")
    parser.add_argument("--cores", action="store_true", help="try it without an accelerator, at a tiny size")
    chosen = parser.parse_args()
    from facekit.networks.backend import accelerated, device, engine

    if chosen.cores:
        chosen.people, chosen.photos, chosen.count, chosen.network, chosen.size = 4, 10, 20, "cnn3", 48
        chosen.batch, chosen.epochs, chosen.share = 16, 2, False
    elif not accelerated():
        print(f"{engine()} sees no accelerator: run this where there is one, or give --cores", file=sys.stderr)
        return 2
    print(
        f"{chosen.people} people, {chosen.network}, {chosen.size} px, batch {chosen.batch}, {engine()} on {device()}\n"
    )
    rehearse(chosen)
    return 0


if __name__ == "__main__":
    sys.exit(main())
