"""The values that packages exchange, in one module: records, reports, faces and the two errors."""

from dataclasses import replace

from facekit.base.errors import BadImage, FacekitError, StaleError
from facekit.base.protocols import Detector, Embedder, Face, Image, Points
from facekit.base.records import EXPRESSIONS, PARTS, Box, Decision, Link, Record, Rejection, SamePhoto, Source, Verdict
from facekit.base.reporting import AtMost, Board, Listing, Report, Track, quiet, telling

__all__ = [
    "EXPRESSIONS",
    "PARTS",
    "AtMost",
    "BadImage",
    "Board",
    "Box",
    "Decision",
    "Detector",
    "Embedder",
    "Face",
    "FacekitError",
    "Image",
    "Link",
    "Listing",
    "Points",
    "Record",
    "Rejection",
    "Report",
    "SamePhoto",
    "Source",
    "StaleError",
    "Track",
    "Verdict",
    "telling",
    "quiet",
    "replace",
]
