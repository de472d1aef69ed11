"""Pictures in a zip or a tar, unpacked into a private folder.

An archive may come from a stranger. No member leaves the folder: absolute paths, `..`, links, devices and a second
member of a name are left out. No bomb fills memory or the disk: members, bytes, their ratio to the archive and the size
of a header are bounded, and nothing is read further than that. What is neither a picture nor says something of pictures
is not unpacked.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, BinaryIO, cast

from facekit.base import images
from facekit.base.contract import FacekitError, Track, quiet
from facekit.base.files import guarded
from facekit.base.opening import open_regular, reading
from facekit.base.text import visible
from facekit.dataset.forward import Forward, TooMuch, xz_chunks
from facekit.dataset.info import INFO
from facekit.dataset.metadata import FILES
from facekit.dataset.pictures import DEEP, OTHER, out_of_place
from facekit.dataset.records import GROUPS, MANIFEST, SOURCES, is_name

OUTSIDE, LINK, TWICE, ENCRYPTED, METHOD, LARGE, BROKEN = (
    "path that leads out of the archive",
    "link or device",
    "duplicate file name",
    "encrypted",
    "unsupported compression",
    "too many bytes",
    "damaged in the archive",
)
"""Why a member is left out."""

MAX_DEPTH = 16
"""Folders inside one another."""

_STEP = 1 << 20

_KEPT = {*FILES, MANIFEST, SOURCES, GROUPS, INFO}
"""Files that say something of pictures."""

_MAX_SAID = 256 << 20
"""Bytes of one of these."""

_SPARE = 512 << 20
"""Bytes of the disk that stay free."""

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)

_FAULTS = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, OSError, ValueError, LookupError, RuntimeError, NotImplementedError, OverflowError),
)
"""What damaged archives raise."""


@dataclass(frozen=True)
class Bounds:
    """How much an archive may hold."""

    members: int = 200_000
    unpacked: int = 64 << 30
    """Bytes of all that is unpacked; never more than the disk has room for."""
    ratio: int = 100
    """Bytes that come out for each byte of the archive; pictures are compressed, and give one or two."""
    free: int = 256 << 20
    """Bytes that may come out whatever the ratio."""


BOUNDS = Bounds()


@dataclass(frozen=True)
class Unpacked:
    """What came out of an archive."""

    members: dict[str, str] = field(default_factory=dict)
    """Path below the folder -> name of the member."""
    left: Counter[str] = field(default_factory=Counter)
    """Reason -> members left out."""


@dataclass(frozen=True)
class _Member:
    name: str
    reason: str | None
    """Why it is left out before it is looked at."""
    open: Callable[[], IO[bytes]]


def is_archive(path: Path) -> bool:
    """Return whether a file begins as a zip, a tar, or a tar that gzip, bzip2 or xz has compressed."""
    try:
        with open_regular(path) as file:
            head = file.read(512)
    except OSError:
        return False
    return _kind(head) is not None


def name_of(archive: Path) -> str:
    """Return what an archive is called without its suffixes."""
    name = archive.name
    for suffix in (".gz", ".bz2", ".xz", ".tgz", ".tbz2", ".txz", ".tar", ".zip"):
        name = name.removesuffix(suffix) if name.lower().endswith(suffix) and name != suffix else name
    return name


def unpack(archive: Path, folder: Path, bounds: Bounds = BOUNDS, track: Track = quiet) -> Unpacked:
    """Unpack the pictures of an archive into an empty folder of this user's, and what is said of them beside them.

    Raises FacekitError for an archive that is damaged, that would unpack to more than the bounds, or is none.
    """
    try:
        with reading(archive), open_regular(archive) as file:
            kind = _kind(file.read(512))
            size = os.fstat(file.fileno()).st_size
            file.seek(0)
            limit = min(bounds.unpacked, max(bounds.free, bounds.ratio * size), _room(folder))
            members = _in_zip(file) if kind == "zip" else _in_tar(file, kind, limit)
            return _Unpacking(folder, bounds.members, limit).run(track(members, f"unpack {archive.name}"))
    except TooMuch as error:
        raise FacekitError(
            f"{archive} {error}, which no archive of photos does; if you trust it, unpack it and give the folder"
        ) from None
    except FacekitError:
        raise
    except _FAULTS as error:
        why = visible(" ".join(str(error).split())) or type(error).__name__
        raise FacekitError(f"{archive} is damaged ({why}); unpack it yourself and give the folder") from None


class _Unpacking:
    def __init__(self, folder: Path, members: int, limit: int) -> None:
        self._folder, self._members, self._limit = folder, members, limit
        self._done = Unpacked()
        self._written = 0

    def run(self, members: Iterator[_Member]) -> Unpacked:
        for number, member in enumerate(members):
            if number >= self._members:
                raise TooMuch(f"holds more than {self._members:,} members")
            path = "/".join(part for part in member.name.split("/") if part != ".")
            reason = _misplaced(path) or member.reason or (TWICE if path in self._done.members else None)
            reason = reason or self._take(path, member)
            if reason is not None:
                self._done.left[reason] += 1
        return self._done

    def _take(self, path: str, member: _Member) -> str | None:
        """Write one member; return why it is left out, if it is."""
        name = path.rpartition("/")[2]
        said = name in _KEPT
        try:
            with member.open() as data:
                head = data.read(16)
                if not (said or images.begins_as_picture(head) or name.lower().endswith(images.SUFFIXES)):
                    return OTHER
                return self._write(path, member, head, data, _MAX_SAID if said else images.MAX_BYTES)
        except (zipfile.BadZipFile, zlib.error, EOFError):  # its own checksum: the others may be whole
            (self._folder / path).unlink(missing_ok=True)
            return BROKEN

    def _write(self, path: str, member: _Member, head: bytes, data: IO[bytes], most: int) -> str | None:
        file = self._folder / path
        with guarded(file):
            try:
                for parent in reversed(Path(path).parents[:-1]):
                    (self._folder / parent).mkdir(mode=0o700, exist_ok=True)
                handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            except (FileExistsError, NotADirectoryError):  # also where the disk takes two names for one
                return TWICE
        with os.fdopen(handle, "wb") as out:
            count, chunk = 0, head
            while chunk and count <= most:
                count += len(chunk)
                self._count(len(chunk))
                with guarded(file):
                    out.write(chunk)
                chunk = data.read(_STEP)
        if count > most:
            file.unlink()
            return LARGE
        self._done.members[path] = member.name
        return None

    def _count(self, more: int) -> None:
        self._written += more
        if self._written > self._limit:
            raise TooMuch(f"unpacks to more than {self._limit / 1e6:,.0f} MB")


def _misplaced(path: str) -> str | None:
    """Return why no file is written at a path; None for one below the folder."""
    parts = path.split("/")
    if ".." in parts or "" in parts:
        return OUTSIDE
    if len(parts) > MAX_DEPTH:
        return DEEP
    return next(filter(None, map(out_of_place, parts)), None if all(map(is_name, parts)) else OUTSIDE)


def _kind(head: bytes) -> str | None:
    begins = {b"PK\x03\x04": "zip", b"PK\x05\x06": "zip", b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ\0": "xz"}
    kind = next((kind for mark, kind in begins.items() if head.startswith(mark)), None)
    return kind or ("tar" if head[257:262] == b"ustar" else None)


def _room(folder: Path) -> int:
    return max(0, shutil.disk_usage(folder).free - _SPARE)


def _in_zip(file: BinaryIO) -> Iterator[_Member]:
    with zipfile.ZipFile(_Directory(file)) as held:
        for info in held.infolist():
            if not info.filename.endswith("/"):
                name = info.filename if "/" in info.filename else info.filename.replace("\\", "/")
                yield _Member(name, _why_not(info), lambda info=info: held.open(info))  # type: ignore[misc]


def _why_not(info: zipfile.ZipInfo) -> str | None:
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
        return LINK
    if info.flag_bits & 1:
        return ENCRYPTED
    return None if info.compress_type in _METHODS else METHOD


class _Directory:
    """A zip's file, of whose directory no more is read at once than a whole one of `Bounds.members` has."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell, self.seekable, self.close = file.seek, file.tell, file.seekable, lambda: None

    def read(self, size: int = -1) -> bytes:
        if size > 32 << 20:
            raise TooMuch(f"has a directory of {size / 1e6:,.0f} MB")
        return self._file.read(size)


def _in_tar(file: BinaryIO, kind: str | None, limit: int) -> Iterator[_Member]:
    with tarfile.open(fileobj=cast(IO[bytes], Forward(_chunks(file, kind), limit)), mode="r:") as held:
        for info in held:
            if not info.isdir():
                yield _Member(info.name, _why_no_file(info), lambda info=info: _content(held, info))  # type: ignore[misc]
            held.members = []  # type: ignore[attr-defined] # it keeps each, to find them by name


def _chunks(file: BinaryIO, kind: str | None) -> Iterator[bytes]:
    if kind == "xz":
        return xz_chunks(file)
    stream: BinaryIO | gzip.GzipFile | bz2.BZ2File = file
    if kind == "gz":
        stream = gzip.GzipFile(fileobj=file)
    elif kind == "bz2":
        stream = bz2.BZ2File(file)
    return iter(lambda: stream.read(1 << 16), b"")


def _why_no_file(info: tarfile.TarInfo) -> str | None:
    if not info.isreg() or info.issparse():
        return LINK
    try:
        tarfile.data_filter(info, "/facekit")
    except tarfile.FilterError:
        return OUTSIDE
    return None


def _content(held: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    content = held.extractfile(info)
    if content is None:
        raise tarfile.ReadError(f"{info.name} has no content")
    return content
