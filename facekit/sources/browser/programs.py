"""Where a browser and its driver are on this machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from facekit.base.contract import FacekitError

ADVICE = (
    "install one (Debian: apt install chromium chromium-driver; macOS: brew install --cask google-chrome), "
    "or set FACEKIT_BROWSER and FACEKIT_DRIVER"
)

_BROWSERS = ("google-chrome", "google-chrome-stable", "chromium", "chromium-browser", "chrome")
_USUAL = (
    "/usr/bin",
    "/usr/lib/chromium",
    "/usr/lib/chromium-browser",
    "/usr/local/bin",
    "/opt/google/chrome",
    "/opt/homebrew/bin",
    "/snap/bin",
    "/Applications/Google Chrome.app/Contents/MacOS",
    "/Applications/Chromium.app/Contents/MacOS",
)


class Found(NamedTuple):
    """The programs that a bot needs; None leaves one to Selenium Manager."""

    browser: str | None
    driver: str | None


def find() -> Found:
    """Find a browser and its driver: environment, PATH, usual places.

    Raises FacekitError for an environment variable that names no file.
    """
    browser = _named("FACEKIT_BROWSER") or _program((*_BROWSERS, "Google Chrome", "Chromium"))
    driver = _named("FACEKIT_DRIVER") or _named("SE_CHROMEDRIVER") or _program(("chromedriver",))
    return Found(browser, driver)


def _named(variable: str) -> str | None:
    path = os.environ.get(variable)
    if path and not Path(path).is_file():
        raise FacekitError(f"{variable} is {path!r}, which is not a file; set it to a program, or unset it")
    return path or None


def _program(names: Iterable[str]) -> str | None:
    places = (shutil.which(name) or shutil.which(name, path=os.pathsep.join(_USUAL)) for name in names)
    return next((place for place in places if place), None)
