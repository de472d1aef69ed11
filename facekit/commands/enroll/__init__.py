"""Enroll: put people into a gallery."""

from facekit.commands.enroll.stage import enroll

__all__ = ["enroll"]
