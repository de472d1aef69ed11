"""Private temporary folders: each is locked while its process lives, so that a killed one's can be recognised."""

from __future__ import annotations

import logging
import os
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from facekit.base.errors import FacekitError
from facekit.base.files import guarded, locked
from facekit.base.weights import UNPACKED as UNPACKED
from facekit.base.weights import cache

PREFIX = "facekit-"
"""How the names of these folders begin."""

log = logging.getLogger(__name__)


@contextmanager
def private_folder() -> Iterator[Path]:
    """Make a folder in the cache that its owner alone may read, and remove it at the end, also after a kill.

    What is left where the whole machine stops is removed by the next one. Raises FacekitError where it cannot be made.
    """
    place = cache() / UNPACKED
    with guarded(place):
        place.mkdir(mode=0o700, exist_ok=True)
    sweep(place)
    with ExitStack() as stack:
        folder = locked_folder(stack, PREFIX, place)
        stack.enter_context(_removed_after_a_kill(folder))
        try:
            yield folder
        finally:
            remove(folder)


def sweep(place: Path, prefix: str = PREFIX) -> int:
    """Remove the folders that killed runs left in a place; return how many. A living one holds the lock of its own."""
    return sum(map(discard, filter(is_mine, sorted(place.glob(f"{prefix}*")))))


def locked_folder(stack: ExitStack, prefix: str, place: Path) -> Path:
    """Return a new folder, which its owner alone may read, and which is locked until the stack is closed."""
    while True:
        with guarded(place):
            folder = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
        with suppress(FacekitError):  # a sweep came between the two: another one
            stack.enter_context(locked(folder))
            if folder.exists():
                return folder


def is_mine(folder: Path) -> bool:
    """Return whether it is a folder of this user's, and no link to one."""
    try:
        about = folder.lstat()
    except OSError:  # gone meanwhile
        return False
    return stat.S_ISDIR(about.st_mode) and about.st_uid == os.geteuid()


def discard(folder: Path) -> bool:
    """Remove a folder that no living facekit holds; return whether it is gone."""
    with suppress(FacekitError), locked(folder):
        remove(folder)
    return not folder.exists()


def remove(folder: Path) -> None:
    """Remove a folder in which a dying process may still be writing."""
    for _ in range(20):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.05)
    log.warning("%s cannot be deleted; delete it by hand", folder)


@contextmanager
def _removed_after_a_kill(folder: Path) -> Iterator[None]:
    """Have a shell remove the folder once this process is gone, however it ends: the pipe between them closes then."""
    command = ["sh", "-c", 'read -r _; rm -rf -- "$1"', "facekit", str(folder)]
    try:  # in a session of its own, which a Ctrl-C does not reach
        watcher = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
    except OSError:  # no shell: the next run sweeps
        yield
        return
    try:
        yield
    finally:
        watcher.communicate()
