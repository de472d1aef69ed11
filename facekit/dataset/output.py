"""Write a folder of pictures so that a kill at any moment loses at most one picture's work.

A picture's bytes are in place before its line is, only one process writes a folder, and what a person
removed or moved by hand since the last run stays so. Files that a new plan no longer wants are named in
`dataset.json` before they are deleted: a file that is gone without that was removed by a person.
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from facekit import __version__
from facekit.base import files
from facekit.base.contract import FacekitError, Link, Record, Rejection, Report, Source, Track, quiet, replace
from facekit.base.parallel import Jobs
from facekit.base.text import counted
from facekit.dataset import folder
from facekit.dataset.changes import UP_TO_DATE, of_input
from facekit.dataset.folder import Earlier, Key, key
from facekit.dataset.info import INFO, DatasetInfo, read_info
from facekit.dataset.reasons import REMOVED, REPEATED, advice
from facekit.dataset.records import MANIFEST, REJECTED, SOURCES
from facekit.dataset.store import Store
from facekit.dataset.tree import Dataset, distinct, unreadable
from facekit.options.base import Options, describe, recorded
from facekit.options.fields import instead

log = logging.getLogger(__name__)


class Output:
    """The folder that a stage writes, as a context manager that holds the folder's lock.

    `records` are the pictures that are there already (moves by hand applied), `rejected` what earlier
    runs left out, pictures removed by hand among them.
    """

    def __init__(self, root: Path, stage: str, options: Options, source: Dataset | None = None) -> None:
        self.root, self.stage, self.options, self.source = root, stage, options, source
        self.records: dict[Key, Record] = {}
        self.rejected: list[Rejection] = []
        self.sources: dict[str, Source] = dict(source.sources) if source else {}
        self.links: list[Link] = list(source.links) if source else []
        """Why photos share a group, as far as it was seen on pixels: here, or in a folder before."""
        self.made = 0
        self.info = self._new_info()
        """What `dataset.json` is to say of the folder. A stage replaces it by what it has to add."""
        self.before: DatasetInfo | None = None
        """What it said when an earlier run had ended; None where there was none, or the stage starts over."""
        self._began = time.monotonic()
        self._moved = False
        self._noted: set[str] = set()  # the origins whose source is in `sources.jsonl` already
        self._store = Store(root)
        self._open = ExitStack()

    def __enter__(self) -> Self:
        """Refuse what cannot work, take the lock, and read what is there already."""
        folder.check_places(self.root, self.source.root if self.source else None)
        with ExitStack() as stack:
            if not self.options.dry_run:
                with files.guarded(self.root):
                    self.root.mkdir(parents=True, exist_ok=True)
                stack.enter_context(files.locked(self.root))
                stack.enter_context(self._store)
                self._load()
            elif self.root.exists() and not self.options.overwrite:
                self._load()
            self._open = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the lock back."""
        self._open.close()

    @property
    def complete(self) -> bool:
        """Whether the last run on this folder came to its end."""
        return self.before is not None and self.before.complete

    @property
    def fresh(self) -> bool:
        """Whether the folder holds nothing of an earlier run."""
        return self.before is None

    @property
    def unchanged(self) -> bool:
        """Whether the folder is complete, from this very input, and no hand has touched it since."""
        same = self.before is not None and self.before.input == self.info.input
        return self.complete and same and not self._moved

    @property
    def removed(self) -> list[Rejection]:
        """The pictures that a person deleted here."""
        return [r for r in self.rejected if r.reason == REMOVED]

    def usable(self, track: Track = quiet, check: bool = True, jobs: Jobs = 0) -> tuple[list[Record], list[Rejection]]:
        """Return the source's records that the stage may use, and a rejection for each other.

        A picture that was deleted here is left out, one that was moved here has its new label, a second picture of
        the same bytes under a name is left out, and so is one that cannot be decoded, unless the stage checks that
        itself (`check=False`).
        """
        assert self.source is not None
        once, repeats = distinct(self.source.records)
        gone = {(r.label, r.id) for r in self.removed}
        left = [Rejection.of(self.stage, r, REPEATED, first.path) for r, first in repeats]
        if check:
            bad = unreadable(self.source, track, jobs)
            why = [(r, bad[r.label, r.id]) for r in once if (r.label, r.id) in bad]
            left += [Rejection.of(self.stage, r, error.reason, error.value) for r, error in why]
            once = [r for r in once if (r.label, r.id) not in bad]
        here = {(r.label, r.id) for r in once} | {(r.label, r.parent) for r in self.records.values()}
        left += [r for r in self.removed if (r.label, r.id) in here or (r.label, r.parent) in here]
        return [self._as_moved(r) for r in once if (r.label, r.id) not in gone], left

    def named(self, record: Record) -> Record:
        """Return a record of the source with the path that its picture has here, if the stage copies it."""
        assert self.source is not None
        return self.source.named_by_id(record)

    def note(self, info: DatasetInfo) -> None:
        """Set `info`, and write what is new in it at once, unless the folder is as it should be already."""
        known, self.info = self.info, info
        if info != known and not self.unchanged:
            self.save_info()

    def save_info(self) -> None:
        """Write `info` at once: what a run that is killed must not forget."""
        if not self.options.dry_run:
            self._write_info()

    def write(self, record: Record, data: bytes, source: Source | None = None) -> Record:
        """Put one picture in place, then its line; return the record with its bytes' hash."""
        record = replace(record, sha256=hashlib.sha256(data).hexdigest())
        if source is not None:
            self.sources[source.origin] = source
        if not self.options.dry_run:
            self._store.write(record.path, data)
        return self._written(record)

    def link(self, record: Record, file: Path) -> bool:
        """Put one picture in place as a hard link to a file, whose hash the record has; whether the disks allow it."""
        if not self.options.dry_run and not self._store.link(record.path, file):
            return False
        self._written(record)
        return True

    def _written(self, record: Record) -> Record:
        self.made += 1
        if not self.options.dry_run:
            self._note_source(record.origin)
            files.append_line(self.root / MANIFEST, record.to_json())
        self.records[key(record)] = record
        return record

    def _note_source(self, origin: str) -> None:
        """Write once where a photo came from, as soon as something is made of it: a kill then does not lose it."""
        if origin in self.sources and origin not in self._noted:
            files.append_line(self.root / SOURCES, self.sources[origin].to_json())
            self._noted.add(origin)

    def reject(self, rejection: Rejection) -> None:
        """Note one picture that is left out."""
        self.rejected.append(rejection)
        if not self.options.dry_run:
            files.append_line(self.root / REJECTED, rejection.to_json())

    def write_missing(
        self, planned: Iterable[Record], make: Callable[[list[Record]], Iterator[tuple[Record, bytes]]]
    ) -> list[Record]:
        """Write the planned pictures that are not there yet; return all of them, in order.

        `make` yields each record that it gets with the bytes of its picture, in order.
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
        # The hash is that of the bytes that are there, everything else is as planned.
        return [replace(record, sha256=self.records[key(record)].sha256) for record in planned]

    def finish(self, records: list[Record], rejections: Iterable[Rejection]) -> Report:
        """Make the folder hold exactly these records, in this order; mark it complete; return what was done.

        Raises FacekitError when nothing is left, after saying so in `rejected.jsonl`.
        """
        rejections = list(rejections)
        records = folder.with_labels(records, self.records, self.info.labelled)
        report = self.report(records, rejections)
        if not self.options.dry_run:
            planned = {record.path for record in records}
            stale = {r.path: r.sha256 for r in self.records.values() if r.path not in planned}
            stale = dict(sorted(stale.items()))
            self._write_info(stale=stale)
            self._delete(stale)  # before the lines, which say that the files are facekit's
            folder.write_lines(self.root, records, rejections, self.sources, self.links)
            self._write_info(complete=True)
        if not records:
            raise FacekitError(f"{self.root}: nothing is left; {advice(report.left)}")
        return report

    def report(self, records: Iterable[Record] | None = None, rejections: Iterable[Rejection] | None = None) -> Report:
        """Return what the folder holds and what was left out, by reason."""
        kept = self.records.values() if records is None else records
        left = Counter(r.reason for r in (self.rejected if rejections is None else rejections))
        seconds = round(time.monotonic() - self._began, 2)
        return Report(self.stage, str(self.root), self.made, len(list(kept)), left, seconds)

    def _as_moved(self, record: Record) -> Record:
        there = self.records.get((record.label, record.id))
        if there is None or there.moved_from is None:
            return record
        return replace(record, label=there.label, name=there.name, moved_from=there.moved_from)

    def _move(self, record: Record) -> None:
        """Take a picture that is there to where the plan has it, as a hand would: a kill then loses nothing."""
        there = self.records[key(record)]
        # Something may be there already: the same picture under another name, which is on its way here.
        if not os.path.lexists(self.root / record.path):
            self._store.move(there.path, record.path)
            self.records[key(record)] = replace(there, path=record.path)

    def _delete(self, stale: Mapping[str, str]) -> None:
        stay = self._store.delete(stale)
        if stay:
            what = counted(len(stay), "picture changed by hand stays", "pictures changed by hand stay")
            log.warning("%s: %s, though no longer part of the result (the first: %s)", self.root, what, stay[0])

    def _new_info(self) -> DatasetInfo:
        info = DatasetInfo(stage=self.stage, options=recorded(self.options), facekit=__version__, complete=False)
        if self.source is None:
            return info
        return replace(
            info.inherit(self.source.info),
            input=self.source.digest(),
            made_from=os.path.relpath((self.source.found_at or self.source.root).resolve(), self.root.resolve()),
            cleaned_with=self.source.info.recognised_by,
        )

    def _load(self) -> None:
        folder.check_files(self.root)
        self.before = read_info(self.root)
        if self.before is not None and not self.options.dry_run:
            folder.finish_deleting(self._store, self.before)
        if self._begins_anew() or self.before is None:
            self.save_info()
            return
        applied, labelled = self.info.applied or self.before.applied, self.before.labelled
        self.info = replace(self.info.inherit(self.before), applied=applied, labelled=labelled)
        if not self.options.dry_run:
            folder.repair(self._store, self.complete)
        self._take(folder.read_earlier(self.root, self.stage))
        if not self.unchanged:
            self._say_what_is_there()
            self.save_info()

    def _say_what_is_there(self) -> None:
        """Say what an earlier run left that did not come to its end, and how the input differs from that of it."""
        if not self.complete:
            there = counted(len(self.records), "picture of it is", "pictures of it are")
            log.info("%s: an earlier run did not come to its end; %s there, the rest is done now", self.root, there)
        if self.source is None or self.before is None or self.before.input == self.info.input:
            return
        found = of_input(self.source.records, self.records.values(), self.rejected, self.stage)
        if self.complete:
            log.info(UP_TO_DATE, self.source.root, self.root, found or "its pictures, groups or parts")
        elif found.gone:  # what is new may not have been looked at yet
            what = counted(found.gone, "picture that it read is", "pictures that it read are")
            log.info("%s: %s gone; what was made of them is removed", self.source.root, what)

    def _take(self, earlier: Earlier) -> None:
        self.records, self.rejected, self._moved = earlier.records, earlier.rejected, earlier.moved
        self.sources = {**earlier.sources, **self.sources}
        self._noted = set(earlier.sources)
        self.links += earlier.links

    def _begins_anew(self) -> bool:
        """Clear the folder if that is asked for; refuse one that something else made, or this stage otherwise."""
        other = self._other(self.before) if self.before else None
        write = not self.options.dry_run
        if folder.is_blank(self.root) and (other or not self.before or self.options.overwrite):
            if write:
                folder.reset(self.root)
            self.before = None
        elif self.options.overwrite and write:
            folder.clear(self._store, self.before)
            self.before = None
        else:
            files.check_ours(self.root, self.stage, is_ours=self.before is not None and self.before.stage is not None)
            if other:
                raise FacekitError(f"{self.root} was made {other}; choose another folder, or use --overwrite")
        return self.before is None

    def _other(self, before: DatasetInfo) -> str | None:
        """Return how the folder was made, where that is not how it is to be made now."""
        if before.stage != self.stage:
            return f"by {before.stage}"
        # An option that an earlier version did not have is at its default in what that made.
        usual = {option.name: option.default for option in describe(type(self.options))}
        then, now = {**usual, **before.options}, self.info.options
        changed = next((name for name in now if then.get(name) != now[name]), None)
        return changed and instead(changed, then.get(changed), now[changed])

    def _write_info(self, complete: bool = False, stale: Mapping[str, str] | None = None) -> None:
        info = replace(self.info, complete=complete, stale=stale or {})
        files.replace_file(self.root / INFO, info.to_bytes())
