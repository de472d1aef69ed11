"""Folders of bots: each locked by the facekit that made it, which shows what a killed one left behind."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)

PREFIX = "facekit-bot-"
"""How the name of a bot's folder begins, in the system's temporary folder."""


def new_folder() -> tuple[Path, int]:
    """Make a folder and lock it; another one where a sweep came between the two."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place()))
        handle = os.open(folder, os.O_RDONLY)
        with suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if folder.exists():
                return folder, handle
        os.close(handle)


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
