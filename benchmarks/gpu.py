"""Training speed on an accelerator: images a second, and the share of a step that is spent waiting for data.

    python benchmarks/gpu.py                    # Inception V3 at 96x96, batches of 256, 512 and 1024, bfloat16
    KERAS_BACKEND=jax python benchmarks/gpu.py  # or torch
    python benchmarks/gpu.py --as-keras         # waiting for every step, as Keras' own list of callbacks does
    python benchmarks/gpu.py --cores            # on a machine without one, at a tiny size: see that it runs

The same network learns twice: from facekit's packed memory map, through the feed that `train` has, and from one batch
that lies in the accelerator's memory, so that nothing is waited for. What a step takes longer from the pack is spent
waiting: reading, copying to the accelerator, and whatever the engine does between. The two take turns; the first steps,
in which the network is compiled, are not counted, and the clock is read when the accelerator has finished. `--as-keras`
trains from the pack as facekit did before it stopped to wait for each step; the other way is the same with it.

`ms a batch` is the time in the feed itself, which on TensorFlow runs beside the steps and elsewhere before them.
Exit code 2 where there is no accelerator.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from facekit.networks import build
from facekit.networks.backend import accelerated, computing, engine, keras
from facekit.training import feed as feeds
from facekit.training.callbacks import Callbacks, Progress, Watch, number
from facekit.training.feed import Batch, Feed
from facekit.training.pack import Pack

CLASSES = 100
WARM = 5


class Timed(Feed):
    """Facekit's feed, which says how long its batches took."""

    seconds = 0.0
    made = 0

    def __getitem__(self, index: int) -> Batch:
        """Return one batch."""
        began = time.perf_counter()
        batch = super().__getitem__(index)
        self.seconds += time.perf_counter() - began
        self.made += 1
        return batch


class Resident(keras.layers.Layer):  # type: ignore[misc]
    """Gives one batch of pictures, which lies where the network computes, whatever comes in."""

    def __init__(self, pixels: Any) -> None:
        super().__init__(name="resident")
        self._pixels = self.add_weight(shape=pixels.shape, dtype="uint8", initializer="zeros", trainable=False)
        self._pixels.assign(pixels)

    def call(self, inputs: Any) -> Any:
        """Return the pictures, as the network would cast them."""
        return keras.ops.cast(self._pixels, "float32")


class Nothing(keras.utils.PyDataset):  # type: ignore[misc]
    """As many steps, with nothing in them but the classes."""

    def __init__(self, classes: Any, steps: int) -> None:
        super().__init__()
        self._batch, self._steps = (np.zeros((len(classes), 1), np.float32), classes), steps

    def __len__(self) -> int:
        """Return the number of steps."""
        return self._steps

    def __getitem__(self, index: int) -> Any:
        """Return one number a picture, and its class."""
        return self._batch


class Clock(keras.callbacks.Callback):  # type: ignore[misc]
    """Times the steps after the first ones, each end of the stretch waiting for what is under way."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self._last, self._began, self.seconds = steps - 1, 0.0, 0.0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Read the clock where the stretch begins and ends."""
        if batch in (WARM - 1, self._last):
            number(logs["loss"])  # which is known when the step is over
            self._began, self.seconds = time.perf_counter(), time.perf_counter() - self._began


def compiled(net: Any) -> Any:
    net.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return net


def seconds(model: Any, feed: Any, steps: int, callbacks: Sequence[Any] = (), as_keras: bool = False) -> float:
    """Return the seconds of a step."""
    clock = Clock(steps)
    every = [*callbacks, clock]
    model.fit(feed, callbacks=every if as_keras else Callbacks(model, steps, every), shuffle=False, verbose=0)
    return clock.seconds / (steps - WARM)


def resident(net: Any, pixels: Any) -> Any:
    """Return a network that sees the same batch at every step."""
    inputs = keras.Input((1,))
    return compiled(keras.Model(inputs, net(Resident(pixels)(inputs))))


def compared(chosen: argparse.Namespace, pack: Pack, batch: int) -> tuple[list[float], list[float], float]:
    """Return for each round the seconds of a step from the pack and on one batch, and those of making a batch."""
    network, size, steps = chosen.network, chosen.size, chosen.steps
    places = [place % len(pack.pixels) for place in range(batch * steps)]
    feed = Timed(pack, places, [place % CLASSES for place in places], batch, seed=42)
    pixels, classes = feed.pixels(0), np.arange(batch, dtype=np.int32) % CLASSES
    with computing(chosen.precision):
        fed = compiled(build(network, size, CLASSES))
        still = resident(build(network, size, CLASSES), pixels)
    waiting, without = [], []
    for turn in range(chosen.rounds + 1):
        beside = [Progress(feed, lambda items, *_, **__: iter(items), 1), Watch(CLASSES, 1e-3)]
        ours = seconds(fed, feed, steps, beside, chosen.as_keras)
        alone = seconds(still, Nothing(classes, steps), steps)
        if turn:  # the first round compiles
            waiting.append(ours)
            without.append(alone)
    return waiting, without, feed.seconds / feed.made


def measure(chosen: argparse.Namespace, pack: Pack, batch: int) -> list[str]:
    """Return a line of the table."""
    waiting, without, made = compared(chosen, pack, batch)
    shares = [max(0.0, 1 - b / a) for a, b in zip(waiting, without, strict=True)]
    rates = [batch / statistics.median(times) for times in (waiting, without)]
    each = ", ".join(f"{share:.1%}" for share in shares)
    shown = [f"{batch}", *(f"{rate:,.0f}" for rate in rates), f"{statistics.median(shares):.1%} ({each})"]
    return [*shown, f"{1000 * made:.1f}"]


def random_pack(file: Path, size: int, pictures: int) -> Pack:
    """Write random pictures: what they show changes nothing of the speed."""
    chance = np.random.default_rng(0)
    with file.open("wb") as out:
        for _ in range(pictures):
            out.write(chance.bytes(size * size * 3))
    return Pack(np.memmap(file, np.uint8, "r", shape=(pictures, size, size, 3)), [])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="inception_v3")
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--batches", default="256,512,1024")
    parser.add_argument("--precision", default="mixed_bfloat16")
    parser.add_argument("--steps", type=int, default=45)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--pictures", type=int, default=8192, help="in the pack, which is gone through as often as needed"
    )
    parser.add_argument("--as-keras", action="store_true", help="wait for every step, as Keras' own callbacks do")
    parser.add_argument("--cores", action="store_true", help="try it without an accelerator, at a tiny size")
    chosen = parser.parse_args()
    if chosen.cores:
        chosen.network, chosen.batches, chosen.precision = "cnn5", "4,8", "float32"
        chosen.size, chosen.steps, chosen.rounds, chosen.pictures = 48, WARM + 5, 1, 64
    elif not accelerated():
        print(
            f"{engine()} sees no accelerator: run this where there is one, or give --cores for a try", file=sys.stderr
        )
        return 2
    if chosen.as_keras:
        feeds.ahead = lambda batch: batch
    print(f"{chosen.network}, {chosen.size} px, {chosen.precision}, {engine()} on {keras.ops.zeros(1).device}\n")
    heads = "batch", "images/s from the pack", "images/s on one batch", "waiting for data (each round)", "ms a batch"
    print(f"| {' | '.join(heads)} |\n|--:|--:|--:|---|--:|")
    with tempfile.TemporaryDirectory() as folder:
        pack = random_pack(Path(folder) / "pack.u8", chosen.size, chosen.pictures)
        for batch in map(int, chosen.batches.split(",")):
            print("|", " | ".join(measure(chosen, pack, batch)), "|", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
