"""Find, measure and end the processes of one browser, by the session that its driver leads.

How many there are, and of which kinds, is for the page to decide, so they are found by what no page can change.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

END_SECONDS = 10.0
"""How long processes that were killed may take to be gone: the system has to free gigabytes."""


def members(leaders: Iterable[int]) -> dict[int, list[int]]:
    """Return the living processes of each session, by the number of the process that leads or led it."""
    import psutil

    found: dict[int, list[int]] = {leader: [] for leader in leaders}
    for pid in psutil.pids():
        with suppress(OSError):
            session = os.getsid(pid)
            if session in found and not _is_zombie(pid):
                found[session].append(pid)
    return found


def held(pids: Iterable[int]) -> int:
    """Return about how many bytes of memory processes use together, in a millisecond or so.

    What is private of each, and once what the largest shares with others.
    """
    import psutil

    private, shared = 0, 0
    for pid in pids:
        with suppress(psutil.Error, OSError):
            own, common = _split(psutil.Process(pid))
            private, shared = private + own, max(shared, common)
    return private + shared


def weighed(pids: Iterable[int]) -> int:
    """Return the bytes of memory that processes use together, what they share counted once; a tenth of a second."""
    import psutil

    total = 0
    for pid in pids:
        with suppress(psutil.Error, OSError):
            memory = psutil.Process(pid).memory_full_info()
            # Where the system does not know a process's share (macOS), what it holds.
            total += int(getattr(memory, "pss", memory.rss))
    return total


def end(leader: int, seconds: float = END_SECONDS) -> list[int]:
    """Kill every process of a session and wait until they are gone; return those that are not."""
    deadline = time.monotonic() + seconds
    while pids := members([leader])[leader]:
        kill(leader)
        for pid in pids:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            return pids
        time.sleep(0.02)
    return []


def kill(leader: int) -> None:
    """Kill the group of a session's leader at once; processes that left the group are for `end`."""
    with suppress(OSError):
        os.killpg(leader, signal.SIGKILL)


def _is_zombie(pid: int) -> bool:
    import psutil

    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return True


def _split(process: psutil.Process) -> tuple[int, int]:
    """Return what a process has for itself, and what it may share with others."""
    memory = process.memory_info()
    if hasattr(memory, "shared"):
        return memory.rss - memory.shared, memory.shared
    return int(process.memory_full_info().uss), 0
