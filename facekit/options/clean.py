"""Options of `facekit clean`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from facekit.base.errors import FacekitError
from facekit.base.reporting import Report
from facekit.options.base import Aside, InputPath, Limits, OutputPath, PathOrName, Section
from facekit.options.common import Cluster, License, Stage
from facekit.options.following import beside, command

QUALITY, PEOPLE = Section("Quality"), Section("Wrong people")

Unsure = Literal["keep", "leave"]


@dataclass(frozen=True, kw_only=True)
class Clean(Stage):
    """Remove repeats, poor pictures, boxes without a face and other people, then names with too few pictures."""

    group = "clean"
    after = "crop"

    min_images: Annotated[int, "Minimum number of pictures per name; names with fewer are removed.", Limits(1)] = 30
    people: Annotated[
        int, "Maximum number of names to keep; those with the most pictures are kept first.", Limits(1)
    ] = 100
    min_side: Annotated[
        int,
        "Minimum side of a face in its photo, in pixels, measured as by `crop --min-size`.",
        Limits(1, 10_000),
        QUALITY,
    ] = 40
    min_sharpness: Annotated[
        float,
        "Minimum variance of the Laplacian at 96 pixels; below it a picture counts as blurred.",
        Limits(0),
        QUALITY,
    ] = 40.0
    min_brightness: Annotated[float, "Minimum mean grey value (0 to 255).", Limits(0, 255), QUALITY] = 25.0
    max_brightness: Annotated[float, "Maximum mean grey value (0 to 255).", Limits(0, 255), QUALITY] = 230.0
    min_contrast: Annotated[
        float, "Minimum standard deviation of the grey values (0 to 127).", Limits(0, 127), QUALITY
    ] = 12.0
    max_clipped: Annotated[
        float,
        "Maximum fraction of pixels that are nearly pure black or white; 1 turns this check off.",
        Limits(0, 1),
        QUALITY,
    ] = 1.0
    max_yaw: Annotated[float, "Maximum turn of the head to either side, in degrees.", Limits(0, 90), QUALITY] = 90.0
    license: Annotated[
        License,
        "Licences of the photos to keep, as `sources.jsonl` names them: `any`, `open`, or open to `commercial` use and "
        "changes. A photo without a recorded licence is neither of the last two.",
    ] = "any"
    max_roll: Annotated[float, "Maximum tilt of the head, in degrees.", Limits(0, 180), QUALITY] = 180.0
    embedder: Annotated[
        str,
        "How to tell people apart: `dlib`, `sface`, both as `dlib+sface`, a run's folder or `none`; `auto` uses those "
        "of the two that are installed.",
        PathOrName(),
        PEOPLE,
    ] = "auto"
    reference: Annotated[
        Path | None,
        "Folder with a few verified pictures of each person, used to identify that person.",
        InputPath(),
        PEOPLE,
    ] = None
    keep_at: Annotated[
        float,
        "Keep a face if the probability that it shows the folder's person is at least this.",
        Limits(0, 1),
        PEOPLE,
    ] = 0.5
    reject_at: Annotated[float, "Reject a face if that probability is this or lower.", Limits(0, 1), PEOPLE] = 0.05
    unsure: Annotated[
        Unsure,
        "What to do with faces between --reject-at and --keep-at until they are reviewed: `keep` them or `leave` them "
        "out.",
        PEOPLE,
    ] = "keep"
    apply: Annotated[bool, "Apply what was decided in `facekit review`.", Aside()] = False
    report: Annotated[
        Path | None,
        "HTML report to write: what was left out and why, with pictures.",
        Aside(),
        OutputPath(),
    ] = None
    cluster: Cluster = None

    def __post_init__(self) -> None:
        """Check the limits, and that they leave no gap. Raises FacekitError."""
        super().__post_init__()
        if self.reject_at > self.keep_at:
            raise FacekitError(f"--reject-at is {self.reject_at:g}; it must not be above --keep-at {self.keep_at:g}")

    def next_command(self, report: Report) -> str | None:
        """Return the review, where faces wait for it, else the training that suits few photos."""
        if report.details.get("unsure"):
            return command("review", self.output)
        rows = report.details.get("by_person")
        if isinstance(rows, list) and sum(isinstance(row, dict) and bool(row["kept"]) for row in rows) < 2:
            return None  # there is nobody to tell apart
        known = str(report.details.get("embedder") or "")
        backbone = next((name for name in ("sface", "dlib") if name in known.split("+")), None)
        if backbone is None:
            return command("balance", self.output, "-o", beside(self.output, "even"))
        return command("train", self.output, "-o", beside(self.output, "model"), "--backbone", backbone)
