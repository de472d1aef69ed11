"""Public data sets in the layouts in which their authors publish them.

Each module reads one data set, or one way in which it is published, and yields a `Picture` for each picture that its
files name, and an `Unusable` for each that cannot be taken. Nothing is decoded here, and nothing is written:
`commands/ingest` does both. A new data set is a module with a function `read(root: Path) -> Published` and its line in
`READERS`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import cast

from facekit.dataset.published.pictures import Published

READERS = ("lfw", "celeba", "utkface", "fer2013", "casia")
"""The data sets that can be read; each has the name of its module."""


def read(data_set: str, root: Path) -> Published:
    """Return what a data set holds. Raises FacekitError where the folder is not that data set as it is published."""
    module = import_module(f"facekit.dataset.published.{data_set}")
    return cast(Callable[[Path], Published], module.read)(root)
