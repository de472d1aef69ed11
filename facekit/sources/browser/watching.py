"""Kill browsers that use too much: one thread checks all local browsers several times a second.

What a page does inside a browser cannot be limited from within. What the browser takes of the machine can.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import NamedTuple, Protocol

from facekit.sources.browser import processes

MOST_MEMORY = 1_500_000_000
"""Bytes that a browser and its helpers may use together; after 40 searches a real one uses 580 million."""

MOST_PROCESSES = 64
"""Processes of a browser; a real one has ten."""

MOST_DISK = 500_000_000
"""Bytes that a browser may write into its folder; a real one writes 20 million."""

EVERY = 0.2
"""Seconds between two looks."""

SLOWLY = 10
"""Looks after which memory is measured exactly, and the disk."""


class Killable(Protocol):
    """A browser that can be killed from another thread, with the reason."""

    def kill(self, why: str = "") -> None:
        """End it at once."""
        ...


class _Watched(NamedTuple):
    browser: Killable
    folder: Path


class Watch:
    """Looks at every browser that was added, in a thread that lives as long as there is one."""

    def __init__(self) -> None:
        self._watched: dict[int, _Watched] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, leader: int, browser: Killable, folder: Path) -> None:
        """Watch the processes of a session and the folder that they write to."""
        with self._lock:
            self._watched[leader] = _Watched(browser, folder)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="facekit-watch", daemon=True)
                self._thread.start()

    def discard(self, leader: int) -> None:
        """Watch a session no more."""
        with self._lock:
            self._watched.pop(leader, None)

    def _run(self) -> None:
        looks = 0
        while True:
            time.sleep(EVERY)
            looks += 1
            with self._lock:
                watched = dict(self._watched)
                if not watched:
                    self._thread = None
                    return
            for leader, pids in processes.members(watched).items():
                why = excess(pids, watched[leader].folder, exactly=looks % SLOWLY == 0)
                if why:
                    self.discard(leader)
                    watched[leader].browser.kill(why)


def excess(pids: list[int], folder: Path, exactly: bool) -> str:
    """Return what a browser takes too much of; empty where it does not."""
    memory = processes.held(pids)
    if exactly and memory > MOST_MEMORY / 2:
        memory = max(memory, processes.weighed(pids))
    if memory > MOST_MEMORY:
        return f"it used {memory / 1e9:.1f} GB of memory, more than {MOST_MEMORY / 1e9:.1f}"
    if len(pids) > MOST_PROCESSES:
        return f"it had {len(pids)} processes, more than {MOST_PROCESSES}"
    written = size(folder) if exactly else 0
    return f"it wrote {written / 1e6:.0f} MB to the disk" if written > MOST_DISK else ""


def size(folder: Path) -> int:
    """Return the bytes that a folder's files take on the disk."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(root, name)).st_blocks * 512  # noqa: PTH118 - thousands of files
            except OSError:  # gone meanwhile
                continue
    return total


WATCH = Watch()
"""For all browsers of this process."""
