"""Audit: near-duplicates across the parts of a tree, or across two trees, of any origin."""

from facekit.commands.audit.stage import audit

__all__ = ["audit"]
