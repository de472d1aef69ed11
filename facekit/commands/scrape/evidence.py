"""What a page held that could not be read: kept beside the pictures, so that a person can look at it.

In a hidden folder, because whoever reads the tree takes every other folder for a name.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from facekit.base import files as lines
from facekit.commands.scrape.crew import DEATHS

if TYPE_CHECKING:
    from facekit.sources.browser import Browser

log = logging.getLogger(__name__)

FOLDER = ".scrape"

KEPT = 10
"""Pages to keep of an engine in one run: they look alike."""

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
        # A page that has not ended loading would be waited for again.
        browser.driver.execute("executeCdpCommand", {"cmd": "Page.stopLoading", "params": {}})
    with suppress(*DEATHS):
        html = browser.driver.page_source
        picture = browser.driver.get_screenshot_as_png()
    with suppress(*DEATHS):
        browser.set_patience()
    return Evidence(html, picture) if html else None


class Drawer:
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
        held = (evidence.html.encode(errors="replace"), evidence.picture, evidence.text.encode(errors="replace"))
        written = [
            self._write(f"{label}-{engine}{kind}", data) for kind, data in zip(_KINDS, held, strict=True) if data
        ]
        self.files += written
        return written

    def clear(self) -> None:
        """Delete what earlier runs kept."""
        for path in self.folder.glob("*"):
            if path.suffix in _KINDS:
                path.unlink()
        with suppress(OSError):  # not there, or it holds something else
            self.folder.rmdir()

    def _write(self, name: str, data: bytes) -> Path:
        with lines.guarded(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        lines.replace_file(self.folder / name, data)
        return self.folder / name
