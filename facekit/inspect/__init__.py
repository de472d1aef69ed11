"""What a trained network sees: its first filters, its maps of pictures, and what an answer rests on."""

from facekit.inspect.stage import inspect

__all__ = ["inspect"]
