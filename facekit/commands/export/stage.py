"""Export: convert a run, hold the result against it, and write it only if both answer alike."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from pathlib import Path

from facekit import runs
from facekit.base.contract import FacekitError, Report, Track, quiet
from facekit.base.text import counted
from facekit.commands.export import comparing, formats
from facekit.commands.export.describing import describe
from facekit.commands.export.formats import Way
from facekit.commands.export.subject import Subject
from facekit.identity import classifier
from facekit.options.export import Export
from facekit.runs import GALLERY, Run
from facekit.runs.export import placing
from facekit.runs.export.about import FACES, Check, ExportInfo
from facekit.runs.known_faces import KnownVectors

STAGE = "export"

log = logging.getLogger(__name__)


def export(options: Export, track: Track = quiet) -> Report:
    """Write a trained run in another format, after its answers were held against the run's own.

    Raises FacekitError: not a trained run, a format that cannot be written from it, an output that holds something
    else, a package that is missing, answers that differ.
    """
    began = time.monotonic()
    run = runs.load(options.run)
    classifier.refuse_embedder(run)
    placing.check(options.output, options.format)
    subject = Subject.of(run)
    way = formats.way(options.format, subject)
    about = describe(run, options.format, subject.side, options.known_faces)
    report = Report(STAGE, str(options.output))
    if _is_there(options, about, way) or options.dry_run:
        return report
    known = _known_faces(run, about)
    model = classifier.load(run)
    faces = [] if way.exact else comparing.calibration(run, model, options)
    converted = way.convert(subject, about, faces)
    check = comparing.compared(run, model, about, converted, way, options)
    place = converted.write(options.output, about.checked(check), known)
    report.details |= _details(place, about, check)
    report.seconds = round(time.monotonic() - began, 2)
    return report


def _is_there(options: Export, about: ExportInfo, way: Way) -> bool:
    """Return whether the very same was written before. Raises FacekitError for another file in its place."""
    folder = placing.is_folder(options.output, options.format)
    place = placing.newest(options.output) if folder else options.output
    if place is None or not place.exists():
        return False
    before = way.read(place)
    if before is not None and before.made_from == about.made_from:
        log.info("%s is of this very model already", place)
        return True
    if not (folder or options.overwrite):
        what = "another file" if before is None else "of another model"
        raise FacekitError(f"{place} is there already, and is {what}; choose another name, or use --overwrite")
    return False


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
    details: dict[str, str | float | int] = {
        "file": str(place),
        "bytes": sum(file.stat().st_size for file in ([place] if place.is_file() else place.rglob("*"))),
        "takes": f"{seen.input}: {shape}",
        "labels": len(about.labels),
        **({"targets": ", ".join(one.name for one in about.targets)} if about.targets else {}),
        "answers `unknown`": unknown,
        "compared on": f"{counted(check.pictures, 'picture')} of {check.of}" if "part" in check.of else check.of,
        "largest difference": check.difference,
    }
    if about.format == "litert-int8" and check.accuracy is not None and check.accuracy_before is not None:
        details |= {"accuracy of the run": check.accuracy_before, "accuracy of the export": check.accuracy}
    return details
