"""What an export costs: each format's size, error, CPU time and loss of accuracy, by network.

    python benchmarks/export.py RUN [RUN …]
    python benchmarks/export.py --faces FOLDER [--network NAME …] [--keep FOLDER]

The first takes trained runs, whose own pictures must be at hand. The second trains every network for two epochs on a
folder of faces, at a small side: enough for sizes, errors and times, and too little for a loss of accuracy. ONNX
Runtime and LiteRT have one thread, TensorFlow and PyTorch as many as they take; CPU milliseconds count all of them.
LiteRT is asked face by face, as a phone asks it, and all others in batches. PyTorch's format is written where
KERAS_BACKEND=torch, and all others where it is TensorFlow: keep the runs of `--faces` to measure them under both.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np

from facekit import runs
from facekit.base.contract import FacekitError, Image
from facekit.commands.export import comparing, formats, pictures
from facekit.commands.export.describing import describe
from facekit.commands.export.subject import Subject
from facekit.commands.train import train
from facekit.identity import classifier
from facekit.networks import NETWORKS
from facekit.options.export import Export, Format
from facekit.options.train import Train
from facekit.runs.export import placing
from facekit.runs.export.session import BATCH

_LEAST_SECONDS = 3.0
"""CPU seconds that a run is asked for at least."""

_SMALL = 48
"""Pixels: the side of a network that `--faces` trains, where that is no smaller than it can be."""

_ASKED = 256 + BATCH
"""Pictures that an export is asked about."""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", nargs="*", type=Path)
    parser.add_argument("--faces", type=Path, help="trains networks on this folder")
    parser.add_argument("--network", action="append", choices=NETWORKS, help="only this one, which may be repeated")
    parser.add_argument("--keep", type=Path, help="keeps the runs of `--faces` here, each under its network's name")
    asked = parser.parse_args()
    print("| network | format | bytes | largest difference | accuracy, of the run | of the export | CPU ms a picture |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for folder in asked.runs:
        _all_formats(folder)
    if asked.faces is None:
        return
    for name in asked.network or NETWORKS:
        with tempfile.TemporaryDirectory() as scratch:
            side = max(_SMALL, NETWORKS[name].smallest)
            settings: dict[str, Any] = {"network": name, "size": side, "epochs": 2, "labels": "classes"}
            output = asked.keep / name if asked.keep is not None else Path(scratch) / "run"
            train(Train(input=asked.faces, output=output, **settings))
            _all_formats(output)
        from facekit.networks.backend import keras

        keras.utils.clear_session()  # else each network stays in memory


def _all_formats(folder: Path) -> None:
    run = runs.load(folder)
    model = classifier.load(run)
    looked = pictures.held_out(run, model, 2000, run.size, 42)
    print(f"| {run.network}, {run.size} px | the run, by Keras | | | | | {_of_run(model, looked.seen)} |", flush=True)
    for written in get_args(Format):
        _measure(run, model, written, looked.seen)


def _measure(run: runs.Run, model: Any, written: Format, seen: Sequence[Image]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / f"model{placing.SUFFIX.get(written, '')}"
        options = Export(run=run.folder, output=output, format=written)
        try:
            subject = Subject.of(run)
            way = formats.way(written, subject)
            about = describe(run, written, subject.side, False)
            faces = [] if way.exact else comparing.calibration(run, model, options)
            made = way.convert(subject, about, faces)
            check = comparing.compared(run, model, about, made, way, options)
        except FacekitError as error:
            print(f"| {run.network} | {written} | {error} | | | | |", flush=True)
            return
        place = made.write(output, about.checked(check), None)
        files = [place] if place.is_file() else [file for file in place.rglob("*") if file.is_file()]
        size = sum(file.stat().st_size for file in files)
        print(
            f"| {run.network}, {run.size} px | {written} | {size:,} | {check.difference:.2g} | "
            f"{check.accuracy_before:.3f} | {check.accuracy:.3f} | {_of_export(made, seen)} |",
            flush=True,
        )


def _of_run(model: Any, seen: Sequence[Image]) -> str:
    """Return the CPU milliseconds of a picture, by Keras in batches as large as the exports are asked."""
    batch = list(seen[:BATCH])
    model.named(batch)
    began, count = time.process_time(), 0
    while time.process_time() - began < _LEAST_SECONDS:
        model.named(batch)
        count += len(batch)
    return f"{1000 * (time.process_time() - began) / count:.2f}"


def _of_export(made: formats.Converted, seen: Sequence[Image]) -> str:
    """Return the CPU milliseconds of a picture. Each call loads the file again, which is taken off."""
    inputs = np.stack([seen[place % len(seen)] for place in range(_ASKED)])
    began = time.process_time()
    made.answers(inputs[:BATCH])
    first = time.process_time() - began
    began = time.process_time()
    made.answers(inputs)
    return f"{1000 * (time.process_time() - began - first) / (len(inputs) - BATCH):.2f}"


if __name__ == "__main__":
    main()
