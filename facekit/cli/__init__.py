"""The command line."""

from facekit.cli.app import build, main

__all__ = ["build", "main"]
