"""Run the command line in a process that dies, or is interrupted, after its k-th written line.

    python killing.py K SIGNAL crop photos -o faces …

With fewer than K lines to write the command ends as it would have.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path


def main() -> None:
    """Wrap the seam that writes lines, then hand over to facekit."""
    from facekit.base import files as lines
    from facekit.cli import main as facekit

    last, how = int(sys.argv[1]), signal.Signals[sys.argv[2]]
    append, written = lines.append_line, 0

    def count(path: Path, line: str) -> None:
        nonlocal written
        append(path, line)
        written += 1
        if written == last:
            os.kill(os.getpid(), how)

    lines.append_line = count
    sys.argv = ["facekit", *sys.argv[3:]]
    facekit()


if __name__ == "__main__":  # worker processes import this file again
    main()
