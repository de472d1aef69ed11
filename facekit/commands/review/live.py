"""Carrying a decision out at once, by what every facekit takes for the truth: the files.

A face that is rejected loses its file, one that is moved changes its folder, one that is kept all the same
gets its file and its line from the folder that this one was made from. So the folder is whole after each
step, for any command, and the decision's line, which was written first, says the rest to the next `clean`.
"""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from facekit.base import files as lines
from facekit.base.contract import Decision, FacekitError, Record, replace
from facekit.commands.review.cards import REVIEWED, Card
from facekit.commands.review.origins import Origins, inside
from facekit.dataset import MANIFEST, REJECTED, SOURCES, key, lock, named_by_id
from facekit.dataset.output import Key


class Live:
    """Makes a folder's files follow the decisions about them."""

    def __init__(self, root: Path, origins: Origins, names: Mapping[str, str]) -> None:
        """`names` holds the name as it was asked for, by label."""
        self.root, self.origins, self.names = root, origins, names

    def follow(self, wanted: Iterable[tuple[Card, Decision | None, Decision | None]]) -> None:
        """Carry out changes of decisions: each card with what stood before and stands now.

        Raises FacekitError, after doing the others, for what could not be done.
        """
        refused = None
        with _locked(self.root):
            dropped = set()
            for card, before, now in wanted:
                try:
                    self._follow(card, before, now)
                except FacekitError as error:
                    refused = refused or error
                # A line whose file is gone says that a hand removed it: here none has.
                if card.here is None and card.left is not None and card.record is not None:
                    dropped.add(key(card.record))
                    card.record = None
            if dropped:
                self._drop_lines(dropped)
        if refused:
            raise refused

    def _follow(self, card: Card, before: Decision | None, now: Decision | None) -> None:
        card.here = self._where(card)
        label = self._label(card, before, now)
        if label is None:
            self._take_away(card)
        elif card.here is None:
            self._put(card, label)
        elif card.here.partition("/")[0] != label:
            self._move(card, label)

    def _label(self, card: Card, before: Decision | None, now: Decision | None) -> str | None:
        """Return the folder that the picture belongs into; None for none."""
        if now is not None and now.decision == "reject":
            return None
        if now is None and card.left is not None and card.left.reason != REVIEWED:
            return None
        if now is not None and now.to is not None:
            return now.to
        if before is not None and before.to is not None:
            return card.key.label
        return card.here.partition("/")[0] if card.here else card.label

    def _where(self, card: Card) -> str | None:
        """Return where the file is, also where a hand has moved it since it was read."""
        if card.here is None or (self.root / card.here).exists():
            return card.here
        name = Path(card.here).name
        found = sorted(file.parent.name for file in self.root.glob(f"*/{glob.escape(name)}"))
        return f"{found[0]}/{name}" if found else None

    def _take_away(self, card: Card) -> None:
        if card.here is None:
            return
        if self._bytes(card) is None:
            raise FacekitError(f"{card.here} stays where it is: the folder it was made from does not hold it any more")
        file = self.root / card.here
        with lines.guarded(file):
            file.unlink(missing_ok=True)
        _remove_if_empty(file.parent)
        card.here = None

    def _put(self, card: Card, label: str) -> None:
        data = self._bytes(card)
        record = card.record or self._new_record(card)
        if data is None or record is None:
            raise FacekitError(f"{card.about.path} cannot be kept: the folder it was made from does not hold it")
        path = self._place(label, Path(record.path).name if card.record else _named(record))
        with lines.guarded(self.root / path):
            (self.root / label).mkdir(exist_ok=True)
        lines.replace_file(self.root / path, data)
        if card.record is None:
            was = None if label == card.key.label else card.key.label
            # Its group is drawn by whoever splits: it may share a photo with any that is here.
            name, digest = self.names.get(label, label), hashlib.sha256(data).hexdigest()
            record = replace(record, path=path, label=label, name=name, sha256=digest, moved_from=was, group=None)
            self._add_lines(record)
            card.record = record
        card.here = path

    def _move(self, card: Card, label: str) -> None:
        assert card.here is not None
        path = self._place(label, Path(card.here).name)
        if (self.root / path).exists():
            raise FacekitError(f"{card.here} is under {label} already; reject one of the two")
        with lines.guarded(self.root / path):
            (self.root / label).mkdir(exist_ok=True)
            (self.root / card.here).replace(self.root / path)
        _remove_if_empty((self.root / card.here).parent)
        card.here = path

    def _place(self, label: str, name: str) -> str:
        """Return the path of a file in the folder; lines that others wrote must not lead out of it."""
        if inside(self.root, f"{label}/{name}") is None:
            raise FacekitError(f"{label!r} is no name of a folder; mend the line of {REJECTED} that has it")
        return f"{label}/{name}"

    def _bytes(self, card: Card) -> bytes | None:
        """Return the picture as the source has it; None where it is gone or another by now."""
        about = card.about
        path = about.path if card.record is None else ""
        file = self.origins.picture(card.key.label, about.id, path)
        if file is None or not file.is_file():
            return None
        data = file.read_bytes()
        if card.record is not None and hashlib.sha256(data).hexdigest() != card.record.sha256:
            return None
        return data

    def _new_record(self, card: Card) -> Record | None:
        source = self.origins.source
        return source.record_of(card.left) if source and card.left else None

    def _add_lines(self, record: Record) -> None:
        source = self.origins.source_of(record.origin)
        if source is not None and record.origin not in self.origins.own.sources:
            lines.append_line(self.root / SOURCES, source.to_json())
            self.origins.own.sources[record.origin] = source
        lines.append_line(self.root / MANIFEST, record.to_json())

    def _drop_lines(self, gone: Collection[Key]) -> None:
        known = lines.read_lines(self.root / MANIFEST, Record)
        lines.replace_lines(self.root / MANIFEST, (record.to_json() for record in known if key(record) not in gone))


def _named(record: Record) -> str:
    return named_by_id(record).path.rpartition("/")[2]


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):  # a folder that still holds something stays
        folder.rmdir()


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    handle = lock(root)
    try:
        yield
    finally:
        os.close(handle)
