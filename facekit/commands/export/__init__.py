"""Export: write a trained model in a format that other programs run."""

from facekit.commands.export.stage import export

__all__ = ["export"]
