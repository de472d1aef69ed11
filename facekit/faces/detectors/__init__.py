"""Faces in photos: what finds them, and the square pictures cut around what was found."""

from facekit.faces.detectors.confirmed import Search
from facekit.faces.detectors.cuts import cut_out, find, find_foremost, ready, search, settled

__all__ = ["Search", "cut_out", "find", "find_foremost", "ready", "search", "settled"]
