"""How fast `fit` is fed, and what that costs in memory: facekit's packed memory map beside three other ways.

    python benchmarks/feed.py [--quick] [--networks cnn5,inception_v3] [--rounds 5]

The same network learns from the same drawn pictures, fed in turns:

- one batch: the same batch again and again, which no feed can beat;
- facekit: the memory map, shuffled, with the callbacks that `train` has at every step;
- directory: `keras.utils.image_dataset_from_directory` on the pictures as JPEG;
- array: all pictures in one array of floats given to `fit`, as the original project did.

A rate is that of one round, beside the rate on one batch in the same round: other work on the machine slows both. All
ways feed one network in one process, since the same network in two processes differs by up to a tenth, for as long as
they live. The first steps of a round, in which the network is compiled and queues fill, are not counted.

Memory is the highest RssAnon of a process that knows one way only, beside that of one on one batch. Pages of the memory
map are not in it: the kernel takes them back whenever somebody needs room. USS counts them, as long as no other process
maps the file.

Runs on TensorFlow, which the other two ways need, and on Linux, which says what RssAnon is.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from facekit.base import images
from facekit.training.pack import Pack

CLASSES, UNTIMED = 12, 3

FEW = 5
"""Steps, twice, by which a process holds the most that it ever will."""

SIDES = {"inception_v3": (96, "rgb"), "cnn5": (48, "gray")}
FEEDS = ("one batch", "facekit", "directory", "array")


@dataclass(frozen=True)
class Job:
    """What a worker is told."""

    feeds: tuple[str, ...]
    network: str
    root: str
    pictures: int
    batch: int

    @property
    def side(self) -> int:
        return SIDES[self.network][0]

    @property
    def classes(self) -> np.ndarray:
        return np.arange(self.pictures, dtype=np.int32) % CLASSES

    def pixels(self) -> np.memmap:
        file = Path(self.root) / f"{self.side}-{self.pictures}.u8"
        return np.memmap(file, np.uint8, "r", shape=(self.pictures, self.side, self.side, 3))


def write_pack(root: Path, side: int, pictures: int) -> None:
    """Write smooth random pictures with a little noise: as large on disk and as slow to decode as faces are."""
    chance = np.random.default_rng([side, pictures])
    with (root / f"{side}-{pictures}.u8").open("wb") as out:
        for _ in range(pictures):
            cells = chance.integers(0, 256, (9, 9, 3), dtype=np.uint8)
            smooth = cv2.resize(cells, (side, side), interpolation=cv2.INTER_CUBIC).astype(np.int16)
            out.write(np.clip(smooth + chance.integers(-6, 7, smooth.shape), 0, 255).astype(np.uint8).tobytes())


def write_files(job: Job) -> Path:
    folder = Path(job.root) / f"jpeg-{job.side}"
    for number in range(CLASSES):
        (folder / f"{number:02d}").mkdir(parents=True, exist_ok=True)
    for place, (pixels, number) in enumerate(zip(job.pixels(), job.classes, strict=True)):
        (folder / f"{number:02d}" / f"{place:06d}.jpg").write_bytes(images.encode(pixels))
    return folder


# What follows runs in a worker.


class Clock:
    """Says when each step ended."""

    def __init__(self) -> None:
        from facekit.networks.backend import keras

        self.ends: list[float] = []
        self.callback = keras.callbacks.LambdaCallback(on_train_batch_end=self._note)

    def rate(self, batch: int) -> float:
        timed = self.ends[UNTIMED:]
        return batch * (len(timed) - 1) / (timed[-1] - timed[0])

    def _note(self, batch: int, logs: Any) -> None:
        self.ends.append(time.monotonic())


class Peak(threading.Thread):
    """Notes the highest RssAnon of this process, in MB."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.megabytes = 0.0

    def run(self) -> None:
        while True:
            lines = Path("/proc/self/status").read_text().splitlines()
            anonymous = next(line for line in lines if line.startswith("RssAnon:"))
            self.megabytes = max(self.megabytes, int(anonymous.split()[1]) / 1024)
            time.sleep(0.02)


def work(job: Job) -> None:
    """Make the network and its feeds, then train from the one and as many steps as each line of stdin says."""
    from facekit.networks.backend import keras
    from facekit.options.train import Train
    from facekit.training import loop

    peak = Peak()
    peak.start()
    side, color = SIDES[job.network]
    options = Train(input=Path(), output=Path(), network=job.network, color=color, size=side, batch=job.batch)
    net = loop.build_network(options, CLASSES, None)
    net.compile(keras.optimizers.Adam(options.learning_rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    ways = {feed: WAYS[feed](job, net, options) for feed in job.feeds}
    for line in sys.stdin:
        feed, steps = json.loads(line)
        clock = Clock()
        ways[feed](steps, clock.callback)
        print(json.dumps({"rate": clock.rate(job.batch), "megabytes": peak.megabytes}), flush=True)


Train = Callable[[int, Any], None]


def one_batch(job: Job, net: Any, options: Any) -> Train:
    import tensorflow as tf

    same = np.array(job.pixels()[: job.batch]), job.classes[: job.batch]

    def train(steps: int, clock: Any) -> None:
        same_again = tf.data.Dataset.from_tensors(same).repeat(steps).prefetch(2)
        net.fit(same_again, callbacks=[clock], shuffle=False, verbose=0)

    return train


def facekit(job: Job, net: Any, options: Any) -> Train:
    from facekit.base.contract import quiet
    from facekit.training.callbacks import EpochStart, Progress, Watch
    from facekit.training.checkpoint import Checkpoint
    from facekit.training.feed import Feed
    from facekit.training.schedule import steps as steps_of

    feed = Feed(Pack(job.pixels(), []), range(job.pictures), job.classes.tolist(), job.batch, seed=42)
    for number in range(len(feed)):  # rounds see a part of a large pack, its memory is to be that of all
        feed[number]

    def train(steps: int, clock: Any) -> None:
        start = EpochStart(options, steps_of(options)[0], Checkpoint(Path(job.root)))
        beside = [Progress(feed, quiet, 1), start, Watch(CLASSES, options.learning_rate)]
        net.fit(feed, steps_per_epoch=steps, callbacks=[*beside, clock], shuffle=False, verbose=0)

    return train


def directory(job: Job, net: Any, options: Any) -> Train:
    from facekit.networks.backend import keras

    size = (job.side, job.side)
    loaded = keras.utils.image_dataset_from_directory(
        Path(job.root) / f"jpeg-{job.side}", image_size=size, batch_size=job.batch, seed=42, verbose=0
    )

    def train(steps: int, clock: Any) -> None:
        net.fit(loaded, steps_per_epoch=steps, callbacks=[clock], shuffle=False, verbose=0)

    return train


def array(job: Job, net: Any, options: Any) -> Train:
    every = job.pixels().astype(np.float32)

    def train(steps: int, clock: Any) -> None:
        net.fit(
            every, job.classes, batch_size=job.batch, steps_per_epoch=steps, callbacks=[clock], shuffle=True, verbose=0
        )

    return train


WAYS: dict[str, Callable[[Job, Any, Any], Train]] = {
    "one batch": one_batch,
    "facekit": facekit,
    "directory": directory,
    "array": array,
}


# What follows asks workers.


class Worker:
    """One network and its feeds, in a process that lives until it is told to stop."""

    def __init__(self, job: Job) -> None:
        command = [sys.executable, __file__, "--worker", json.dumps(job.__dict__)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.megabytes = 0.0

    def train(self, feed: str, steps: int) -> float:
        """Return images a second."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps([feed, steps]), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"a worker ended with {self.process.wait()}")
        said = json.loads(line)
        self.megabytes = said["megabytes"]
        return float(said["rate"])

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def side_by_side(job: Job, steps: int, rounds: int) -> dict[str, list[float]]:
    """Let the ways take turns, in another order each round; a first round, which compiles, does not count."""
    worker = Worker(job)
    for feed in job.feeds:
        worker.train(feed, UNTIMED + 2)
    order = list(job.feeds)
    rates: dict[str, list[float]] = {feed: [] for feed in order}
    for _ in range(rounds):
        for feed in order:
            rates[feed].append(worker.train(feed, UNTIMED + steps))
        order = [*order[1:], order[0]]
    worker.close()
    return rates


def memory(job: Job) -> float:
    """Return the highest RssAnon, in MB, of a fresh process that trains by the one way of a job."""
    worker = Worker(job)
    for _ in range(2):
        worker.train(*job.feeds, UNTIMED + FEW)
    worker.close()
    return worker.megabytes


def tell_rates(job: Job, rates: dict[str, list[float]]) -> None:
    best = rates["one batch"]
    alone = memory(replace(job, feeds=("one batch",)))
    for feed, found in rates.items():
        ratios = [own / most for own, most in zip(found, best, strict=True)]
        each = ", ".join(f"{ratio:.3f}" for ratio in ratios)
        beside = "1" if found is best else f"**{statistics.median(ratios):.3f}** ({each})"
        held = 0.0 if found is best else memory(replace(job, feeds=(feed,))) - alone
        print(f"| {job.network} | {feed} | {statistics.median(found):,.1f} | {beside} | {held:+,.0f} |", flush=True)


def tell_memory(jobs: Sequence[Job]) -> None:
    """Train from packs of several sizes, each in a fresh process beside one on one batch."""
    found = {job: memory(job) for job in jobs}
    network = found[jobs[0]]
    for job in jobs[1:]:
        size = job.pictures * job.side**2 * 3 / 1e6
        print(f"| {job.network} | {job.pictures:,} | {size:,.0f} | {network:,.0f} | {found[job] - network:+,.0f} |")


def within(wanted: int, job: Job) -> int:
    """Return so many steps, or as many as an epoch has: a feed that begins anew fills its queues anew."""
    return min(wanted, job.pictures // job.batch - UNTIMED)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", default="cnn5,inception_v3")
    parser.add_argument("--pictures", type=int, default=8192, help="that the four ways feed")
    parser.add_argument("--packs", default="2048,40960", help="sizes of packs whose memory is measured")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=20, help="of one round, about")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="see that it runs: the numbers say nothing")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.worker:
        work(Job(**json.loads(chosen.worker)))
        return
    if chosen.quick:
        chosen.networks, chosen.pictures, chosen.packs, chosen.batch = "cnn5", 256, "128,1024", 8
        chosen.seconds, chosen.rounds = 0.5, 2
    rates = {"inception_v3": 60, "cnn5": 460}  # about, on two cores
    sizes = [int(size) for size in chosen.packs.split(",")]
    for network in chosen.networks.split(","):
        wanted = max(8, round(chosen.seconds * rates[network] / chosen.batch))
        with tempfile.TemporaryDirectory() as root:
            side, _ = SIDES[network]
            for pictures in {chosen.pictures, *sizes}:
                write_pack(Path(root), side, pictures)
            job = Job(FEEDS, network, root, chosen.pictures, chosen.batch)
            write_files(job)
            print("\n| network | feed | images/s | beside one batch (each round) | memory, MB |\n|---|---|--:|---|--:|")
            tell_rates(job, side_by_side(job, within(wanted, job), chosen.rounds))
            print("\n| network | pictures | pack, MB | network alone, MB | with the pack, MB |\n|---|--:|--:|--:|--:|")
            packs = [Job(("facekit",), network, root, size, chosen.batch) for size in sizes]
            tell_memory([replace(packs[0], feeds=("one batch",)), *packs])


if __name__ == "__main__":
    main()
