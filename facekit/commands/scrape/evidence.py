"""Save pages that could not be parsed beside the pictures, so that a person can look at them.

In a hidden folder, because commands that read the tree take every other folder for a name.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from facekit.base import files, opening
from facekit.base.contract import FacekitError
from facekit.commands.scrape.browsers import DEATHS
from facekit.sources.engines.driving import run

if TYPE_CHECKING:
    from facekit.sources.browser import Browser


FOLDER = ".scrape"

KEPT = 10
"""Pages to keep of an engine in one run: they look alike."""

MOST_BYTES = 5_000_000
"""Bytes of a page, or of its picture, that are kept at most."""

_HTML = "const html = document.documentElement; return html ? html.outerHTML.slice(0, arguments[0]) : ''"
_PATIENCE = 10.0  # a browser that is dying may not answer at all
_KINDS = (".html", ".png", ".txt")


class Evidence(NamedTuple):
    """A page as the browser has it, or as an API sent it, and how it looks."""

    html: str = ""
    picture: bytes = b""
    text: str = ""


def look(browser: Browser) -> Evidence | None:
    """Return what a browser shows, as far as it still answers."""
    html, picture = "", b""
    with suppress(*DEATHS):
        browser.set_patience(_PATIENCE)
    with suppress(*DEATHS):
        # Without this, a page that has not finished loading would be waited for again.
        browser.driver.execute("executeCdpCommand", {"cmd": "Page.stopLoading", "params": {}})
    with suppress(*DEATHS):
        html = run(browser.driver, str, _HTML, MOST_BYTES)
        picture = browser.driver.get_screenshot_as_png()
    with suppress(*DEATHS):
        browser.set_patience()
    return Evidence(html, picture) if html else None


class KeptPages:
    """The hidden folder of one output folder."""

    def __init__(self, root: Path) -> None:
        self.folder = root / FOLDER
        self._kept: dict[str, int] = {}
        self.files: list[Path] = []
        """What was kept in this run."""

    def keep(self, label: str, engine: str, evidence: Evidence) -> list[Path]:
        """Write what there is, unless enough is kept of this engine; return the files."""
        self._kept[engine] = self._kept.get(engine, 0) + 1
        if self._kept[engine] > KEPT:
            return []
        held = (_cut(evidence.html), evidence.picture, _cut(evidence.text))
        written = [
            self._write(f"{label}-{engine}{kind}", data)
            for kind, data in zip(_KINDS, held, strict=True)
            if 0 < len(data) <= MOST_BYTES
        ]
        self.files += written
        return written

    def clear(self) -> None:
        """Delete what earlier runs kept."""
        if self.folder.is_symlink():  # what it leads to is not ours
            return
        for path in self.folder.glob("*"):
            if path.suffix in _KINDS:
                files.delete(path)
        with suppress(OSError):  # not there, or it holds something else
            self.folder.rmdir()

    def _write(self, name: str, data: bytes) -> Path:
        if self.folder.is_symlink():
            raise FacekitError(f"{self.folder} is a symbolic link, and facekit saves pages there; delete the link")
        with opening.guarded(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        files.replace_file(self.folder / name, data)
        return self.folder / name


def _cut(text: str) -> bytes:
    return text.encode(errors="replace")[:MOST_BYTES]
