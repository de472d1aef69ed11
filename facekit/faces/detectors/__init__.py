"""Faces in photos: what finds them, and the square pictures cut around what was found."""

from facekit.faces.detectors.cuts import Cut, cut_out, find, ready, take

__all__ = ["Cut", "cut_out", "find", "ready", "take"]
