"""Where the pictures of a folder came from: its source, the source's source, and so on to the photos.

A folder may come from a stranger, and `made_from` leads anywhere. So a file of an ancestor is shown only where it is
known to be the picture that is meant: the ancestor's own manifest names it by its id, or its bytes have that hash.

Links are followed as they are where a folder is read: among a person's own photos, to photos and to folders of labels;
never where a manifest is. That shows nothing new to the author of a folder, who knew the bytes by their hash.
"""

from __future__ import annotations

import hashlib
import logging
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from facekit.base.contract import FacekitError, Record, Rejection, Source
from facekit.base.files import iterate_lines, read_bytes, version
from facekit.base.opening import is_there
from facekit.dataset.info import DatasetInfo, read_info
from facekit.dataset.layouts import folders, parts_of
from facekit.dataset.records import MANIFEST, SOURCES, check_record, is_name, own_file, read_sources

T = TypeVar("T")

MAX_TREES = 16
"""Folders made from folders are followed so far: more lead round in a circle."""

MAX_DEPTH = 16
"""Folders inside one another in which the picture of a line lies."""

MAX_PICTURE = 256 << 20
"""Bytes of a picture's file; a larger one is not read."""


_WITHOUT = "%s; what was made from it is shown without it"

log = logging.getLogger(__name__)


def inside(root: Path, path: str) -> Path | None:
    """Return the file that a line names as `label/file`; None for a path that leads anywhere else.

    In a tree that facekit did not make, the folder of a part may be above the label's, or neither is there. Links are
    not followed: no folder may be one, nor the file. A file that is gone is returned too.
    """
    file = _place(root, path)
    if file is None:
        return None
    folders = list(file.parents)[: path.count("/")]
    links = any(map(_is_link, folders)) or (_mode(file) is not None and not stat.S_ISREG(_mode(file) or 0))
    return None if links else file


def _place(root: Path, path: str) -> Path | None:
    """Return where a line's `label/file` is, links or not; None for a path that leads anywhere else by its names."""
    names = path.split("/")
    return root.joinpath(*names) if len(names) <= MAX_DEPTH and all(map(is_name, names)) else None


class Tree:
    """What one folder's lines say; read when first asked for, because a tree of photos may be large."""

    def __init__(self, root: Path, strict: bool = False) -> None:
        self.root = root
        self._strict = strict
        self.made = os.path.lexists(root / MANIFEST)
        """Whether it has a manifest. Only without one are links followed."""
        self.info = read_info(root) or DatasetInfo()
        self._hashed: dict[str, dict[str, str]] = {}
        self._digests: dict[tuple[Path, str], str | None] = {}

    @cached_property
    def sources(self) -> dict[str, Source]:
        """Origin -> where that photo was found."""
        return self._readable(lambda: read_sources(self.root / SOURCES), {})

    @cached_property
    def paths(self) -> dict[tuple[str, str], str]:
        """Label and id -> path of a picture, as its line has it."""
        return self._readable(lambda: {(record.label, record.id): record.path for record in self._records()}, {})

    @cached_property
    def origins(self) -> dict[str, str]:
        """Path of a picture, as its line has it -> the photo that it comes from."""
        return self._readable(lambda: {record.path: record.origin for record in self._records()}, {})

    @cached_property
    def paths_by_id(self) -> dict[str, str]:
        """Id -> path of a picture under any of its labels."""
        return {id: path for (_, id), path in self.paths.items()}

    @cached_property
    def _names(self) -> dict[str, tuple[str, str]]:
        return {path: names for names, path in self.paths.items()}

    @cached_property
    def _parts(self) -> tuple[str, ...]:
        """The folders of parts; none where the tree is not one of parts. Raises FacekitError and OSError."""
        return tuple(parts_of(self.root, folders(self.root)))

    def find(self, label: str, id: str, path: str = "") -> Path | None:
        """Return the file of a picture under a label; None where it is gone.

        `path` is where it was when a later folder was made: a hand may have moved it since its line was written.
        """
        known = self.paths.get((label, id)) or self.paths_by_id.get(id)
        if known is None:
            return self._with_bytes(id, path) or self._with_bytes(id, self._plain(label).get(id))
        moved = path if path.rpartition("/")[2] == known.rpartition("/")[2] else known
        files = [inside(self.root, place) for place in (known, moved)]
        return next((file for file in files if file is not None and is_there(file)), None)

    def find_photo(self, id: str, path: str | None) -> Path | None:
        """Return the file of a photo as it was found, at a path where no line names it; None where it is gone."""
        known = self.paths_by_id.get(id)
        return inside(self.root, known) if known else self._with_bytes(id, path)

    def names(self, path: str) -> tuple[str, str]:
        """Return label and id of the picture at a path; empty where there is none."""
        if path in self._names:
            return self._names[path]
        label = f"/{path}".split("/")[-2]
        return next(((label, id) for id, at in self._plain(label).items() if at == path), ("", ""))

    def record_of(self, left: Rejection) -> Record | None:
        """Return the record of a picture that was left out of what was made from this tree; None where it is gone.

        A file that no line names has none: it is made from what is known of the picture.
        """
        if (left.label, left.id) in self.paths:
            names = left.label, left.id
            return next((record for record in self._records() if (record.label, record.id) == names), None)
        path = self._plain(left.label).get(left.id)
        if path is None:
            return None
        return Record(left.id, left.id, path, left.label, left.label, left.origin or left.id, box=left.box)

    def _readable(self, read: Callable[[], T], default: T) -> T:
        """Return what is read, or a default where it is broken, unless this is strict."""
        try:
            return read()
        except FacekitError as error:
            if self._strict:
                raise
            log.warning(_WITHOUT, error)
            return default

    def _records(self) -> Iterator[Record]:
        return iterate_lines(own_file(self.root / MANIFEST), Record, check_record)

    def _with_bytes(self, id: str, path: str | None) -> Path | None:
        """Return the file at a path where its bytes have that hash, as those of a photo as found have."""
        file = self._file(path) if path else None
        return file if file is not None and self._digest(file) == id else None

    def read(self, file: Path, id: str) -> bytes | None:
        """Return the bytes of a file that `find` returned for an id; None where it is gone or another by now."""
        try:
            data = read_bytes(file, MAX_PICTURE, follow=not self.made)
        except (OSError, FacekitError):
            return None
        return data if self.made or hashlib.sha256(data).hexdigest() == id else None

    def _file(self, path: str) -> Path | None:
        """Return the file that is known by its bytes alone, behind links where there is no manifest."""
        return inside(self.root, path) if self.made else _place(self.root, path)

    def _digest(self, file: Path) -> str | None:
        """Return the SHA-256 of a file's bytes; None where it cannot be read."""
        seen = (file, version(file))
        if seen not in self._digests:
            try:
                self._digests[seen] = hashlib.sha256(read_bytes(file, MAX_PICTURE, follow=not self.made)).hexdigest()
            except (OSError, FacekitError):
                self._digests[seen] = None
        return self._digests[seen]

    def _plain(self, label: str) -> dict[str, str]:
        """Return the files of a label that no line names: there the id is the hash of the bytes."""
        if label not in self._hashed:
            paths = [path for path in self._files(label) if path not in self._names]
            hashes = {path: self._digest(file) for path in paths if (file := self._file(path)) is not None}
            self._hashed[label] = {digest: path for path, digest in hashes.items() if digest is not None}
        return self._hashed[label]

    def _files(self, label: str) -> Iterator[str]:
        """Yield the files of a label, in the folder of each part where the tree is one of parts."""
        if not is_name(label):
            return
        with suppress(FacekitError, OSError):
            for part in ("", *self._parts):
                place = f"{part}/{label}".lstrip("/")
                if self._file(f"{place}/x") is not None:
                    yield from (f"{place}/{file.name}" for file in sorted((self.root / place).glob("[!.]*")))


class Ancestry:
    """A folder's ancestors, nearest first."""

    def __init__(self, root: Path, strict: bool = False) -> None:
        """Follow `made_from`. Raises FacekitError where the folder's own `dataset.json` is broken.

        An ancestor that is broken is left out with a warning: the folder can be reviewed without it. `strict` raises
        FacekitError for it, here and when it is read: its lines are then not taken for lines that are not there.
        """
        self.own = Tree(root, strict)
        self.trees: list[Tree] = []
        here = self.own
        while (way := here.info.made_from) and len(self.trees) < MAX_TREES:
            root = Path(os.path.normpath(here.root.resolve() / way))
            if not os.path.isdir(root):  # noqa: PTH112 - Path.is_dir raises for a name that is too long
                break
            try:
                here = Tree(root, strict)
            except FacekitError as error:
                if strict:
                    raise
                log.warning(_WITHOUT, error)
                break
            self.trees.append(here)

    @property
    def source(self) -> Tree | None:
        """The folder that this one was made from; None where it is gone."""
        return self.trees[0] if self.trees else None

    def picture(self, label: str, id: str, path: str = "") -> Path | None:
        """Return the file in the source of a picture that this folder left out, or had; see `Tree.find`."""
        return self.source.find(label, id, path) if self.source else None

    def bytes_of(self, label: str, id: str, path: str = "") -> bytes | None:
        """Return the bytes of such a picture; None where it is gone."""
        file = self.picture(label, id, path)
        return self.source.read(file, id) if self.source and file else None

    def photo(self, origin: str) -> Path | None:
        """Return the file of a photo as it was found; None where it is gone."""
        for tree in self.trees:
            if origin in tree.paths_by_id:
                return tree.find_photo(origin, None)
        source = self.source_of(origin)
        if source is not None and source.engine == "folder" and source.url and self.trees:
            return self.trees[-1].find_photo(origin, source.url)
        return None

    def source_of(self, origin: str) -> Source | None:
        """Return where a photo was found."""
        return next((tree.sources[origin] for tree in (self.own, *self.trees) if origin in tree.sources), None)


def _is_link(path: Path) -> bool:
    return stat.S_ISLNK(_mode(path) or 0)


def _mode(file: Path) -> int | None:
    """Return what a file is, itself and not what a link leads to; None where there is none."""
    try:
        return file.lstat().st_mode
    except (OSError, ValueError):
        return None
