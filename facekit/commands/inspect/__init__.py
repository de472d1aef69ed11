"""What a trained network sees: its first filters, its maps of pictures, and what an answer rests on."""

from facekit.commands.inspect.stage import inspect

__all__ = ["inspect"]
