"""What stands in two parts of a tree, or in two trees: near-duplicates across a split, whoever made it."""

from facekit.commands.audit.stage import audit

__all__ = ["audit"]
