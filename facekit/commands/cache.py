"""Cache: show what facekit has cached, by kind, and clear it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from facekit.base import figures, scratch, weights
from facekit.base.contract import Report, Track, quiet
from facekit.base.files import delete
from facekit.identity.embedders import cache as embeddings
from facekit.identity.gallery import place
from facekit.options.cache import Cache, Kind

STAGE = "cache"

_DAY = 86_400

_ABOUT: dict[Kind, str] = {
    "embeddings": "face embeddings (biometric data)",
    "galleries": "face embeddings of galleries in databases (biometric data)",
    "weights": "networks, ready to run",
    "unpacked": "unpacked archives left by a crash",
    "objects": "copies of what is on object storage (pictures)",
}


@dataclass(frozen=True)
class Entry:
    """One kind of what is kept."""

    kind: Kind
    items: int
    """Embeddings, files or folders."""
    bytes: int
    oldest: float | None
    """Seconds since the one was used that was not used for the longest time; of embeddings since that day began."""
    folder: str


def cache(options: Cache, track: Track = quiet) -> Report:
    """Return what the cache holds, or clear it. Raises FacekitError for a cache that may not be read or changed."""
    root = weights.where()
    kinds = [options.kind] if options.kind else list(_ABOUT)
    if not options.clear or options.dry_run:
        held = [_entry(kind, root) for kind in kinds]
        hint = ["nothing is deleted in a dry run"] if options.clear else _hint(held)
        return _report(root, held, [*_table(held), *hint])
    before = sum(_bytes(kind, root) for kind in kinds)
    age = None if options.older_than is None else figures.seconds_of(options.older_than)
    for kind in kinds:
        _clear(kind, root, age)
    after = [_entry(kind, root) for kind in kinds]
    freed = before - sum(entry.bytes for entry in after)
    report = _report(root, after, [*_table(after), f"{figures.size(freed)} deleted"])
    report.details["freed"] = freed
    return report


def _report(root: Path, entries: list[Entry], lines: list[str]) -> Report:
    report = Report(STAGE, str(root), kept=sum(entry.items for entry in entries))
    report.details["kinds"] = [asdict(entry) for entry in entries]
    report.details["bytes"] = sum(entry.bytes for entry in entries)
    report.details["lines"] = lines
    return report


def _table(entries: list[Entry]) -> list[str]:
    rows = [("kind", "items", "size", "unused for", "what it is")]
    for entry in entries:
        oldest = "-" if entry.oldest is None else _unused(entry.kind, entry.oldest)
        rows.append((entry.kind, f"{entry.items:,}", figures.size(entry.bytes), oldest, _ABOUT[entry.kind]))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [entries[0].folder, *("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)]


def _unused(kind: Kind, seconds: float) -> str:
    """Return how long nothing was used at most; of an embedding the day of its use is known, not the hour."""
    if kind == "embeddings" and seconds < _DAY:
        return "under a day"
    return f"up to {figures.age(seconds)}"


def _hint(entries: list[Entry]) -> list[str]:
    return ["delete it with `facekit cache --clear`"] if any(entry.items for entry in entries) else []


def _entry(kind: Kind, root: Path) -> Entry:
    if kind == "embeddings":
        held = embeddings.summary(root)
        return Entry(kind, held.embeddings, _bytes(kind, root), held.oldest, str(root))
    found = list(_things(kind, root))
    oldest = max((time.time() - _used(path) for path in found), default=None)
    return Entry(kind, len(found), _bytes(kind, root), oldest, str(root))


def _bytes(kind: Kind, root: Path) -> int:
    return embeddings.size(root) if kind == "embeddings" else sum(map(_size, _things(kind, root)))


def _things(kind: Kind, root: Path) -> Iterator[Path]:
    """Yield the files of weights, or the folders of galleries or archives: nothing that facekit did not put there."""
    if kind == "weights":
        folder = root / weights.FOLDER
        yield from (path for path in sorted(folder.glob("*")) if path.is_file() and not path.is_symlink())
    elif kind == "galleries":
        yield from filter(place.is_cached, sorted((root / weights.GALLERIES).glob("*")))
    elif kind == "objects":
        yield from filter(scratch.is_mine, sorted((root / weights.OBJECTS).glob("*")))
    else:
        yield from filter(scratch.is_mine, sorted((root / scratch.UNPACKED).glob(f"{scratch.PREFIX}*")))


def _clear(kind: Kind, root: Path, age: int | None) -> None:
    if kind == "embeddings":
        embeddings.clear(root, age)
        return
    for path in _things(kind, root):
        if age is None or time.time() - _used(path) > age:
            _delete(kind, path)


def _delete(kind: Kind, path: Path) -> None:
    if kind == "galleries":
        place.forget(path)
    elif path.is_dir():
        scratch.discard(path)
    else:
        delete(path)


def _used(path: Path) -> float:
    """Return when a file or a folder was used last: of the index of a gallery, when its files were."""
    files = [*path.glob("index/*"), *path.glob("graph.*")] or [path]  # looking into a folder is a use of it
    return max(max(about.st_mtime, about.st_atime) for about in (file.stat() for file in files))


def _size(path: Path) -> int:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.lstat().st_size for file in files)
