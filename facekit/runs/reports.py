"""Where the report on a run goes: one folder for each set of pictures that it is scored on."""

from __future__ import annotations

import re
from pathlib import Path

from facekit.base.files import check_ours
from facekit.dataset import check_places
from facekit.runs.run import EVALUATION, FOLD, refuse_link

SCORES, PAGE = "scores.json", "report.html"


def folder(run: Path, *parts: str) -> Path:
    """Return the folder in a run for a report on something, such as `evaluation-train` or `evaluation-by-gender`.

    Raises FacekitError where it is a link.
    """
    path = run / "-".join([EVALUATION, *map(_safe, parts)])
    refuse_link(path)
    return path


def check(output: Path, data: Path, command: str) -> None:
    """Refuse a folder that holds something else than a report, or lies in the pictures. Raises FacekitError."""
    check_places(output, None if data.is_file() else data)
    folds = output.is_dir() and all(map(_is_fold, output.iterdir()))
    check_ours(output, command, is_ours=folds or (output / SCORES).exists())


def _is_fold(entry: Path) -> bool:
    """Whether it is a fold's run: an interrupted cross-validation has no report yet."""
    return entry.name.startswith(f"{FOLD}-") and entry.is_dir()


def _safe(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name) or "data"
