"""What recalibrating batch normalisation costs, and how many pictures it takes before the scores stop changing.

One training, and at the end of each epoch the validation part is scored with statistics that were measured in many
ways, for the very same weights: from 64 pictures to all of the training part, and, for nothing, from the last steps of
the training itself, whose weights were slightly different. A training step never uses the running statistics, so that
all ways belong to one and the same training. Printed for each way, beside all pictures:

- the error of the means (in standard deviations of their channel) and of the variances (relative), root mean square;
- by how much the validation accuracy and loss differ, and which epoch is the best;
- its share of the CPU seconds of an epoch's steps.

    python benchmarks/recalibration.py FACES --network inception_v3 --train 1128 --epochs 10

FACES is a folder of faces, one folder a person. What would make its figures wrong: other work that reaches the CPU
seconds through caches and hyper-threads (take the ratio, not the seconds); a training too short to learn anything, in
which all ways are equally poor; a validation part so small that one picture is a point.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facekit.dataset import Dataset
from facekit.networks import build
from facekit.networks.backend import Model, keras
from facekit.networks.forward import Pass, training_pass
from facekit.training.callbacks import Callbacks
from facekit.training.feed import Feed
from facekit.training.losses import TargetLoss, accuracies
from facekit.training.pack import pack
from facekit.training.recalibrate import _as_in_one_batch, _norms, _statistics

Moments = list[NDArray[np.float32]]
"""Mean and variance of each layer in turn."""

ALL = "all pictures"

LAST = 32
"""Training steps whose moments are remembered."""


class Remember(keras.callbacks.Callback):  # type: ignore[misc]
    """Remembers the moments of the last training steps, and the CPU seconds of the steps."""

    def __init__(self, variables: Sequence[object]) -> None:
        super().__init__()
        self.variables, self.steps, self.cpu = variables, list[Moments](), 0.0

    def on_epoch_begin(self, epoch: int, logs: object) -> None:
        self._began, self._own = time.process_time(), 0.0

    def on_train_batch_end(self, batch: int, logs: object) -> None:
        began = time.process_time()
        self.steps = [*self.steps[1 - LAST :], read(self.variables)]
        self._own += time.process_time() - began

    def on_epoch_end(self, epoch: int, logs: object) -> None:
        self.cpu = time.process_time() - self._began - self._own


def read(variables: Sequence[object]) -> Moments:
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def averaged(rows: Sequence[Moments], weights: Sequence[float] | None = None) -> Moments:
    return [np.average(values, axis=0, weights=weights).astype(np.float32) for values in zip(*rows, strict=True)]


def errors(some: Moments, true: Moments) -> tuple[float, float]:
    """Return the root mean square error of the means in standard deviations, and of the variances as a ratio."""
    means = [(a - b) / np.sqrt(v + 1e-3) for a, b, v in zip(some[::2], true[::2], true[1::2], strict=True)]
    spreads = [(a - b) / (b + 1e-3) for a, b in zip(some[1::2], true[1::2], strict=True)]
    return tuple(float(np.sqrt(np.mean(np.concatenate(v) ** 2))) for v in (means, spreads))  # type: ignore[return-value]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", type=Path)
    parser.add_argument("--network", default="inception_v3")
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--train", type=int, default=1128)
    parser.add_argument("--validation", type=int, default=400)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="also write every epoch's numbers here, a line each")
    chosen = parser.parse_args()
    keras.utils.set_random_seed(chosen.seed)
    dataset = Dataset.open(chosen.faces)
    order = np.random.default_rng(chosen.seed).permutation(len(dataset.records))
    records = [dataset.records[int(place)] for place in order[: chosen.train + chosen.validation]]
    labels = sorted({record.label for record in records})
    with tempfile.TemporaryDirectory() as folder:
        packed = pack(dataset.root, records, chosen.size, Path(folder) / "pack")
        classes = np.array([[labels.index(record.label)] for record in packed.records])
        feed = Feed(packed, range(chosen.train), classes[: chosen.train], chosen.batch, chosen.seed)
        held = Feed(packed, range(chosen.train, len(packed.records)), classes[chosen.train :], chosen.batch)
        net = build(chosen.network, chosen.size, [len(labels)])
        net.compile(
            keras.optimizers.Adam(chosen.rate), loss=TargetLoss([len(labels)], [1.0]), metrics=accuracies([len(labels)])
        )
        study(net, feed, held, chosen)


def study(net: Model, feed: Feed, held: Feed, chosen: argparse.Namespace) -> None:
    norms = _norms(net)
    variables = _statistics(norms)
    through = training_pass(net, variables)
    for norm in norms:
        norm.momentum = 0.0  # the running statistics are then the last step's own
    remember = Remember(variables)
    table: dict[str, list[dict[str, float]]] = {}
    for epoch in range(chosen.epochs):
        feed.shuffle(epoch)
        callbacks = Callbacks(net, len(feed), [remember])
        net.fit(feed, initial_epoch=epoch, epochs=epoch + 1, callbacks=callbacks, shuffle=False, verbose=0)
        with _as_in_one_batch(net, norms):
            rows, per_batch = measured(feed, through)
        true = averaged(rows)
        for way, moments in ways(rows, list(remember.steps), chosen.batch).items():
            for variable, value in zip(variables, moments, strict=True):
                variable.assign(value)
            scores = net.evaluate(held, verbose=0, return_dict=True)
            mean, spread = errors(moments, true)
            one = {"accuracy": float(scores["accuracy"]), "loss": float(scores["loss"]), "mean": mean, "spread": spread}
            table.setdefault(way, []).append(one)
        print(f"epoch {epoch + 1}: accuracy {table[ALL][-1]['accuracy']:.3f}, a batch of recalibration "
              f"{per_batch:.2f} of {remember.cpu:.1f} CPU s ({per_batch / remember.cpu:.2%})", flush=True)  # fmt: skip
        if chosen.out:
            line = {"epoch": epoch + 1, "cpu_epoch": remember.cpu, "cpu_batch": per_batch}
            last = {way: rows[-1] for way, rows in table.items()}
            with chosen.out.open("a") as file:
                file.write(json.dumps({**line, "ways": last}) + "\n")
    summary(table)


def measured(feed: Feed, through: Pass) -> tuple[list[Moments], float]:
    """Return the moments of each batch, and the CPU seconds of one."""
    rows, seconds = [], []
    for number in range(len(feed)):
        began = time.process_time()
        rows.append([np.array(keras.ops.convert_to_numpy(value)) for value in through(feed.pixels(number))])
        seconds.append(time.process_time() - began)
    return rows, statistics.median(seconds)


def ways(rows: Sequence[Moments], steps: Sequence[Moments], batch: int) -> dict[str, Moments]:
    """Return the moments by each way to measure them: of batches now, of the training's last steps, of both."""
    found = {f"{count * batch} pictures": averaged(rows[:count]) for count in (1, 2, 3, 4, 8)}
    found[ALL] = averaged(rows)
    for last in (4, 8):
        found[f"the last {last} steps"] = averaged(steps[-last:])
    found["running, momentum 0.9"] = averaged(steps, [0.9**age for age in range(len(steps))][::-1])
    for fresh in (1, 2):
        found[f"{fresh * batch} pictures and the last 4 steps"] = averaged([*rows[:fresh], *steps[-4:]])
    return found


def summary(table: dict[str, list[dict[str, float]]]) -> None:
    whole = table[ALL]
    print(
        "| statistics of | error of means | of variances | accuracy differs: mean, most | loss differs | best epoch |"
    )
    print("|---|--:|--:|---|--:|--:|")
    for way, rows in table.items():
        apart = [abs(a["accuracy"] - b["accuracy"]) for a, b in zip(rows, whole, strict=True)]
        loss = statistics.median(abs(a["loss"] / b["loss"] - 1) for a, b in zip(rows, whole, strict=True))
        best = 1 + max(range(len(rows)), key=lambda number: rows[number]["accuracy"])
        mean, spread = (statistics.median(row[key] for row in rows) for key in ("mean", "spread"))
        accuracy = f"{statistics.fmean(apart):.4f}, {max(apart):.4f}"
        print(f"| {way} | {mean:.3f} | {spread:.3f} | {accuracy} | {loss:.1%} | {best} |")


if __name__ == "__main__":
    main()
