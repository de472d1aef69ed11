"""Writing a folder of pictures so that a kill at any moment costs one picture's work.

A picture's bytes are in place before its line is, only one process writes a folder, and what a person
removed or moved by hand since the last run stays so. Files that a new plan no longer wants are named in
`dataset.json` before they are deleted: a file that is gone without that was removed by a person.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from facekit import __version__
from facekit.base import files as lines
from facekit.base.contract import FacekitError, Record, Rejection, Report, Source, Track, quiet, replace
from facekit.dataset import folder
from facekit.dataset.tree import (
    INFO,
    MANIFEST,
    REJECTED,
    SOURCES,
    Dataset,
    distinct,
    info_bytes,
    place,
    read_info,
    scan,
    unreadable,
)
from facekit.options.base import Options, settled

REMOVED = "removed by hand"
"""The reason of a picture that a person deleted from a stage's folder; it is not made again."""

REPEATED = "same bytes as another"
"""The reason of a picture that a plain tree holds twice under one name."""

_CARRIED = ("protocol", "crop", "drawn")

_LASTING = ("applied",)
"""What `dataset.json` keeps of the run before, whatever this one comes to."""

Key = tuple[str, str]


class Output:
    """The folder that a stage writes, as a context manager that holds the folder's lock.

    `records` are the pictures that stand there already (moves by hand applied), `rejected` what earlier
    runs left out, pictures removed by hand among them.
    """

    def __init__(self, root: Path, stage: str, options: Options, source: Dataset | None = None) -> None:
        self.root, self.stage, self.options, self.source = root, stage, options, source
        self.records: dict[Key, Record] = {}
        self.rejected: list[Rejection] = []
        self.sources: dict[str, Source] = dict(source.sources) if source else {}
        self.made = 0
        self._began = time.monotonic()
        self._lock: int | None = None
        self._moved = False
        self._info = self._new_info()
        self._was: dict[str, Any] = {}

    def __enter__(self) -> Self:
        """Refuse what cannot work, take the lock, and read what is there already."""
        folder.check_places(self.root, self.source.root if self.source else None)
        if self.options.dry_run:
            if self.root.exists() and not self.options.overwrite:
                self._load()
            return self
        with lines.guarded(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
        self._lock = folder.lock(self.root)
        try:
            self._load()
        except BaseException:
            os.close(self._lock)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Give the lock back."""
        if self._lock is not None:
            os.close(self._lock)

    @property
    def complete(self) -> bool:
        """Whether the last run on this folder came to its end."""
        return bool(self._was.get("complete"))

    @property
    def fresh(self) -> bool:
        """Whether the folder holds nothing of an earlier run."""
        return not self._was

    @property
    def unchanged(self) -> bool:
        """Whether the folder is complete, from this very input, and no hand has touched it since."""
        return self.complete and self._was.get("input") == self._info["input"] and not self._moved

    @property
    def removed(self) -> list[Rejection]:
        """The pictures that a person deleted here."""
        return [r for r in self.rejected if r.reason == REMOVED]

    def placed(self, track: Track = quiet, check: bool = True) -> tuple[list[Record], list[Rejection]]:
        """Return the source's records as a person has since placed them here, and what to say of the rest.

        A picture that was deleted here is left out, one that was moved here goes to its new label, a second
        picture of the same bytes under a name is left out, and so is one that cannot be decoded, unless the
        stage says that it does that check itself.
        """
        assert self.source is not None
        once, again = distinct(self.source.records)
        gone = {(r.label, r.id) for r in self.removed}
        left = [Rejection.of(self.stage, r, REPEATED, first.path) for r, first in again]
        if check:
            bad = unreadable(self.source, track)
            found = [(r, bad[r.label, r.id]) for r in once if (r.label, r.id) in bad]
            left += [Rejection.of(self.stage, r, why.reason, why.value) for r, why in found]
            once = [r for r in once if (r.label, r.id) not in bad]
        here = {(r.label, r.id) for r in once} | {(r.label, r.parent) for r in self.records.values()}
        left += [r for r in self.removed if (r.label, r.id) in here or (r.label, r.parent) in here]
        return [self._as_moved(r) for r in once if (r.label, r.id) not in gone], left

    def _as_moved(self, record: Record) -> Record:
        there = self.records.get((record.label, record.id))
        if there is None or there.moved_from is None:
            return record
        return replace(record, label=there.label, name=there.name, moved_from=there.moved_from)

    def fact(self, name: str) -> Any:
        """Return what the run before noted in `dataset.json`; None where it did not."""
        return self._was.get(name)

    def note(self, **facts: Any) -> None:
        """Add facts to `dataset.json` at once: what a run that is killed must not forget."""
        self.carry(**facts)
        if not self.options.dry_run:
            self._write_info()

    def carry(self, **facts: Any) -> None:
        """Add facts to `dataset.json` that later stages inherit: `protocol`, `crop`."""
        self._info.update(facts)

    def write(self, record: Record, data: bytes, source: Source | None = None) -> Record:
        """Put one picture in place, then its line; return the record with its bytes' hash."""
        record = replace(record, sha256=hashlib.sha256(data).hexdigest())
        self.made += 1
        if not self.options.dry_run:
            path = self.root / record.path
            with lines.guarded(path):
                path.parent.mkdir(exist_ok=True)
            lines.replace_file(path, data)
            if source is not None:
                lines.append_line(self.root / SOURCES, source.to_json())
            lines.append_line(self.root / MANIFEST, record.to_json())
        if source is not None:
            self.sources[source.origin] = source
        self.records[key(record)] = record
        return record

    def reject(self, rejection: Rejection) -> None:
        """Note one picture that is left out."""
        self.rejected.append(rejection)
        if not self.options.dry_run:
            lines.append_line(self.root / REJECTED, rejection.to_json())

    def settle(
        self, planned: Iterable[Record], make: Callable[[list[Record]], Iterator[tuple[Record, bytes]]]
    ) -> list[Record]:
        """Write the planned pictures that are not there yet; return all of them, in order.

        `make` yields each record it is given with the bytes of its picture, in order.
        """
        planned = list(planned)
        missing = [record for record in planned if key(record) not in self.records]
        if self.options.dry_run:
            self.made += len(missing)
            return planned
        for record in planned:
            if key(record) in self.records:
                self._move(record)
        for record, data in make(missing):
            self.write(record, data)
        return [self._agree(record) for record in planned]

    def finish(self, records: list[Record], rejections: Iterable[Rejection]) -> Report:
        """Make the folder hold exactly these records, in this order; mark it complete; say what was done.

        Raises FacekitError when nothing is left, after saying so in `rejected.jsonl`.
        """
        rejections = list(rejections)
        report = self.report(records, rejections)
        if not self.options.dry_run:
            wanted = {record.path for record in records}
            stale = sorted({r.path for r in self.records.values()} - wanted)
            self._write_info(stale=stale)
            self._write_lines(records, rejections)
            folder.delete(self.root, stale)
            self._write_info(complete=True)
        if not records:
            raise FacekitError(f"{self.root}: nothing is left; {_mend(report.left)}")
        return report

    def report(self, records: Iterable[Record] | None = None, rejections: Iterable[Rejection] | None = None) -> Report:
        """Return what the folder holds and what was left out, by reason."""
        kept = self.records.values() if records is None else records
        left = Counter(r.reason for r in (self.rejected if rejections is None else rejections))
        seconds = round(time.monotonic() - self._began, 2)
        return Report(self.stage, str(self.root), self.made, len(list(kept)), left, seconds)

    def _move(self, record: Record) -> None:
        """Take a picture that is there to where the plan has it, as a hand would: a kill then loses nothing."""
        there = self.records[key(record)]
        old, new = self.root / there.path, self.root / record.path
        if new.exists():  # also where it is the same picture under another name, which may be on its way here
            return
        with lines.guarded(new):
            new.parent.mkdir(exist_ok=True)
            old.replace(new)
        with suppress(OSError):  # a folder that still holds something stays
            old.parent.rmdir()
        self.records[key(record)] = replace(there, path=record.path)

    def _agree(self, record: Record) -> Record:
        """Take the bytes' hash of a picture that is there, and everything else from the plan."""
        return replace(record, sha256=self.records[key(record)].sha256)

    def _new_info(self) -> dict[str, Any]:
        inherited = (
            {name: self.source.info[name] for name in _CARRIED if name in self.source.info} if self.source else {}
        )
        return {
            "stage": self.stage,
            "options": settled(self.options),
            "input": self.source.digest() if self.source else None,
            **({"made_from": _way(self.root, self.source.root)} if self.source else {}),
            "facekit": __version__,
            "complete": False,
            **inherited,
        }

    def _load(self) -> None:
        self._was = read_info(self.root)
        if not self.options.dry_run:
            folder.finish_deleting(self.root, self._was)
        if self._begins_anew():
            if not self.options.dry_run:
                self._write_info()
            return
        self._info |= {
            name: self._was[name] for name in (*_CARRIED, *_LASTING) if name in self._was and name not in self._info
        }
        if not self.options.dry_run:
            for name in (MANIFEST, SOURCES, REJECTED):
                lines.drop_torn_line(self.root / name)
            if not self.complete:
                folder.sweep(self.root)
        self._read_back()
        if not self.unchanged and not self.options.dry_run:
            self._write_info()

    def _read_back(self) -> None:
        """Read what earlier runs made here, as a person has since left it."""
        known = lines.read_lines(self.root / MANIFEST, Record)
        kept, gone = place(known, scan(self.root))
        before = {record.path for record in known}
        self._moved = bool(gone) or any(record.path not in before for record in kept)
        self.records = {key(record): record for record in kept}
        self.rejected = lines.read_lines(self.root / REJECTED, Rejection)
        # What was removed and stands there again has been put back.
        self.rejected = [r for r in self.rejected if r.reason != REMOVED or (r.label, r.id) not in self.records]
        said = {(r.label, r.id) for r in self.removed}  # a kill can fall between the two files that say so
        self.rejected += [_removed(self.stage, record) for record in gone if key(record) not in said]
        for source in lines.read_lines(self.root / SOURCES, Source):
            self.sources.setdefault(source.origin, source)

    def _begins_anew(self) -> bool:
        """Make room if that is asked for; refuse a folder that something else made, or this stage otherwise."""
        other = self._other() if self._was else None
        write = not self.options.dry_run
        if folder.made_nothing(self.root) and (other or not self._was or self.options.overwrite):
            if write:
                folder.forget(self.root)
            self._was = {}
        elif self.options.overwrite and write:
            folder.clear(self.root, self._was)
            self._was = {}
        elif not self._was:
            raise FacekitError(f"{self.root} is not empty and no {self.stage} made it; choose another folder")
        elif other:
            raise FacekitError(f"{self.root} was made {other}; choose another folder, or --overwrite it")
        return not self._was

    def _other(self) -> str | None:
        """Return how the folder was made, where that is not how it is to be made now."""
        if self._was.get("stage") != self.stage:
            return f"by {self._was.get('stage')}"
        then, now = self._was.get("options", {}), self._info["options"]
        changed = next((name for name in now if then.get(name) != now[name]), None)
        return changed and f"with {changed} = {then.get(changed)!r}, not {now[changed]!r}"

    def _write_info(self, complete: bool = False, stale: Iterable[str] = ()) -> None:
        info = {**self._info, "complete": complete}
        if stale:
            info["stale"] = list(stale)
        lines.replace_file(self.root / INFO, info_bytes(info))

    def _write_lines(self, records: list[Record], rejections: list[Rejection]) -> None:
        origins = dict.fromkeys(record.origin for record in records)
        known = [self.sources[origin] for origin in origins if origin in self.sources]
        lines.replace_lines(self.root / SOURCES, (source.to_json() for source in known))
        lines.replace_lines(self.root / REJECTED, (r.to_json() for r in rejections))
        lines.replace_lines(self.root / MANIFEST, (record.to_json() for record in records))


def key(record: Record) -> Key:
    """Return what a stage knows its picture by, wherever a person has moved it: label as made, and id."""
    return record.moved_from or record.label, record.id


def _way(root: Path, source: Path) -> str:
    """Return the way from one folder to another, which holds as long as both are moved together."""
    return os.path.relpath(source.resolve(), root.resolve())


def _removed(stage: str, record: Record) -> Rejection:
    return replace(Rejection.of(stage, record, REMOVED), parent=record.parent)


def _mend(left: Counter[str]) -> str:
    if not left:
        return "the input holds no pictures that this stage can use"
    reasons = ", ".join(f"{count} {reason}" for reason, count in left.most_common(3))
    return f"left out: {reasons}; give other pictures or loosen the limit that left them out"
