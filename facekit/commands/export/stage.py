"""Export: convert a run, hold the result against it, and write it only if both answer alike."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import numpy as np

from facekit import runs
from facekit.base import plugins
from facekit.base.contract import FacekitError, Report, Track, quiet
from facekit.base.text import counted
from facekit.commands.export import onnx, pictures
from facekit.commands.export.describing import describe
from facekit.commands.export.pictures import Looked
from facekit.commands.export.subject import Inputs, Subject
from facekit.identity import classifier
from facekit.options.export import Export, Format
from facekit.runs import GALLERY, Run
from facekit.runs.export import placing
from facekit.runs.export.about import FACES, Check, ExportInfo
from facekit.runs.export.session import Rows
from facekit.runs.known_faces import KnownVectors

STAGE = "export"

MOST_DIFFERENT = 1e-4
"""Largest difference of a probability from the run's own: what another order of additions leads to."""

log = logging.getLogger(__name__)


class Converted(Protocol):
    """A run in another format."""

    def answers(self, inputs: Inputs) -> Rows:
        """Return the probabilities that it gives, shape (n, labels)."""
        ...

    def write(self, output: Path, about: ExportInfo, known: KnownVectors | None) -> Path:
        """Write it whole or not at all; return the file or folder. Raises FacekitError."""
        ...


_FORMATS: Mapping[Format, Callable[[Subject, ExportInfo], Converted]] = {"onnx": onnx.Onnx.of}


_READERS: Mapping[Format, Callable[[Path], ExportInfo | None]] = {"onnx": onnx.read}
"""Format -> what a file or a version says of itself; None where it says nothing."""


def export(options: Export, track: Track = quiet) -> Report:
    """Write a trained run in another format, after its answers were held against the run's own.

    Raises FacekitError: not a trained run, a format that cannot be written from it, an output that is there already, a
    package that is missing, answers that differ.
    """
    began = time.monotonic()
    run = runs.load(options.run)
    placing.check(options.output, options.format)
    for package in onnx.NEEDS:
        plugins.need(package, f"export --format {options.format}", "export")
    subject = Subject.of(run)
    about = describe(run, options.format, subject.side, options.known_faces)
    report = Report(STAGE, str(options.output))
    if _is_there(options, about) or options.dry_run:
        return report
    converted = _FORMATS[options.format](subject, about)
    check = _compared(run, about, converted, options)
    place = converted.write(options.output, about.checked(check), _known_faces(run, about))
    report.details |= _details(place, about, check)
    report.seconds = round(time.monotonic() - began, 2)
    return report


def _is_there(options: Export, about: ExportInfo) -> bool:
    """Return whether the very same was written before. Raises FacekitError for another file in its place."""
    folder = placing.is_folder(options.output, options.format)
    place = placing.newest(options.output) if folder else options.output
    if place is None or not place.exists():
        return False
    before = _READERS[options.format](place)
    if before is not None and before.made_from == about.made_from:
        log.info("%s is of this very model already", place)
        return True
    if not (folder or options.overwrite):
        what = "another file" if before is None else "of another model"
        raise FacekitError(f"{place} is there already, and is {what}; choose another name, or use --overwrite")
    return False


def _compared(run: Run, about: ExportInfo, converted: Converted, options: Export) -> Check:
    """Hold the answers against the run's own. Raises FacekitError for a difference that matters."""
    model = classifier.load(run)
    looked = pictures.held_out(run, model, options.count, about.preprocessing.side or run.size, options.seed)
    if looked.truth is None:
        log.warning("the exported model was compared on %s", looked.of)
    rows, vectors = model.named(looked.seen)
    found = converted.answers(_inputs(about, looked, vectors))
    difference = float(np.abs(found - rows).max())
    if not difference <= MOST_DIFFERENT:
        raise FacekitError(
            f"the exported model answers otherwise than {run.folder}: a probability differs by {difference:.2g} on "
            f"{looked.of}, and at most {MOST_DIFFERENT:g} is allowed; nothing was written"
        )
    return Check(pictures=len(rows), of=looked.of, difference=difference)


def _inputs(about: ExportInfo, looked: Looked, vectors: Inputs | None) -> Inputs:
    """Return what the exported model takes of the pictures."""
    if about.preprocessing.input == FACES:
        return np.stack(looked.seen)
    assert vectors is not None
    return vectors


def _known_faces(run: Run, about: ExportInfo) -> KnownVectors | None:
    """Return the known faces that go into the file. Raises FacekitError where they are gone or damaged."""
    if not about.known_faces or about.open_set is None:
        return None
    dimensions = about.open_set.embedder.dimensions
    return KnownVectors.read(run.folder / GALLERY, about.known_faces, dimensions, len(run.labels))


def _details(place: Path, about: ExportInfo, check: Check) -> Mapping[str, str | float | int]:
    seen = about.preprocessing
    shape = f"uint8 (n, {seen.side}, {seen.side}, 3), RGB" if seen.input == FACES else "float32 (n, dimensions)"
    unknown = f"by {counted(about.known_faces, 'known face')} in the file" if about.known_faces else "no"
    return {
        "file": str(place),
        "bytes": sum(file.stat().st_size for file in ([place] if place.is_file() else place.rglob("*"))),
        "takes": f"{seen.input}: {shape}",
        "labels": len(about.labels),
        "answers `unknown`": unknown,
        "compared on": f"{counted(check.pictures, 'picture')} of {check.of}" if "part" in check.of else check.of,
        "largest difference": check.difference,
    }
