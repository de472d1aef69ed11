"""What facekit wrote into a folder that has no manifest: sorted photos, annotated photos.

A hidden file there has a line for each of them: by it they are known as facekit's, and can be found by who is on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from facekit.base import files, plain
from facekit.dataset.records import is_name, own_file, shown

NOTE = ".facekit.jsonl"


@dataclass(frozen=True)
class Written:
    """A file that facekit wrote: one line."""

    path: str
    """In the folder."""
    sha256: str
    """Of its bytes."""
    of: str = ""
    """SHA-256 of the photo that it was made from."""
    names: tuple[str, ...] = ()
    """Who is on it, as it says or as its folder is called."""

    def __post_init__(self) -> None:
        """Refuse a path that leads out of the folder. Raises ValueError."""
        if not all(map(is_name, self.path.split("/"))):
            raise ValueError(f"`path` is {shown(self.path)}, not a file below a folder")

    def to_json(self) -> str:
        """Return one line of JSON."""
        return plain.dump_line(self)


def note(folder: Path, written: Written) -> None:
    """Add a line about a file that is there now. Raises FacekitError where it cannot be written."""
    files.append_line(folder / NOTE, written.to_json())


def read(folder: Path) -> list[Written]:
    """Return what facekit wrote; the last line about a path counts. Raises FacekitError for a broken line."""
    lines = files.read_lines(own_file(folder / NOTE), Written)
    return list({one.path: one for one in lines}.values())


def replace(folder: Path, stay: list[Written]) -> None:
    """Write the lines again; without any the file goes."""
    if stay:
        files.replace_lines(folder / NOTE, (one.to_json() for one in stay))
    else:
        files.delete(folder / NOTE)
