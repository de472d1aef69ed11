"""Clean up after killed runs: their folders, processes and sessions."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from facekit.base.contract import FacekitError
from facekit.base.files import locked
from facekit.base.scratch import is_mine, remove
from facekit.sources.browser import processes
from facekit.sources.browser.folders import PREFIX, place
from facekit.sources.browser.grid import end_noted

if TYPE_CHECKING:
    import psutil

log = logging.getLogger(__name__)


def sweep() -> int:
    """Remove the folders and end the processes and sessions of bots whose facekit died; return how many folders.

    A living facekit holds a lock on each of its bots' folders; the lock dies with it.
    """
    swept = 0
    for folder in filter(is_mine, sorted(place().glob(f"{PREFIX}*"))):
        with suppress(FacekitError), locked(folder):
            _kill_users(folder)
            end_noted(folder)
            remove(folder)
            swept += 1
            log.info("deleted %s, which a killed run had left behind", folder)
    return swept


def _kill_users(folder: Path) -> None:
    """End the processes that were started for this folder, and the sessions that they are in."""
    import psutil

    mine = os.getsid(0)
    used = [process for process in psutil.process_iter() if _uses(process, str(folder))]
    for process in used:
        with suppress(OSError, psutil.Error):
            session = os.getsid(process.pid)
            if session != mine:
                processes.end(session)
            process.kill()


def _uses(process: psutil.Process, folder: str) -> bool:
    import psutil

    try:
        arguments, variables = process.cmdline(), process.environ()
    except (psutil.Error, OSError):
        return False
    return variables.get("TMPDIR") == folder or f"--user-data-dir={folder}/profile" in arguments
