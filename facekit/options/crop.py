"""Options of `facekit crop`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Literal, get_args

from facekit.base.errors import FacekitError
from facekit.base.reporting import Report
from facekit.options.base import Aside, InputPath, Limits, Options, Positional, Reads, Section, shown
from facekit.options.common import Cluster, Stage
from facekit.options.following import beside, command

Cascade = Literal["default", "alt2", "profile"]
Faces = Literal["largest", "all", "only"]
Verify = Literal["auto", "yunet", "eyes", "none"]
Align = Literal["none", "eyes"]


def cascades(names: str) -> tuple[str, ...]:
    """Read `alt2,default` as the names of Haar cascades, each once. Raises FacekitError."""
    found = tuple(dict.fromkeys(name.strip() for name in names.split(",")))
    wrong = next((name for name in found if name not in get_args(Cascade)), None)
    if wrong is not None:
        raise FacekitError(f"--cascade: no cascade called {shown(wrong)}; choose from {', '.join(get_args(Cascade))}")
    return found


DETECTION, SAVED = Section("Detection"), Section("Saved faces")

Detector = Annotated[str, "Face detector: `haar`, `yunet` or `dlib`.", DETECTION]
Cascades = Annotated[
    str,
    "Haar cascade: `default` or `alt2` (frontal) or `profile`; several, as in `alt2,default`, are used together.",
    Reads(cascades),
    DETECTION,
]
Verified = Annotated[
    Verify,
    "How to confirm each face that Haar finds: with the network `yunet`, or, if it is doubtful, by finding its `eyes`; "
    "`auto` is yunet if installed, else eyes.",
    DETECTION,
]


@dataclass(frozen=True, kw_only=True)
class FaceCrop(Options):
    """How a face is found in a photo and cut out of it."""

    detector: Detector = "haar"
    cascade: Cascades = "alt2"
    verify: Verified = "auto"
    roll: Annotated[
        float,
        "If no face is found, retry with the photo rotated by this many degrees in each direction; 0 turns this off.",
        Limits(0, 45),
        DETECTION,
    ] = 0.0
    align: Annotated[
        Align, "Rotate and scale each face so that its `eyes` are where face models expect them.", SAVED
    ] = "none"
    detect: Annotated[
        bool, "Detect faces; with --no-detect, each picture is taken as a face that is already cropped.", DETECTION
    ] = True
    faces: Annotated[
        Faces,
        "Which faces to save: the `largest` of each photo, `all` of them, or `only` those of photos that show a single "
        "face.",
        SAVED,
    ] = "largest"
    min_size: Annotated[
        int,
        "Minimum side of a face in its photo, in pixels; of a box that is no square, the longer side counts.",
        Limits(10, 10_000),
        DETECTION,
    ] = 40
    margin: Annotated[float, "Margin around the face, as a share of its side.", Limits(0, 2), SAVED] = 0.2
    size: Annotated[int, "Side of a saved face, in pixels.", Limits(16, 2048), SAVED] = 160
    detect_at: Annotated[
        int,
        "Size to which a photo is scaled down for detection (its longest side, in pixels).",
        Limits(64, 8192),
        DETECTION,
    ] = 640


@dataclass(frozen=True, kw_only=True)
class Crop(FaceCrop, Stage):
    """Find the face in each photo and save it as a square picture."""

    group = "clean"

    input: Annotated[
        Path,
        "Photos: a folder with one folder per person, a flat folder, a single photo, or a zip or tar of any of these; "
        "or `-` to read its path from stdin.",
        Aside(),
        Positional(),
        InputPath(piped=True),
    ]
    cluster: Cluster = None

    def next_command(self, report: Report) -> str | None:
        """Return the command that leaves out repeats, poor pictures and the wrong person."""
        return command("clean", self.output, "-o", beside(self.output, "good"))


@dataclass(frozen=True, kw_only=True)
class CarriedCrop(FaceCrop):
    """How the faces of a data set or of a model were cut. What it does not say was no option yet when they were."""

    cascade: Cascades = "default"
    verify: Verified = "none"

    def __post_init__(self) -> None:
        """Check the limits: it is read from files. Raises ValueError."""
        try:
            super().__post_init__()
        except FacekitError as error:
            raise ValueError(f"crop: {error}") from None

    @classmethod
    def of(cls, crop: FaceCrop) -> CarriedCrop:
        """Return the part of the options of `crop` that a data set carries."""
        return cls(**{f.name: getattr(crop, f.name) for f in fields(FaceCrop)})
