"""Folders of bots: each locked by the facekit that made it, which shows what a killed one left behind."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from facekit.base.contract import FacekitError
from facekit.base.files import locked

log = logging.getLogger(__name__)

PREFIX = "facekit-bot-"
"""How the name of a bot's folder begins, in the system's temporary folder."""


@contextmanager
def bot_folder() -> Iterator[Path]:
    """Make a folder and hold its lock; remove it at the end."""
    with ExitStack() as stack:
        folder = _locked_folder(stack)
        try:
            yield folder
        finally:
            remove(folder)


def _locked_folder(stack: ExitStack) -> Path:
    """Return a new folder that is locked until the stack is closed."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place()))
        with suppress(FacekitError):  # a sweep came between the two: another one
            stack.enter_context(locked(folder))
            if folder.exists():
                return folder


def remove(folder: Path) -> None:
    """Remove a folder in which a dying process may still be writing."""
    for _ in range(20):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.05)
    log.warning("%s could not be removed; delete it by hand", folder)


def place() -> Path:
    """Return where bots' folders are: Chrome puts a socket there, whose whole path may have 104 bytes."""
    usual = tempfile.gettempdir()
    return Path(usual if len(os.fsencode(usual)) <= 30 else "/tmp")
