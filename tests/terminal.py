"""A terminal for tests: a program typed into it, and everything that came to its screen."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ERASED = "\x1b[2K"
"""Erases a line, as a bar is that goes away: what is printed then begins one."""

SEQUENCE = re.compile(r"\x1b\[[\d;?]*[A-Za-z]")


class Ended(NamedTuple):
    """How a program ended, and all that came to the screen: bytes that are not UTF-8 as Python has them."""

    code: int
    screen: str

    @property
    def text(self) -> str:
        """What came to the screen without colours and moves of the cursor."""
        return SEQUENCE.sub("", self.screen.replace(ERASED, "\n")).replace("\r", "")


def on_terminal(
    command: Sequence[str],
    cwd: Path,
    width: int = 100,
    more: Mapping[str, str] | None = None,
    stdout: int | None = None,
) -> Ended:
    """Run a program on a pseudo-terminal of so many columns, with `more` in its environment.

    `stdout` is a file that it has in the terminal's place.
    """
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "NO_COLOR")}
    environment |= {"TERM": "xterm-256color", **(more or {})}
    out = slave if stdout is None else stdout
    process = subprocess.Popen(command, cwd=cwd, env=environment, stdin=slave, stdout=out, stderr=slave)
    os.close(slave)
    pieces: list[bytes] = []
    reader = threading.Thread(target=_read_all, args=(master, pieces))
    reader.start()
    code = process.wait(timeout=300)
    reader.join(timeout=60)
    os.close(master)
    return Ended(code, b"".join(pieces).decode(errors="surrogateescape"))


def _read_all(master: int, pieces: list[bytes]) -> None:
    while True:
        try:
            piece = os.read(master, 1 << 16)
        except OSError:  # the other end is closed
            return
        if not piece:
            return
        pieces.append(piece)
