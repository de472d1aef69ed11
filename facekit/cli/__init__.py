"""The command line. Typer is loaded when it is called: the bars of a Python program, and recipes, need none of it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from facekit.cli.app import build, main

__all__ = ["build", "main"]


def __getattr__(name: str) -> object:
    """Load what calls commands from a terminal."""
    if name in __all__:
        return getattr(import_module("facekit.cli.app"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
