"""The networks of facekit's own embedders as ONNX graphs, for who puts one into another file."""

from __future__ import annotations

from dataclasses import dataclass

from facekit.identity.embedders import dlib, sface
from facekit.identity.embedders.dlib_weights import SIDE as DLIB_SIDE
from facekit.identity.embedders.sface_onnx import SIDE as SFACE_SIDE


@dataclass(frozen=True)
class Graph:
    """A graph that takes `faces`, uint8 (n, side, side, 3), and gives `vectors`."""

    data: bytes
    side: int
    mirrored: bool = False
    """Whether an embedding is the mean of what the graph gives for a face and for its mirror image."""


def graph_of(name: str) -> Graph | None:
    """Return the graph of an embedder; None of one that is no ONNX graph. Raises FacekitError without its extra."""
    if name in (dlib.Dlib.name, dlib.DlibMirrored.name):
        return Graph(dlib.graph(), DLIB_SIDE, name == dlib.DlibMirrored.name)
    if name == sface.SFace.name:
        return Graph(sface.graph(), SFACE_SIDE)
    return None
