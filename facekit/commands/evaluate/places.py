"""Where a report goes: a folder of its own for everything that a run is scored on."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

from facekit import runs
from facekit.base.contract import FacekitError
from facekit.dataset import check_places
from facekit.options.evaluate import Evaluate

SCORES, PAGE = "scores.json", "report.html"


def place(options: Evaluate, data: Path, own: bool) -> Path:
    """Return the folder for a report on `data`: the one asked for, else one in the run.

    Without options it is called `evaluation`; another part, other data, a column or folds are in the name, so
    that no score overwrites that of something else.
    """
    if options.output is not None:
        return options.output
    parts = [] if own else [_safe(data.stem if data.is_file() else data.resolve().name)]
    parts += [options.part] if options.part and not (own and options.part == "test") else []
    parts += [f"{options.folds}-folds"] if options.folds else []
    parts += [f"by-{_safe(options.by)}"] if options.by else []
    folder = options.run / "-".join([runs.EVALUATION, *parts])
    if not own and _of_other_data(folder, data):  # of the same name, as in old/faces and new/faces
        folder = folder.with_name(f"{folder.name}-{hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:8]}")
    return folder


def folds(options: Evaluate) -> Path:
    """Return the folder of the folds' runs: the same whichever column they are scored by."""
    return options.output or options.run / f"{runs.EVALUATION}-{options.folds}-folds"


def check(output: Path, data: Path) -> None:
    """Refuse a folder that holds something else, or lies in the pictures. Raises FacekitError."""
    check_places(output, None if data.is_file() else data)
    if output.is_dir() and not (output / SCORES).exists() and not all(map(_is_fold, output.iterdir())):
        raise FacekitError(f"{output} is not empty and no evaluate made it; choose another folder")


def _is_fold(entry: Path) -> bool:
    """Whether it is a fold's run, as a kill among the folds leaves it without a report."""
    return entry.name.startswith(f"{runs.FOLD}-") and entry.is_dir()


def _safe(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name) or "data"


def _of_other_data(folder: Path, data: Path) -> bool:
    try:
        before = json.loads((folder / SCORES).read_text())["data"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return Path(before).resolve() != data.resolve()
