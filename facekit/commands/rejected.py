"""Rejected: list the pictures that were left out of a tree and of its sources, or show them as a sheet."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from facekit.base import images
from facekit.base.contract import BadImage, FacekitError, Rejection, Source, Track, quiet
from facekit.base.opening import is_there, no_folder
from facekit.base.text import counted
from facekit.dataset import MANIFEST, REJECTED, read_info
from facekit.dataset.ancestry import Ancestry
from facekit.dataset.reasons import TERMS, measured
from facekit.dataset.records import read_rejections
from facekit.options.rejected import Rejected
from facekit.report import sheet
from facekit.report.grid import Tile

STAGE = "rejected"

_WITH_SHEET = 10
"""Rows that a terminal shows where a sheet shows the pictures."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LeftOut:
    """A picture that a command left out: one line of the output."""

    picture: str
    """Its path in the folder that the command read."""
    label: str
    stage: str
    reason: str
    value: int | float | str | None
    """The number, or the other picture, that decided."""
    file: str | None
    """Where the picture is now; None where it is gone, or was never one of a folder."""
    photo: str | None = None
    """Where the photo is that it was cut from, the file itself where that is the photo; None where it is gone."""
    licence: str | None = None
    """Under which the photo is; None where that is not known."""
    creator: str | None = None

    def row(self) -> dict[str, str]:
        """Return it as a row of a table for people: column -> text."""
        return {
            "picture": self.picture,
            "by": self.stage,
            "reason": self.reason,
            "value": measured(self.reason, self.value),
            "photo": f"from {self.photo}" if self.cut else "",
            "credit": self.credit,
        }

    @property
    def credit(self) -> str:
        """Whose photo it is, and under which licence; empty without either."""
        return Source("", licence=self.licence, creator=self.creator).credit

    @property
    def cut(self) -> bool:
        """Whether it was cut from a photo that is still there."""
        return self.photo is not None and self.photo != self.file


@dataclass
class Listed(Iterator[LeftOut]):
    """What is listed, and what a terminal says below it, where it is not scrolled away."""

    found: Sequence[LeftOut]
    summary: str
    most: int | None
    """Rows that a terminal shows; None shows all. Where there is a sheet, that shows the pictures."""

    def __post_init__(self) -> None:
        """Begin with the first."""
        self._rest = iter(self.found)

    def __next__(self) -> LeftOut:
        """Return the next one."""
        return next(self._rest)


def rejected(options: Rejected, track: Track = quiet) -> Iterator[LeftOut]:
    """Yield the pictures that were left out, those of the last command first, one line each.

    Raises FacekitError, before the first, for a folder that facekit did not make, for a reason or a command for which
    nothing was left out, and for a sheet that cannot be written.
    """
    if options.sheet is not None:
        sheet.check_file("--sheet", options.sheet)
    found = _left_out(options.tree)
    chosen = _chosen(found, options)
    was = counted(len(chosen), "picture was", "pictures were")
    drawn = options.sheet is not None and not options.dry_run and _draw(options.sheet, chosen, track)
    see = f"; {options.sheet} shows them" if drawn else ""
    summary = f"{options.tree}: {was} left out{_by_reason(chosen)}{see}"
    return Listed(chosen, summary, _WITH_SHEET if drawn else None)


def _left_out(root: Path) -> list[LeftOut]:
    """Return what was left out of a folder, and then of those that it was made from, the earliest last."""
    if not root.is_dir():
        raise FacekitError(f"{no_folder(root)}; give a folder that facekit made")
    if not ((root / MANIFEST).exists() or (root / REJECTED).exists()) or read_info(root) is None:
        raise FacekitError(
            f"{root} was not made by facekit, so there is no record of what was left out; "
            f"`facekit stats {root}` lists what cannot be read"
        )
    roots = [root, *(tree.root for tree in Ancestry(root).trees)]
    return [one for folder in roots for one in _of_folder(folder)]


def _of_folder(root: Path) -> Iterator[LeftOut]:
    ancestry = Ancestry(root)
    for left in read_rejections(root / REJECTED):
        file = ancestry.picture(left.label, left.id, left.path)
        photo = _photo(ancestry, left, file)
        source = ancestry.source_of(left.origin or left.id)
        yield LeftOut(
            left.path,
            left.label,
            left.stage,
            left.reason,
            left.value,
            _relative(file),
            _relative(photo),
            licence=source.licence if source is not None else None,
            creator=source.creator if source is not None else None,
        )


def _photo(ancestry: Ancestry, left: Rejection, file: Path | None) -> Path | None:
    """Return the photo that a picture, whose file this is, was cut from; the file where it is a photo itself."""
    if left.origin is None or left.origin == left.id:
        return file
    # Where the only face of a photo was removed by hand, its folder says no more where that photo was found.
    return ancestry.photo(left.origin) or (
        ancestry.picture(left.label, left.origin) if left.parent == left.origin else None
    )


def _relative(file: Path | None) -> str | None:
    return None if file is None or not is_there(file) else os.path.relpath(file)


def _chosen(found: Sequence[LeftOut], options: Rejected) -> list[LeftOut]:
    """Return those of a reason and of a command. Raises FacekitError, with those that there are, for an unknown one."""
    chosen = list(found)
    if options.stage is not None:
        chosen = [one for one in chosen if one.stage == options.stage]
        if not chosen:
            raise FacekitError(f"--stage {options.stage}: {_there(one.stage for one in found)}")
    if options.reason is not None:
        wanted, among = _meant(options.reason), chosen
        chosen = [one for one in chosen if {_plain(one.reason), _plain(one.reason).partition(":")[0]} & wanted]
        if not chosen:
            raise FacekitError(f"--reason {options.reason}: {_there(one.reason for one in among)}")
    return chosen


def _there(values: Iterator[str]) -> str:
    counts = Counter(values)
    if not counts:
        return "nothing was left out"
    return "nothing was left out this way; choose from " + ", ".join(
        f"{one} ({n:,})" for one, n in counts.most_common()
    )


def _meant(reason: str) -> set[str]:
    """Return the reasons that a word means: itself, those that it begins (`opted out`), and what the field calls so."""
    word = _plain(reason)
    return {word, *(_plain(own) for term, reasons in TERMS.items() if _plain(term) == word for own in reasons)}


def _plain(reason: str) -> str:
    return " ".join(reason.lower().replace("-", " ").replace("_", " ").split())


def _by_reason(found: Sequence[LeftOut]) -> str:
    counts = Counter(one.reason for one in found)
    return f": {', '.join(f'{n:,} {reason}' for reason, n in counts.most_common())}" if counts else ""


def _draw(file: Path, found: Sequence[LeftOut], track: Track) -> bool:
    """Write the sheet of the first pictures that are still there and can be decoded; return whether there are any."""
    tiles = list(islice(_tiles(track(found, STAGE, len(found))), sheet.most(file)))
    sheet.write(file, tiles, len(found), "all of the pictures are gone or unreadable")
    return bool(tiles)


def _tiles(found: Iterator[LeftOut]) -> Iterator[Tile]:
    for one in found:
        if one.file is None:
            continue
        file = Path(one.file)
        try:
            pixels = images.shrink(images.read(file), 320)[0]
        except BadImage:
            continue
        photo = Path(one.photo) if one.photo and one.cut else None
        yield Tile(pixels, one.label, note=one.reason, file=file.name, photo=file, cut_from=photo, credit=one.credit)
