"""The receipt of a removal: what was removed, when and from where, as JSON and as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from facekit.base.files import replace_file, write_json
from facekit.report import html

MARK = 'id="facekit-receipt"'
"""What tells a receipt from other pages, in its HTML: a receipt of a person is not removed with the person."""


@dataclass(frozen=True)
class Removed:
    """A picture that was removed: its path in the place that held it, and where it came from."""

    place: str
    kind: str
    path: str
    sha256: str
    origin: str
    found_by: str
    found_at: str
    fetched_at: str


@dataclass(frozen=True)
class Emptied:
    """A place that something was removed from."""

    place: str
    kind: str
    counts: Mapping[str, int]
    became: str

    @property
    def what(self) -> str:
        """What was removed, in words."""
        return in_words(self.counts)


@dataclass(frozen=True)
class Receipt:
    """The content of a receipt."""

    id: str
    facekit: str
    asked: Mapping[str, object]
    """What was asked for, in words: `name`, `url`, … and the folders that were looked through."""
    began: str
    ended: str
    places: Sequence[Emptied]
    pictures: Sequence[Removed]
    notes: Sequence[str]
    """What is left to be done or known."""
    blocked: int
    """Lines that keep later scrapes and imports from bringing the same pictures back."""


_ONE = {
    **{f"{one}s": one for one in ("embedding", "face", "file", "line", "mention", "model", "name", "picture", "row")},
    **{"people": "person", "searches": "search", "hashes": "hash", "strangers": "stranger", "kept pages": "kept page"},
    **{"pictures of its split": "picture of its split", "rows of a table": "row of a table"},
    **{"networks before it": "network before it", "folders left by a crash": "folder left by a crash"},
}
"""What was removed, of several -> of one."""


def in_words(counts: Mapping[str, int]) -> str:
    """Return what was removed, in words: `8 pictures, 1 line`."""
    return ", ".join(f"{count:,} {_ONE.get(what, what) if count == 1 else what}" for what, count in counts.items())


def write(folder: Path, receipt: Receipt) -> tuple[Path, Path]:
    """Write the receipt as JSON and as a page; return both. Raises FacekitError on a full disk."""
    name = f"forget-{receipt.began[:10]}-{receipt.id[:8]}"
    data, page = folder / f"{name}.json", folder / f"{name}.html"
    write_json(data, receipt)
    replace_file(page, render(receipt).encode())
    return data, page


def render(receipt: Receipt) -> str:
    """Return the page as HTML that needs no other file and no network. Raises FacekitError without `jinja2`."""
    return html.render("receipt.html", "the receipt", title="Receipt of a removal", receipt=receipt)
