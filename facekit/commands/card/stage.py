"""The command: gather the facts of what is described, and write them down, or hold them against what is there."""

from __future__ import annotations

import difflib
import time
from pathlib import Path

from facekit import runs
from facekit.base.contract import FacekitError, Report, Track, quiet
from facekit.base.files import guarded, json_bytes, read_bytes, replace_file
from facekit.base.opening import no_folder
from facekit.base.text import counted
from facekit.commands.card import data, galleries, models
from facekit.identity.gallery.opening import is_gallery
from facekit.options.card import Card
from facekit.options.galleries import is_database
from facekit.report.cards.croissant import CONFORMS, croissant
from facekit.report.cards.croissant import FILE as CROISSANT
from facekit.report.cards.facts import Facts
from facekit.report.cards.markdown import FILE as README
from facekit.report.cards.markdown import MARK, markdown

STAGE = "card"

_MOST = 16 << 20
"""Bytes of a card."""


def card(options: Card, track: Track = quiet) -> Report:
    """Write `README.md` and `croissant.json`, or, with `check`, say whether they are still true.

    Raises FacekitError: nothing that has a card, a README.md that facekit did not write.
    """
    began = time.monotonic()
    folder = _folder(options)
    facts = _facts(options, track)
    made = {README: markdown(facts).encode(), CROISSANT: json_bytes(croissant(facts))}
    report = Report(STAGE, str(folder), counts=False)
    if options.check:
        stale = [line for name, content in made.items() if (line := _stale(folder / name, content))]
        report.code = 1 if stale else 0
        report.details["stale"] = stale
        report.details["lines"] = stale or [f"{folder / README} says what is there"]
    else:
        _refuse_foreign(folder)
        if not options.dry_run:
            _write(folder, made)
        report.details["files"] = [str(folder / name) for name in made]
        report.details["lines"] = [f"{'would write' if options.dry_run else 'wrote'} {folder / name}" for name in made]
    report.seconds = round(time.monotonic() - began, 2)
    return report


def _facts(options: Card, track: Track) -> Facts:
    if is_database(options.target) or is_gallery(Path(options.target)):
        return galleries.facts(options.target)
    target = Path(options.target)
    if (target / runs.MODEL).is_file():
        return models.facts(runs.load(target), options.jobs, track)
    if not target.is_dir():
        raise FacekitError(f"{no_folder(target)}; give a folder of pictures, a trained model or a gallery")
    return data.facts(target, options.jobs, track)


def _folder(options: Card) -> Path:
    if options.output is not None:
        return options.output
    if is_database(options.target):
        raise FacekitError("a gallery in a database has no folder for its card; name one with -o")
    return Path(options.target)


def _write(folder: Path, made: dict[str, bytes]) -> None:
    with guarded(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for name, content in made.items():
        replace_file(folder / name, content)


def _refuse_foreign(folder: Path) -> None:
    """Refuse to write over a README or JSON file that somebody else wrote. Raises FacekitError."""
    for name, mark in ((README, MARK), (CROISSANT, CONFORMS[1])):
        held = _read(folder / name)
        if held is not None and mark.encode() not in held:
            raise FacekitError(
                f"{folder / name} was not written by `facekit card`; move it, or choose another folder with -o"
            )


def _stale(file: Path, content: bytes) -> str:
    """Return in a line how a file differs from what it should say; empty where it does not."""
    held = _read(file)
    if held is None:
        return f"{file} is missing; write it with `facekit card`"
    if held == content:
        return ""
    lines = difflib.unified_diff(
        held.decode(errors="replace").splitlines(), content.decode().splitlines(), lineterm="", n=0
    )
    changed = [line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    now = next((line[1:] for line in changed if line.startswith("+")), "nothing more")
    return (
        f"{file} is stale in {counted(len(changed), 'line')}, the first of which is now `{now.strip()[:120]}`; "
        "write it again"
    )


def _read(file: Path) -> bytes | None:
    try:
        return read_bytes(file, _MOST, follow=False)
    except (FileNotFoundError, NotADirectoryError):
        return None
