"""Load what a folder holds: a trained model or a gallery."""

from __future__ import annotations

import os
from os import PathLike
from pathlib import Path

from facekit import runs
from facekit.api.gallery import Gallery
from facekit.api.model import Model
from facekit.base.contract import FacekitError
from facekit.identity.gallery.opening import is_gallery
from facekit.options.galleries import is_database


def load(folder: str | PathLike[str], *, fpir: float | None = None) -> Model | Gallery:
    """Load the trained model in a folder, or open the gallery in it, to name the faces of any number of pictures.

    It returns `Model(folder)` or `Gallery(folder)`, whichever fits. In a program whose types are checked, call one of
    these directly, so that the type checker knows which of the two you have.

    Args:
        folder: Folder of a trained model, as `facekit.train` writes it, or of a gallery, as `facekit.enroll` does; or
            the address of a gallery in a PostgreSQL database.
        fpir: Share of strangers' faces that may be given a name (false positive identification rate), instead of the
            one that the model was trained for, or that the gallery was made for.

    Raises:
        FacekitError: For a folder that holds neither, for an empty gallery, for files that are gone or broken, for an
            extra that is not installed, and for an `fpir` that there is no threshold for.
    """
    place = Path(folder)
    if is_database(os.fspath(folder)) or is_gallery(place):
        return Gallery(folder, fpir)
    if place.is_dir() and not (place / runs.MODEL).exists():
        raise FacekitError(
            f"{place} holds neither a trained model nor a gallery; give a folder that `train -o` or `enroll -o` wrote"
        )
    return Model(folder, fpir)
