"""A run as one file that other programs take: what it says of itself, how it is made, and how it is read safely."""

from facekit.runs.export.about import ExportInfo
from facekit.runs.export.model import Exported, load, open_model

__all__ = ["ExportInfo", "Exported", "load", "open_model"]
