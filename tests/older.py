"""What facekit 0.1.0 made: a small folder of every kind, in `data/v0_1_0`; `make.py` there says how."""

from __future__ import annotations

import lzma
import shutil
from pathlib import Path

MADE = Path(__file__).with_name("data") / "v0_1_0"

MADE_IN = "/data/faces"
"""Where those folders were when they were made: runs and comparisons name it."""


def unpack(root: Path) -> Path:
    """Copy all that 0.1.0 made to a new folder, and return that; paths in it still lead to `MADE_IN`."""
    shutil.copytree(MADE, root, ignore=shutil.ignore_patterns("make.py", "__pycache__"))
    for file in root.rglob("*.xz"):
        file.with_suffix("").write_bytes(lzma.decompress(file.read_bytes()))
        file.unlink()
    return root


def move(root: Path) -> None:
    """Let the paths in a copy lead to where it is now."""
    for file in root.rglob("*.json"):
        file.write_text(file.read_text().replace(MADE_IN, str(root)))
