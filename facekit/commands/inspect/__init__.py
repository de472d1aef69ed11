"""Inspect a trained network: its first filters, its feature maps, and what its answers are based on."""

from facekit.commands.inspect.stage import inspect

__all__ = ["inspect"]
