"""Open files that cannot be trusted: regular files only, and never through a link when writing.

A FIFO in place of a file would block a read, a device would never end it, and a symbolic link would take a write to
a file outside the folder.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader, FileIO
from pathlib import Path

from facekit.base.errors import FacekitError

_FULL = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}

_OUT_OF_REACH = {errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG, errno.EIO, errno.ESTALE, errno.EROFS}
"""What is the fault of a path, or of the disk that it is on, and of no program."""

_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


_KINDS = {stat.S_IFREG: "a file", stat.S_IFDIR: "a folder", stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket"}


class NotRegular(OSError):
    """A FIFO, a socket or a device where a file is expected."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(errno.EINVAL, "not a regular file", str(path))


def open_regular(path: Path, follow: bool = True, folder: int | None = None) -> BufferedReader:
    """Open a regular file for reading, without waiting for anything.

    With `follow=False` a symbolic link is refused. `folder` is the handle of the folder that `path` is relative to.
    Raises OSError; `NotRegular` for what is no regular file. A device is not even opened: that alone can act on it.
    """
    if "\0" in str(path):  # which os.stat takes for a bug of its caller
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    _check_regular(os.stat(path, dir_fd=folder, follow_symlinks=follow).st_mode, path)
    handle = os.open(path, _READ | (0 if follow else os.O_NOFOLLOW), dir_fd=folder)
    return os.fdopen(_regular(handle, path), "rb")


def open_new(path: Path | str, folder: int | None = None) -> FileIO:
    """Create a file for writing, in place of whatever has its name. `folder` as in `open_regular`. Raises OSError."""
    with suppress(FileNotFoundError):
        os.unlink(path, dir_fd=folder)
    handle = os.open(path, _WRITE | os.O_EXCL, 0o666, dir_fd=folder)
    return os.fdopen(_regular(handle, path), "wb", buffering=0)


def open_append(path: Path) -> FileIO:
    """Open a regular file for appending, unbuffered; create it if there is none. Raises OSError, for a link too."""
    handle = os.open(path, _WRITE | os.O_APPEND, 0o666)
    return os.fdopen(_regular(handle, path), "ab", buffering=0)


def _regular(handle: int, path: Path | str) -> int:
    """Return the handle of a regular file; close any other."""
    try:
        _check_regular(os.fstat(handle).st_mode, path)
    except OSError:
        os.close(handle)
        raise
    return handle


def _check_regular(mode: int, path: Path | str) -> None:
    if stat.S_ISLNK(mode):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise NotRegular(path)


def is_there(path: Path) -> bool:
    """Return whether there is a regular file, or a link to one: false also for a path that no disk can hold."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Return whether there is a folder, or a link to one: false also where the system does not let us look."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def kind_of(path: Path) -> str | None:
    """Return what a path leads to: `a file`, `a folder`, `a FIFO`, `a socket` or `a device`; None for nothing."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return None
    return _KINDS.get(stat.S_IFMT(mode), "a device")


def no_folder(path: Path) -> str:
    """Return what is wrong with a path that is no folder, for the beginning of a message."""
    kind = kind_of(path)
    return f"{path} is {kind}" if kind else f"no such folder: {path}"


@contextmanager
def reaching() -> Iterator[None]:
    """Turn what keeps the system from following a path into FacekitError, whatever path that is."""
    try:
        yield
    except OSError as error:
        if error.errno not in _OUT_OF_REACH or error.filename is None:  # None: of a port, of a process
            raise
        closed = isinstance(error, PermissionError)
        fix = "check its permissions, and those of the folders above it" if closed else "give another path"
        raise FacekitError(f"{os.fsdecode(error.filename)} cannot be opened ({error.strerror}); {fix}") from error


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn the system's refusals to read into FacekitError; a file that does not exist stays FileNotFoundError."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise
    except IsADirectoryError:
        raise FacekitError(f"{path} is a folder; give a file") from None
    except NotRegular:
        raise FacekitError(f"{path} is not a regular file; replace it with one") from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise FacekitError(f"{path} is a symbolic link; replace it with the file itself") from None
        raise FacekitError(f"{path} cannot be read ({error.strerror}); check its permissions") from error


class guarded:  # noqa: N801 - reads as a verb in a `with`
    """Turn the system's refusals to write into FacekitError."""

    def __init__(self, path: Path, below: str = "") -> None:
        """`below` is what is written in the folder `path`, where that is not `path` itself."""
        self._path, self._below = path, below

    @property
    def path(self) -> Path:
        """What is written. Joined when something goes wrong: many a small file is written."""
        return self._path / self._below

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Raise FacekitError for a full disk, a link, or a place that cannot be written."""
        if not isinstance(error, OSError):
            return
        if error.errno in _FULL:
            raise FacekitError(
                f"no space left to write {self.path}; free some space and run the same command again"
            ) from error
        if error.errno == errno.ELOOP:
            raise FacekitError(
                f"{self.path} is a symbolic link, and facekit does not write through links; delete it, "
                "or choose another folder"
            ) from error
        raise FacekitError(f"{self.path} cannot be written ({error.strerror}); choose another folder") from error
