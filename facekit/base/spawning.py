"""Worker processes that do not run the program's main module again.

Python's own spawned processes do: a script that calls a function of facekit outside `if __name__ == "__main__"` would
call it again in each worker. facekit's workers need nothing of the main module.
"""

from __future__ import annotations

import multiprocessing.spawn
import threading
from collections.abc import Callable
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any

_asked = threading.local()
_lock = threading.Lock()


class _Process(SpawnProcess):
    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # noqa: N802 - the name that multiprocessing calls
        _wrap()
        _asked.without_main = True
        try:
            return SpawnProcess._Popen(process_obj)
        finally:
            _asked.without_main = False


class Context(SpawnContext):
    """A context of `multiprocessing` whose processes are spawned, and know no main module."""

    Process = _Process


def _wrap() -> None:
    """Let what tells a new process of its parent leave the main module out, where this thread asks for that."""
    with _lock:
        before: Callable[[str], dict[str, Any]] = multiprocessing.spawn.get_preparation_data
        if getattr(before, "knows_facekit", False):
            return

        def told(name: str) -> dict[str, Any]:
            data = before(name)
            if getattr(_asked, "without_main", False):
                data = {key: value for key, value in data.items() if not key.startswith("init_main_from_")}
            return data

        told.knows_facekit = True  # type: ignore[attr-defined]
        multiprocessing.spawn.get_preparation_data = told
