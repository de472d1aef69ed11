"""What the matcher is called, and what it can and cannot see."""

from __future__ import annotations

METHOD = "pixels-3"
"""Changes whenever the same pictures may get other groups."""

SEES = (
    "one photo however it was scaled, cropped, mirrored, turned a little, recoloured, brightened, sharpened, blurred, "
    "compressed, framed, written on, or set into another picture"
)
CANNOT_SEE = (
    "a photo of which less than a seventh is left, that shows in another at less than about 50 pixels, that is turned "
    "by more than 30 degrees, or that several strong edits hide at once; most pairs that were taken seconds apart, "
    "unless next to nothing moved"
)


def matcher(embedder: str | None = None) -> str:
    """Return what drew the groups: the method, and the embedder that proposed pairs beside the hashes, if any."""
    return f"{METHOD}+{embedder}" if embedder else METHOD


MATCHER = matcher()
"""The matcher that looks at pixels alone."""
