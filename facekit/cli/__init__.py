"""How a command is called."""

from facekit.cli.app import build, main

__all__ = ["build", "main"]
