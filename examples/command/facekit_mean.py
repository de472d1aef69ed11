"""The mean face of each name: `facekit mean-face faces -o means.png`. One that is a blur may be several people."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np

from facekit.base import images
from facekit.base.contract import BadImage, Report, Track, quiet
from facekit.base.files import replace_file
from facekit.dataset import Dataset
from facekit.options.base import Aside, Limits, Options, OutputPath, Short
from facekit.options.common import InputFolder


@dataclass(frozen=True, kw_only=True)
class MeanFace(Options):
    """Draw the mean face of each name, side by side in the order of the names."""

    group, after, in_recipes = "clean", "clean", True

    input: InputFolder
    output: Annotated[Path, "PNG to write.", Short("-o"), Aside(), OutputPath()] = Path("means.png")
    side: Annotated[int, "Side of each face, in pixels.", Limits(16, 512)] = 96


def mean_face(options: MeanFace, track: Track = quiet) -> Report:
    began, dataset, sums, counts = time.monotonic(), Dataset.open(options.input, track), {}, {}
    report = Report("mean-face", str(options.output))
    for record in track(dataset.records, "mean faces"):
        try:
            face = images.resize(images.decode(dataset.bytes_of(record)), options.side)
        except BadImage as bad:
            report.left[bad.reason] += 1
        else:
            sums[record.label] = sums.get(record.label, 0.0) + face
            counts[record.label] = counts.get(record.label, 0) + 1
    if sums and not options.dry_run:
        sheet = np.hstack([(sums[label] / counts[label]).astype(np.uint8) for label in sorted(sums)])
        replace_file(options.output, images.encode_png(sheet))
    report.made = report.kept = len(sums)
    report.details["faces"], report.seconds = counts, time.monotonic() - began
    return report
