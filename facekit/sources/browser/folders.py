"""Folders of bots: each is locked while its process lives, so that a killed one's can be recognised."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from facekit.base.scratch import locked_folder, remove

PREFIX = "facekit-bot-"
"""How the name of a bot's folder begins, in the system's temporary folder."""


@contextmanager
def bot_folder() -> Iterator[Path]:
    """Make a folder and hold its lock; remove it at the end."""
    with ExitStack() as stack:
        folder = locked_folder(stack, PREFIX, place())
        try:
            yield folder
        finally:
            remove(folder)


def place() -> Path:
    """Return where bots' folders are: Chrome puts a socket there, whose whole path may have 104 bytes."""
    usual = tempfile.gettempdir()
    return Path(usual if len(os.fsencode(usual)) <= 30 else "/tmp")
