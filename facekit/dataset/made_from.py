"""Which pictures a report was made from: stored beside it, so that it cannot be mistaken for another report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from facekit import __version__
from facekit.base import plain
from facekit.base.contract import FacekitError, Record, StaleError
from facekit.base.files import read_json, replace_file
from facekit.base.text import visible
from facekit.dataset.changes import Seen, between
from facekit.dataset.records import own_file

FILE = "made-from.json"

_MOST = 256 << 20
"""Bytes of a `made-from.json`: about a hundred for each picture."""


@dataclass(frozen=True, kw_only=True)
class MadeFrom:
    """What a report is of: a model, where there is one, and pictures."""

    facekit: str = __version__
    model: str | None = None
    """The folder of the run."""
    pictures: tuple[Seen, ...]

    @classmethod
    def of(cls, records: Iterable[Record], model: Path | None = None) -> MadeFrom:
        """Return what a report on some pictures of a data set is of; nothing of who or what is on them."""
        pictures = tuple(Seen(r.label, Path(r.path).name, r.sha256) for r in records)
        return cls(model=None if model is None else str(model.resolve()), pictures=pictures)

    def check(self, folder: Path, command: str) -> None:
        """Refuse a folder with a report on another model or other pictures. `command` is what makes it again.

        A report of a version that did not keep this is written again. Raises StaleError.
        """
        before = _read(folder)
        if before is None:
            return
        if before.model != self.model:
            other = "another model" if before.model is None else f"another model, {visible(before.model)}"
            raise StaleError(f"{folder} holds a report on {other}", command, "choose another folder with -o")
        if changed := between(before.pictures, self.pictures):
            raise StaleError(
                f"{folder} holds a report on other pictures ({changed})", command, "choose another folder with -o"
            )

    def write(self, folder: Path) -> None:
        """Keep it beside the report. Raises FacekitError for a full disk."""
        replace_file(folder / FILE, f"{plain.dump(self)}\n".encode())


def _read(folder: Path) -> MadeFrom | None:
    try:
        return read_json(own_file(folder / FILE), MadeFrom, _MOST)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except FacekitError:  # damaged: what the report is of is not known, so it is written again
        return None
