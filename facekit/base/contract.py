"""The values that travel between packages, under one roof: records, reports, faces and the two errors."""

from dataclasses import replace

from facekit.base.errors import BadImage, FacekitError, StaleError
from facekit.base.protocols import Detector, Embedder, Face, Image, Points
from facekit.base.records import EXPRESSIONS, PARTS, Box, Decision, Record, Rejection, Source, Verdict
from facekit.base.reporting import Board, Listing, Report, Track, quiet

__all__ = [
    "EXPRESSIONS",
    "PARTS",
    "BadImage",
    "Board",
    "Box",
    "Decision",
    "Detector",
    "Embedder",
    "Face",
    "FacekitError",
    "Image",
    "Listing",
    "Points",
    "Record",
    "Rejection",
    "Report",
    "Source",
    "StaleError",
    "Track",
    "Verdict",
    "quiet",
    "replace",
]
