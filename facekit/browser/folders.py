"""Folders of bots: each locked by the facekit that made it, so that what a killed one left can be told and swept up."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import signal
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

log = logging.getLogger(__name__)

PREFIX = "facekit-bot-"
"""How the name of a bot's folder begins, in the system's temporary folder."""


def sweep() -> int:
    """Remove the folders and end the processes of bots whose facekit died; return how many folders.

    A living facekit holds a lock on each of its bots' folders; the lock dies with it.
    """
    swept = 0
    for place in sorted(_place().glob(f"{PREFIX}*")):
        try:
            handle = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:  # another user's, or gone meanwhile
            continue
        try:
            if os.fstat(handle).st_uid != os.geteuid():
                continue
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            _kill_users(place)
            remove(place)
            swept += 1
            log.info("swept up %s, which a killed run had left", place)
        finally:
            os.close(handle)
    return swept


def new_folder() -> tuple[Path, int]:
    """Make a folder and lock it; another one where a sweep came between the two."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=_place()))
        handle = os.open(folder, os.O_RDONLY)
        with suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if folder.exists():
                return folder, handle
        os.close(handle)


def kill_group(group: int) -> None:
    """End a group of processes at once."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def remove(folder: Path) -> None:
    """Remove a folder in which a dying process may still be writing."""
    for _ in range(20):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.05)
    log.warning("%s could not be removed; delete it by hand", folder)


def _place() -> Path:
    """Return where bots' folders stand: Chrome puts a socket there, whose whole path may have 104 bytes."""
    usual = tempfile.gettempdir()
    return Path(usual if len(os.fsencode(usual)) <= 30 else "/tmp")


def _kill_users(folder: Path) -> None:
    """End the processes that were started for this folder, and the sessions that they stand in."""
    import psutil

    mine = os.getsid(0)
    used = [process for process in psutil.process_iter() if _uses(process, str(folder))]
    for process in used:
        with suppress(OSError, psutil.Error):
            session = os.getsid(process.pid)
            if session != mine:
                kill_group(session)
            process.kill()


def _uses(process: psutil.Process, folder: str) -> bool:
    import psutil

    try:
        arguments, variables = process.cmdline(), process.environ()
    except (psutil.Error, OSError):
        return False
    return variables.get("TMPDIR") == folder or f"--user-data-dir={folder}/profile" in arguments
