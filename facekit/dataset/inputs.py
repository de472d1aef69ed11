"""Open a folder of pictures, a single photo or an archive, each as a folder."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from facekit.base import images
from facekit.base.contract import BadImage, FacekitError, Track, quiet
from facekit.base.files import replace_file
from facekit.base.foldernames import safe
from facekit.base.parallel import Jobs
from facekit.base.scratch import private_folder
from facekit.dataset.archives import is_archive, name_of, unpack
from facekit.dataset.entries import is_file, list_entries
from facekit.dataset.layouts import PART, folders
from facekit.dataset.pictures import PHOTOS, Found, is_picture
from facekit.dataset.tree import Dataset

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Input:
    """A folder to read, and how what is in it is called."""

    folder: Path
    given: Path
    """What was asked for; the folder itself, unless that is a copy which is gone at the end."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Path below a folder that is a copy -> what the picture is called: `photos.zip!Ada/1.jpg`, or the photo's path."""

    @property
    def is_copy(self) -> bool:
        """Whether the folder is gone at the end."""
        return self.folder != self.given

    def name(self, file: Path) -> str:
        """Return what a picture in the folder is called where it came from."""
        if not self.is_copy:
            return str(file)
        return self.names.get(os.path.relpath(file, self.folder), str(file))


@contextmanager
def open_input(path: Path, track: Track = quiet) -> Iterator[Input]:
    """Yield a folder, or a private copy of a photo or of the pictures of an archive, which is removed at the end.

    Raises FacekitError for a path that leads to none of these, and for an archive as `unpack` does.
    """
    if path.is_dir():
        yield Input(path, path)
        return
    if not path.exists():
        raise FacekitError(f"no such file or folder: {path}; give {PHOTOS}")
    with private_folder() as private:
        yield _unpacked(path, private, track) if is_archive(path) else _photo(path, private)


@contextmanager
def open_tree(path: Path, track: Track = quiet, jobs: Jobs = 0) -> Iterator[Dataset]:
    """Yield a data set for as long as it is read: a tree, a flat folder, a photo, or an archive of any of these.

    A photo is a label of its own, called like it; a flat folder or archive is one label. Raises FacekitError.
    """
    with open_input(path, track) as held:
        dataset = Dataset.open(held.folder, track, PHOTOS, jobs)
        yield _of_copy(dataset, held) if held.is_copy else dataset


def _of_copy(dataset: Dataset, held: Input) -> Dataset:
    """Return a data set that says where its pictures came from, not where they are for the moment."""
    photo = held.given.parent if not is_archive(held.given) else held.given
    sources = dict(dataset.sources)
    for record in dataset.records:
        source = sources.get(record.id)
        if source is not None and source.engine == "folder" and source.url == record.path:
            url = held.given.name if photo != held.given else held.names.get(record.path, record.path)
            engine = "folder" if photo != held.given else "archive"
            sources[record.id] = replace(source, url=url, engine=engine)
    return replace(dataset, sources=sources, found_at=photo)


def _photo(path: Path, private: Path) -> Input:
    if not is_picture(path):
        raise FacekitError(f"{path} is neither a picture nor a zip or tar; give {PHOTOS}")
    label = safe(path.stem)
    name = f"{label}/{path.name.lstrip('.') or 'photo'}"
    try:
        data = images.load(path)
    except BadImage as error:
        raise FacekitError(f"{path}: {error.reason}; give another photo, or check its permissions") from None
    (private / label).mkdir(mode=0o700)
    replace_file(private / name, data, private=True)
    return Input(private, path, {name: str(path)})


def _unpacked(archive: Path, private: Path, track: Track) -> Input:
    root = private / safe(name_of(archive))
    root.mkdir(mode=0o700)
    found = unpack(archive, root, track=track)
    if found.left:
        log.warning("%s: left out: %s", archive, Found(left=found.left))
    if not any(is_picture(root / path) for path in found.members):
        why = f" (left out: {Found(left=found.left)})" if found.left else ""
        raise FacekitError(f"{archive} has no pictures{why}; give an archive of photos")
    top = _top(root)
    names = {
        os.path.relpath(root / path, top): f"{archive}!{member}"
        for path, member in found.members.items()
        if (root / path).is_relative_to(top)
    }
    return Input(top, archive, names)


def _top(root: Path) -> Path:
    """Return the folder in which a tree begins: many archives wrap theirs into one folder."""
    while True:
        inner = folders(root)
        files = [entry for entry in list_entries(root, Counter()) if is_file(entry)]
        if len(inner) != 1 or files or inner[0].lower() in PART:
            return root
        if not folders(root / inner[0]):  # the folder of a label
            return root
        root = root / inner[0]
