"""Trees and runs on object storage (`s3://…`): brought into a folder of the cache, worked on there, and sent back.

facekit renames files and locks folders, which object storage cannot do. So only objects that have changed since are
brought, by their ETag, and only files that have changed are sent: pictures first, then what is beside them, the
manifest (or `model.json`) last, and then what is gone is deleted. Whoever reads meanwhile finds a tree that can be
read. A command that was killed goes on, because what it has made is still in the cache. Credentials, region and address
come from the usual environment (`AWS_…`) alone.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from facekit.base import objects, plugins
from facekit.base.contract import FacekitError, Report, Track
from facekit.base.figures import size as readable
from facekit.base.files import guarded, iterate_lines, locked, replace_lines
from facekit.base.plain import dump_line
from facekit.base.text import counted, visible
from facekit.base.weights import cache
from facekit.dataset.info import INFO
from facekit.dataset.records import MANIFEST
from facekit.options.base import Options

log = logging.getLogger(__name__)

WORKERS = 16
"""Objects that are on their way at one time."""

_LAST = {INFO: 2, MANIFEST: 3, "model.json": 3}
"""Files at the top of a folder that are sent after all others, in this order."""

_AT_ONCE = 1000
"""Objects that one request deletes: the most that S3 allows."""

_WAYS = "set the environment variables AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_DEFAULT_REGION"


@dataclass(frozen=True)
class Kept:
    """A file of a folder as it was when it was the same as its object."""

    path: str
    etag: str
    size: int
    written: int
    """When the file was written, in nanoseconds."""


@dataclass
class Traffic:
    """What was asked of the storage: what it is paid for."""

    requests: int = 0
    down: int = 0
    up: int = 0

    def __str__(self) -> str:
        """Return it for a person."""
        return f"{counted(self.requests, 'request')}, {readable(self.down)} down, {readable(self.up)} up"


def carried(function: Callable[[Options, Track], Report], options: Options, track: Track) -> Report:
    """Call a command whose `input` or `output` is on object storage.

    Raises FacekitError as the command, and for a storage that cannot be reached, read or written.
    """
    traffic = Traffic()
    found = {name: objects.url_of(getattr(options, name, None)) for name in ("input", "output")}
    source, target = (Mirror(url, getattr(options, name), traffic) if url else None for name, url in found.items())
    _refuse_overlap(found["input"], found["output"])
    try:
        if source is not None:
            source.pull(track, keep=False)
            if not source.kept:
                raise FacekitError(f"there is nothing below {source.url}; check the bucket and the key")
        if target is None:
            report = function(options, track)
        else:
            target.pull(track, keep=True)
            report = function(options, track)
            if not options.dry_run:
                target.push(track)
    except FacekitError as error:
        error.args = (objects.shown(str(error)),)
        raise
    report.folder = objects.shown(report.folder)
    report.details = {
        **{name: objects.shown(value) if isinstance(value, str) else value for name, value in report.details.items()},
        "object_storage": str(traffic),
    }
    return report


def _refuse_overlap(source: str | None, target: str | None) -> None:
    if source and target and (f"{source}/".startswith(f"{target}/") or f"{target}/".startswith(f"{source}/")):
        raise FacekitError(f"{target} and the input {source} overlap: one is inside the other; choose another output")


@dataclass
class Mirror:
    """A folder of the cache, and the place that it stands for."""

    url: str
    folder: Path
    traffic: Traffic
    kept: dict[str, Kept] = field(default_factory=dict)
    """Path below the folder -> the object that it came from, or was sent to."""

    def __post_init__(self) -> None:
        """Connect."""
        self.bucket, self.prefix = objects.parts_of(self.url)
        s3fs = plugins.need("s3fs", objects.SCHEME)
        # Its own cache of listings would show what was there before.
        self._storage = s3fs.S3FileSystem(
            skip_instance_cache=True,
            use_listings_cache=False,
            config_kwargs={"connect_timeout": 10, "read_timeout": 60, "retries": {"max_attempts": 4}},
        )

    def pull(self, track: Track, keep: bool) -> None:
        """Make the folder what is in the storage; with `keep`, what a command has not yet sent stays as it is.

        Raises FacekitError where both have changed since.
        """
        with self._held(), self._answering():
            there = dict(self._listed())
            wanted = [path for path, (etag, _) in there.items() if self._is_wanted(path, etag, keep)]
            for path in self.kept.keys() - there.keys():
                if not keep or self._is_as_kept(path):
                    (self.folder / path).unlink(missing_ok=True)
                    del self.kept[path]
            try:
                for path, size in self._each(wanted, lambda path: self._get(path, *there[path]), track, "download"):
                    self.traffic.down += size
                    self.kept[path] = self._now(path, there[path][0])
            finally:
                self._save()
        log.info("%s: %d of %d objects were brought", self.url, len(wanted), len(there))

    def push(self, track: Track) -> None:
        """Send what has changed. Raises FacekitError where somebody else has changed the same meanwhile."""
        with self._held(), self._answering():
            files = sorted(self._files(), key=lambda path: (_rank(path), path))
            changed = [path for path in files if not self._is_as_kept(path)]
            gone = sorted(self.kept.keys() - set(files))
            there = dict(self._listed()) if changed or gone else {}
            self._refuse_changed([*changed, *gone], there)
            for rank in range(max(_LAST.values()) + 1):
                batch = [path for path in changed if _rank(path) == rank]
                for _, size in self._each(batch, self._put, track, "upload"):
                    self.traffic.up += size
            self._delete([path for path in gone if path in there])
            for path in gone:
                del self.kept[path]
            if changed:
                now = dict(self._listed())
                for path in changed:
                    if path in now and now[path][1] == (self.folder / path).stat().st_size:
                        self.kept[path] = self._now(path, now[path][0])
            self._save()

    def _is_wanted(self, path: str, etag: str, keep: bool) -> bool:
        """Whether an object is to be brought."""
        kept, file = self.kept.get(path), self.folder / path
        if self._is_as_kept(path):
            return kept is None or kept.etag != etag
        if file.is_file() and _md5(file) == etag:  # a kill came before this was noted
            self.kept[path] = self._now(path, etag)
            return False
        if not keep or (kept is None and not file.exists()):
            return True
        if kept is None or kept.etag != etag:
            raise self._conflict(path)
        return False  # changed or deleted here, and not yet sent

    def _refuse_changed(self, paths: Iterable[str], there: dict[str, tuple[str, int]]) -> None:
        for path in paths:
            etag, kept = there.get(path, ("", 0))[0], self.kept.get(path)
            file = self.folder / path
            if etag and etag != (kept.etag if kept else "") and not (file.is_file() and _md5(file) == etag):
                raise self._conflict(path)

    def _conflict(self, path: str) -> FacekitError:
        return FacekitError(
            f"{self.url}/{path} was changed by somebody else since it was read here; choose another output, or clear "
            "what is not sent yet with `facekit cache --kind objects --clear`, then type the same command again"
        )

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Hold the folder in the cache, and know what is in it."""
        home = self.folder.parent
        with guarded(home):
            cache()
            home.parent.mkdir(mode=0o700, exist_ok=True)
            home.mkdir(mode=0o700, exist_ok=True)
        with locked(home):
            self.kept = {one.path: one for one in iterate_lines(self._index, Kept)}
            yield

    @property
    def _index(self) -> Path:
        return self.folder.parent / "objects.jsonl"

    def _save(self) -> None:
        replace_lines(self._index, map(dump_line, self.kept.values()))

    def _listed(self) -> Iterator[tuple[str, tuple[str, int]]]:
        """Yield the path of each object below the place, with its ETag and its bytes."""
        left, token = 0, None
        while True:
            more: dict[str, str] = {"ContinuationToken": token} if token else {}
            page = self._ask("list_objects_v2", Prefix=self.prefix, **more)
            for one in page.get("Contents", []):
                path = one["Key"][len(self.prefix) :]
                if _is_path(path):
                    yield path, (one["ETag"].strip('"'), one["Size"])
                elif not path.endswith("/") and not path.rpartition("/")[2].startswith("."):
                    left += 1
            token = page.get("NextContinuationToken")
            if token is None:
                break
        if left:
            log.warning("%s: left out: %s whose key is no path", self.url, counted(left, "object"))

    def _files(self) -> Iterator[str]:
        for place, folders, names in os.walk(self.folder):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in names:
                file = Path(place, name)
                if not name.startswith(".") and file.is_file() and not file.is_symlink():
                    yield file.relative_to(self.folder).as_posix()

    def _is_as_kept(self, path: str) -> bool:
        kept = self.kept.get(path)
        try:
            about = (self.folder / path).stat()
        except OSError:
            return False
        return kept is not None and (about.st_size, about.st_mtime_ns) == (kept.size, kept.written)

    def _now(self, path: str, etag: str) -> Kept:
        about = (self.folder / path).stat()
        return Kept(path, etag, about.st_size, about.st_mtime_ns)

    def _each(
        self, paths: list[str], work: Callable[[str], int], track: Track, title: str
    ) -> Iterator[tuple[str, int]]:
        with ThreadPoolExecutor(WORKERS) as pool:
            try:
                yield from track(zip(paths, pool.map(work, paths), strict=True), title, total=len(paths))
            finally:
                pool.shutdown(cancel_futures=True)

    def _get(self, path: str, etag: str, size: int) -> int:
        file = self.folder / path
        part = file.with_name(f".part-{file.name}")
        with guarded(file):
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._storage.get_file(f"{self.bucket}/{self.prefix}{path}", str(part))
            if part.stat().st_size != size:  # replaced since it was listed
                part.unlink()
                raise FacekitError(f"{self.url}/{path} was changed while it was read; type the same command again")
            part.replace(file)
        self.traffic.requests += 1
        return size

    def _put(self, path: str) -> int:
        file = self.folder / path
        self._storage.put_file(str(file), f"{self.bucket}/{self.prefix}{path}")
        self.traffic.requests += 1
        return file.stat().st_size

    def _delete(self, paths: list[str]) -> None:
        for begin in range(0, len(paths), _AT_ONCE):
            keys = [{"Key": self.prefix + path} for path in paths[begin : begin + _AT_ONCE]]
            failed = self._ask("delete_objects", Delete={"Objects": keys, "Quiet": True}).get("Errors")
            if failed:
                raise PermissionError(f"{failed[0].get('Key')}: {failed[0].get('Message')}")

    def _ask(self, method: str, **values: Any) -> Any:
        self.traffic.requests += 1
        return self._storage.call_s3(method, Bucket=self.bucket, **values)

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Turn what the storage and the way to it raise into one line."""
        errors = plugins.need("botocore.exceptions", objects.SCHEME)
        try:
            yield
        except FacekitError:
            raise
        except errors.NoCredentialsError:
            raise FacekitError(f"{self.url}: there are no credentials; {_WAYS}") from None
        except FileNotFoundError as error:
            raise FacekitError(f"{self.url}: there is no such bucket ({_reason(error)}); check its name") from None
        except PermissionError as error:
            raise FacekitError(f"{self.url}: access is denied ({_reason(error)}); {_WAYS}") from None
        except (errors.BotoCoreError, errors.ClientError, OSError) as error:
            raise FacekitError(
                f"{self.url} cannot be reached ({_reason(error)}); check the network, AWS_ENDPOINT_URL and "
                "AWS_DEFAULT_REGION, then type the same command again"
            ) from None


def _rank(path: str) -> int:
    return 0 if "/" in path else _LAST.get(path, 1)


def _is_path(path: str) -> bool:
    """Whether the rest of a key is a path that leads nowhere else, and is no hidden file."""
    parts = path.split("/")
    with suppress(UnicodeEncodeError):
        return all(
            part and not part.startswith(".") and "\0" not in part and "\\" not in part and len(part.encode()) < 240
            for part in parts
        )
    return False


def _md5(file: Path) -> str:
    """Return what the ETag of a file is that was sent in one piece, and not encrypted with a key of the user's."""
    with file.open("rb") as data:
        return hashlib.file_digest(data, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _reason(error: Exception) -> str:
    return visible(" ".join(str(error).split()))[:200] or type(error).__name__
