"""Write, move and delete the pictures of a stage's output folder without following links.

A folder may come from a stranger. So a label's folder is opened by the handle of its root and refused where it is a
link, and a picture is deleted only if its bytes are those that facekit wrote.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from facekit.base.appending import write_all
from facekit.base.files import guarded
from facekit.base.opening import open_new, open_regular
from facekit.dataset.info import INFO
from facekit.dataset.records import GROUPS, MANIFEST, REJECTED, SOURCES, is_name

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC

_NO_LINKS = {errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
"""Why a file cannot be linked that can be copied: another disk, one without links, or somebody else's file."""

_PART = re.compile(r"\.([0-9a-f]{16}\.\w+|[a-z.]+\.(jsonl|json|csv))\.part")
"""What the files are called that are being written: pictures by their ids, and the files beside the labels."""


class Store:
    """A folder of pictures, held open as a context manager. Paths are `label/file`, relative to it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._handle = -1

    def __enter__(self) -> Self:
        """Open the folder. Raises FacekitError."""
        with guarded(self.root):
            self._handle = os.open(self.root, _FOLDER)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        os.close(self._handle)

    def write(self, path: str, data: bytes) -> None:
        """Put a picture in place, whole or not at all.

        Raises FacekitError when the disk is full, and where the label's folder is a link or may not be written.
        """
        with self._label(path, make=True) as (folder, name), guarded(self.root, path):
            _put(name, data, folder)

    def link(self, path: str, file: Path) -> bool:
        """Put a picture in place as a hard link to a regular file; return whether the disks allow that.

        Raises FacekitError, as `write` does.
        """
        with self._label(path, make=True) as (folder, name), guarded(self.root, path):
            return _link(Path(name), file, folder)

    def move(self, old: str, new: str) -> None:
        """Move a picture, and remove the folder that this empties. Raises FacekitError, as `write` does."""
        before, after = self._label(old), self._label(new, make=True)
        with before as (there, name), after as (here, as_name), guarded(self.root / new):
            os.replace(name, as_name, src_dir_fd=there, dst_dir_fd=here)
        self._remove_empty([old])

    def delete(self, pictures: Mapping[str, str]) -> list[str]:
        """Delete pictures, and the folders that this empties: path -> SHA-256 of the bytes that facekit wrote.

        Returns the paths of those that are not what facekit wrote, which stay. Raises FacekitError, as `write` does.
        """
        stay = [path for path, digest in pictures.items() if is_path(path) and not self._delete(path, digest)]
        self._remove_empty(path for path in pictures if is_path(path))
        return stay

    def is_as_written(self, path: str, sha256: str) -> bool:
        """Whether a picture is there, a regular file with these bytes. Raises FacekitError, as `write` does."""
        with self._label(path) as (folder, name):
            return _digest(name, folder) == sha256

    def sweep(self) -> None:
        """Delete what a kill left of files that were being written."""
        _sweep(self._handle)
        for label in _folders(self._handle):
            with self._label(f"{label}/") as (folder, _):
                _sweep(folder)

    def _delete(self, path: str, sha256: str) -> bool:
        """Delete one picture; return whether it is gone."""
        if not os.path.lexists(self.root / path):
            return True
        with self._label(path) as (folder, name), guarded(self.root / path):
            if _digest(name, folder) != sha256:
                return False
            os.unlink(name, dir_fd=folder)
            return True

    def _remove_empty(self, paths: Iterable[str]) -> None:
        for label in {path.partition("/")[0] for path in paths}:
            with suppress(OSError):  # one that still holds something stays, and so does a link
                os.rmdir(label, dir_fd=self._handle)

    @contextmanager
    def _label(self, path: str, make: bool = False) -> Iterator[tuple[int, str]]:
        """Open the folder of a picture's label; yield its handle and the picture's name."""
        label, _, name = path.partition("/")
        with guarded(self.root, label):
            if make:
                with suppress(FileExistsError):
                    os.mkdir(label, dir_fd=self._handle)
            handle = self._open(label)
        try:
            yield handle, name
        finally:
            os.close(handle)

    def _open(self, label: str) -> int:
        try:
            return os.open(label, _FOLDER | os.O_NOFOLLOW, dir_fd=self._handle)
        except NotADirectoryError:
            if (self.root / label).is_symlink():
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from None
            raise


def _put(name: str, data: bytes, folder: int) -> None:
    """Write a file under another name first, then put it in place. Raises OSError."""
    part = f".{name}.part"
    try:
        with open_new(part, folder) as file:
            write_all(file, data)
        os.replace(part, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(part, dir_fd=folder)
        raise


def _link(path: Path, file: Path, folder: int) -> bool:
    """Link a file under another name first, then put it in place. False for another disk, or one without links."""
    part = path.with_name(f".{path.name}.part")
    with suppress(FileNotFoundError):
        os.unlink(part, dir_fd=folder)
    if file.is_symlink():  # the link would be to the link
        return False
    try:
        os.link(file, part, dst_dir_fd=folder)
    except OSError as error:
        if error.errno in _NO_LINKS:
            return False
        raise
    os.replace(part, path, src_dir_fd=folder, dst_dir_fd=folder)
    with suppress(FileNotFoundError):  # it stays where the picture was this very file already
        os.unlink(part, dir_fd=folder)
    return True


def is_path(path: str) -> bool:
    """Whether a picture can have a path: `label/file`."""
    label, _, name = path.partition("/")
    return is_name(label) and is_name(name)


def _digest(name: str, folder: int) -> str | None:
    """Return the SHA-256 of a file; None for a link, and for whatever is no regular file or cannot be read."""
    try:
        with open_regular(Path(name), follow=False, folder=folder) as file:
            digest = hashlib.sha256()
            while chunk := file.read(1 << 20):
                digest.update(chunk)
            return digest.hexdigest()
    except OSError:
        return None


def _folders(handle: int) -> list[str]:
    with os.scandir(handle) as entries:
        return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]


def _sweep(handle: int) -> None:
    with os.scandir(handle) as entries:
        parts = [entry.name for entry in entries if _PART.fullmatch(entry.name)]
    for name in parts:
        with suppress(FileNotFoundError, IsADirectoryError, PermissionError):
            os.unlink(name, dir_fd=handle)


OWN = (MANIFEST, SOURCES, GROUPS, REJECTED, INFO)
"""The files that a stage writes beside the labels."""
