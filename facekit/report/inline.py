"""What a page holds within itself, so that it is one file: pictures and plots as data URLs."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from matplotlib.figure import Figure

from facekit import images
from facekit.contract import BadImage


def embedded(kind: str, data: bytes) -> str:
    """Return a picture of a kind, such as `png`, as a data URL."""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def thumbnail(file: Path, side: int) -> str:
    """Return a picture file, no longer than `side`, as a data URL; empty where it cannot be read."""
    try:
        small, _ = images.shrink(images.read(file), side)
    except BadImage:
        return ""
    return embedded("jpeg", images.encode(small, quality=85))


def plotted(figure: Figure) -> str:
    """Return a figure as a data URL."""
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=130)
    return embedded("png", out.getvalue())
