"""What is served: a gallery, or a trained run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facekit import runs
from facekit.base.contract import FacekitError
from facekit.identity.gallery import Gallery
from facekit.identity.gallery.opening import is_gallery
from facekit.options.galleries import is_database
from facekit.runs.export import open_model
from facekit.serving.keys import GalleryKeys, Keys, RunKeys


def is_run(target: str) -> bool:
    """Whether a path names a trained run, or a file exported from one. Raises FacekitError for none and no gallery."""
    if is_database(target):
        return False
    path = Path(target)
    if is_gallery(path):
        return False
    if path.is_file() or (path.is_dir() and (path / runs.MODEL).exists()):
        return True
    raise FacekitError(
        f"{target} is neither a gallery nor a trained run; give what `facekit enroll -o` or `facekit train -o` made"
    )


@contextmanager
def keys_of(target: str) -> Iterator[Keys]:
    """Open where the keys of a gallery or a run are kept. Raises FacekitError where it is neither."""
    if is_run(target):
        yield RunKeys(open_model(Path(target)).folder)
        return
    with Gallery.open(target) as gallery:
        yield GalleryKeys(gallery.store)
