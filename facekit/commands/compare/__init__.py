"""Compare: several networks and settings, trained on one split and shown in one table."""

from facekit.commands.compare.stage import compare

__all__ = ["compare"]
