"""Options of `facekit verify`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar

from facekit.base.errors import FacekitError
from facekit.options.base import InputPath, Limits, Options, PathOrName, Positional
from facekit.options.crop import DETECTION


@dataclass(frozen=True, kw_only=True)
class Verify(Options):
    """Say whether two photos show the same person. Exit code 0: the same; 1: different; 2: no answer."""

    group = "use"
    after = "identify"
    answers = True
    bug_code: ClassVar[int] = 70

    pictures: Annotated[
        list[Path], "Two photos; the main face of each is compared. None with --pairs.", Positional(), InputPath()
    ] = field(default_factory=list)
    pairs: Annotated[
        Path | None,
        "CSV with the columns `first,second`: one answer for each line, and exit code 0. Its paths are relative to it.",
        InputPath(),
    ] = None
    embedder: Annotated[str, "Embedder: `dlib`, `dlib-mirrored`, `sface` or a trained run's folder.", PathOrName()] = (
        "dlib"
    )
    fmr: Annotated[
        float | None,
        "False match rate: share of pairs of different people that may be called the same. By default the embedder's "
        "own threshold decides.",
        Limits(1e-6, 0.5),
    ] = None
    detector: Annotated[str | None, "Detector for the face; by default what suits the embedder.", DETECTION] = None
    detect: Annotated[
        bool, "Detect faces; with --no-detect, each picture is taken as a face that is already cropped.", DETECTION
    ] = True

    def __post_init__(self) -> None:
        """Refuse anything but two photos, or a list of pairs. Raises FacekitError."""
        super().__post_init__()
        if len(self.pictures) != (2 if self.pairs is None else 0):
            raise FacekitError(
                "give two photos, `facekit verify A B`, or a list of pairs, `facekit verify --pairs LIST`"
            )
