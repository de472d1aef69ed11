"""Apply a decision immediately, by changing the files, which every facekit command treats as the truth.

A face that is rejected loses its file, one that is moved changes its folder, one that is kept after all gets its
file and its line from the folder that this one was made from. So the folder is complete after each step, for any
command, and the decision's line, which was written first, tells the next `clean` the rest.
"""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from facekit.base import files as lines
from facekit.base.contract import Decision, FacekitError, Record, replace
from facekit.commands.review.cards import Card
from facekit.dataset import MANIFEST, SOURCES, key
from facekit.dataset.ancestry import Ancestry
from facekit.dataset.folder import Key
from facekit.dataset.reasons import REVIEWED
from facekit.dataset.records import read_records
from facekit.dataset.store import Store
from facekit.dataset.tree import photo_path, suffix_of


class Task(NamedTuple):
    """A picture, and the decisions about it before and after a step; None is no decision."""

    card: Card
    before: Decision | None
    after: Decision | None


class FolderWriter:
    """Makes a folder's files follow the decisions about them."""

    def __init__(self, root: Path, ancestry: Ancestry, names: Mapping[str, str]) -> None:
        """`names` holds the name as it was asked for, by label."""
        self.root, self.ancestry, self.names = root, ancestry, names

    def follow(self, tasks: Iterable[Task]) -> None:
        """Carry out changes of decisions.

        Raises FacekitError, after doing the others, for the first that could not be carried out.
        """
        refused = None
        with lines.locked(self.root):
            dropped = set()
            for task in tasks:
                try:
                    self._follow(task)
                except FacekitError as error:
                    refused = refused or error
                card = task.card
                # A line whose file is gone says that a hand removed it: here none has.
                if card.here is None and card.left is not None and card.record is not None:
                    dropped.add(key(card.record))
                    card.record = None
            if dropped:
                self._drop_lines(dropped)
        if refused:
            raise refused

    def _follow(self, task: Task) -> None:
        card = task.card
        card.here = self._find(card)
        label = _label(task)
        if label is None:
            self._remove(card)
        elif card.here is None:
            self._add(card, label)
        elif card.here.partition("/")[0] != label:
            self._move(card, label)

    def _find(self, card: Card) -> str | None:
        """Return where the file is, also where a hand has moved it since it was read."""
        if card.here is None or (self.root / card.here).exists():
            return card.here
        name = Path(card.here).name
        folders = sorted(file.parent.name for file in self.root.glob(f"*/{glob.escape(name)}"))
        return f"{folders[0]}/{name}" if folders else None

    def _remove(self, card: Card) -> None:
        if card.here is None:
            return
        data = self._bytes(card)
        if data is None:
            raise FacekitError(f"{card.here} stays where it is: the folder it was made from no longer has it")
        with Store(self.root) as store:
            if store.delete({card.here: hashlib.sha256(data).hexdigest()}):
                raise FacekitError(f"{card.here} stays where it is: it was changed by hand; delete it yourself")
        card.here = None

    def _add(self, card: Card, label: str) -> None:
        data = self._bytes(card)
        record = card.record or self._new_record(card)
        if data is None or record is None:
            raise FacekitError(f"{card.about.path} cannot be kept: the folder it was made from does not have it")
        path = _path_for(label, record, data, known=card.record is not None)
        with Store(self.root) as store:
            store.write(path, data)
        if card.record is None:
            was = None if label == card.key.label else card.key.label
            # Its group is drawn when the split is drawn: it may share a photo with any that is here.
            name, digest = self.names.get(label, label), hashlib.sha256(data).hexdigest()
            record = replace(record, path=path, label=label, name=name, sha256=digest, moved_from=was, group=None)
            self._add_lines(record)
            card.record = record
        card.here = path

    def _move(self, card: Card, label: str) -> None:
        here = card.here or ""
        path = f"{label}/{Path(here).name}"
        if os.path.lexists(self.root / path):
            raise FacekitError(f"{label} already has {Path(here).name}; reject one of the two")
        with Store(self.root) as store:
            store.move(here, path)
        card.here = path

    def _bytes(self, card: Card) -> bytes | None:
        """Return the picture as the source has it; None where it is gone or has changed."""
        about = card.about
        data = self.ancestry.bytes_of(card.key.label, about.id, about.path if card.record is None else "")
        same = data is None or card.record is None or hashlib.sha256(data).hexdigest() == card.record.sha256
        return data if same else None

    def _new_record(self, card: Card) -> Record | None:
        source = self.ancestry.source
        return source.record_of(card.left) if source and card.left else None

    def _add_lines(self, record: Record) -> None:
        source = self.ancestry.source_of(record.origin)
        if source is not None and record.origin not in self.ancestry.own.sources:
            lines.append_line(self.root / SOURCES, source.to_json())
            self.ancestry.own.sources[record.origin] = source
        lines.append_line(self.root / MANIFEST, record.to_json())

    def _drop_lines(self, gone: Collection[Key]) -> None:
        known = read_records(self.root / MANIFEST)
        lines.replace_lines(self.root / MANIFEST, (record.to_json() for record in known if key(record) not in gone))


def _label(task: Task) -> str | None:
    """Return the folder that the picture belongs into; None for none."""
    card, before, after = task
    if after is not None and after.decision == "reject":
        return None
    if after is None and card.left is not None and card.left.reason != REVIEWED:
        return None
    if after is not None and after.to is not None:
        return after.to
    if before is not None and before.to is not None:
        return card.key.label
    return card.here.partition("/")[0] if card.here else card.label


def _path_for(label: str, record: Record, data: bytes, known: bool) -> str:
    """Return where a picture goes: to the name that it had here, else to the one that facekit gives it.

    Its suffix is one of a picture, whatever a line calls its file.
    """
    suffix = suffix_of(record.path, lambda: data)
    if known and record.path.lower().endswith(suffix):
        return f"{label}/{Path(record.path).name}"
    return photo_path(label, record.id, suffix)
