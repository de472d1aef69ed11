"""Options of `facekit clean`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from facekit.base.contract import FacekitError
from facekit.options.base import Aside, InputPath, Limits, OutputPath, PathOrName
from facekit.options.common import Stage

Unsure = Literal["keep", "leave"]


@dataclass(frozen=True, kw_only=True)
class Clean(Stage):
    """Leave out repeats, bad pictures and other people, then names with too few pictures."""

    group = "clean"
    after = "crop"

    min_images: Annotated[int, "Leave out names with fewer pictures.", Limits(1)] = 30
    people: Annotated[int, "Most names to keep, those with most pictures first.", Limits(1)] = 100
    min_side: Annotated[int, "Smallest face in its photo to keep, in pixels.", Limits(1, 10_000)] = 40
    min_sharpness: Annotated[
        float, "Lowest variance of the Laplacian at 96 pixels; below it a picture counts as blurred.", Limits(0)
    ] = 40.0
    min_brightness: Annotated[float, "Lowest mean grey value.", Limits(0, 255)] = 25.0
    max_brightness: Annotated[float, "Highest mean grey value.", Limits(0, 255)] = 230.0
    min_contrast: Annotated[float, "Lowest standard deviation of the grey values.", Limits(0, 127)] = 12.0
    max_clipped: Annotated[float, "Highest share of pixels that are pure black or pure white.", Limits(0, 1)] = 1.0
    max_yaw: Annotated[float, "Most that a face may be turned to a side, in degrees.", Limits(0, 90)] = 90.0
    max_roll: Annotated[float, "Most that a face may be tilted, in degrees.", Limits(0, 180)] = 180.0
    embedder: Annotated[
        str,
        "Embedder that tells people apart: `dlib`, `sface`, a run's folder or `none`; `auto` is dlib if installed.",
        PathOrName(),
    ] = "auto"
    reference: Annotated[
        Path | None, "Folder with a few known pictures of each person, which decide who is who.", InputPath()
    ] = None
    keep_at: Annotated[
        float,
        "Lowest probability of being the folder's person at which a face is kept.",
        Limits(0, 1),
    ] = 0.5
    reject_at: Annotated[float, "Probability at or below which a face is someone else.", Limits(0, 1)] = 0.05
    unsure: Annotated[Unsure, "`keep` or `leave` out faces between the two until they have been reviewed."] = "keep"
    apply: Annotated[bool, "Apply what was decided in `facekit review`.", Aside()] = False
    report: Annotated[
        Path | None,
        "HTML report to write: what was left out and why, with pictures.",
        Aside(),
        OutputPath(),
    ] = None

    def __post_init__(self) -> None:
        """Check the limits, and that they leave no gap. Raises FacekitError."""
        super().__post_init__()
        if self.reject_at > self.keep_at:
            raise FacekitError(f"--reject-at is {self.reject_at:g}; it must not be above --keep-at {self.keep_at:g}")
