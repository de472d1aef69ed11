"""Clean: leave out repeats, bad pictures, other people and names with too few; draw the groups."""

from facekit.commands.clean.stage import clean

__all__ = ["clean"]
