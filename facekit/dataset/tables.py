"""CSV files with facts about pictures or names: read once, and matched with the pictures of a tree."""

from __future__ import annotations

import hashlib
import logging
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from facekit.base import images
from facekit.base.contract import BadImage, FacekitError, Record, Track, quiet, replace
from facekit.base.files import read_text
from facekit.base.names import fold
from facekit.base.opening import is_there
from facekit.base.parallel import ordered_map
from facekit.base.rows import Row, numbered, slashes
from facekit.base.text import counted, listed
from facekit.dataset import Dataset
from facekit.dataset.spelling import one_label_each

IMAGE, LABEL, GROUP = "image", "label", "group"

log = logging.getLogger(__name__)

MOST_GROUPS = 50
"""Most values of a column that pictures are grouped by: more are no groups."""


@dataclass(frozen=True)
class Table:
    """A CSV file with a header: one dict a row, values as they stand there without outer spaces."""

    file: Path
    columns: tuple[str, ...]
    rows: list[Row]
    lines: list[int]
    """The line that each row begins on, counted as an editor counts them."""

    def need(self, *names: str) -> None:
        """Raise FacekitError unless the table has one of these columns."""
        if not set(names) & set(self.columns):
            has = listed(self.columns) or "none"
            raise FacekitError(f"{self.file} has no column {' or '.join(names)}; it has {has}")


def read(file: Path) -> Table:
    """Read a CSV file, whose values are parted by commas, semicolons or tabs.

    Raises FacekitError where it cannot be read, has no rows, or has a line of more values than the header has names.
    """
    try:
        text = read_text(file)
    except (FileNotFoundError, NotADirectoryError):
        raise FacekitError(f"no such file: {file}; give a CSV file with a header") from None
    lines = numbered(file, text)
    columns = tuple(name.strip() for name in next(lines, (0, []))[1])
    twice = next((name for name, count in Counter(columns).items() if name and count > 1), None)
    if twice is not None:
        raise FacekitError(f"{file} has two columns {twice!r}; rename one")
    held = [(number, _row(file, number, columns, row)) for number, row in lines]
    if not held:
        raise FacekitError(f"{file} has no rows; give a CSV file with a header and one line per picture")
    return Table(file, tuple(filter(None, columns)), [row for _, row in held], [number for number, _ in held])


def _row(file: Path, number: int, columns: Sequence[str], values: Sequence[str]) -> Row:
    if any(map(str.strip, values[len(columns) :])):
        raise FacekitError(
            f"{file}, line {number} has {counted(len(values), 'value')} and the header "
            f"{counted(len(columns), 'name')}; put quotes around values that contain the separator"
        )
    return Row((name, text) for name, value in zip(columns, values, strict=False) if name and (text := value.strip()))


def column(table: Table, name: str, dataset: Dataset) -> list[str | None]:
    """Return what a column says of each picture of a dataset, in its order; None where it says nothing.

    A row goes by `image`: a path below the tree, with or without its suffix, or a file's name alone where no
    other photo has it; of a tree that facekit made, also that of the photo as it was found. A table without
    `image` goes by `label`. What is made of a photo has its photo's value.
    Raises FacekitError: no such column, a name of several photos, two values for one, no row that fits.
    """
    table.need(IMAGE, LABEL)
    if name not in table.columns:
        raise FacekitError(f"{table.file} has no column {name!r}; choose from {listed(other_columns(table))}")
    known = _by_image(table, name, dataset) if IMAGE in table.columns else _by_label(table, name, dataset)
    if not any(known):
        key, fix = (IMAGE, f"give paths below {dataset.root}") if IMAGE in table.columns else (LABEL, "give its names")
        raise FacekitError(f"{table.file}: no {key} that has a {name} is in {dataset.root}; {fix}")
    return known


def groups(dataset: Dataset, records: Sequence[Record], by: str, file: Path | None) -> list[str | None]:
    """Return the group of people of each picture, in order: a column of a CSV file, else a target; None if unknown.

    Raises FacekitError, with the columns that there are, for one that is unknown, and for one of too many values.
    """
    if file is not None:
        found = column(read(file), by, replace(dataset, records=list(records)))
    else:
        found = [(record.targets or {}).get(by) for record in records]
    if not any(found):
        known = sorted({name for record in records for name in record.targets or {}})
        there = f"choose from {listed(known)}" if known else "they have no such values; give --table FILE.csv"
        raise FacekitError(f"--by {by}: no picture has a value for it; {there}")
    count = len({value for value in found if value})
    if count > MOST_GROUPS:
        raise FacekitError(f"--by {by}: it has {count} values; choose a column of at most {MOST_GROUPS} groups")
    return found


def other_columns(table: Table) -> list[str]:
    """Return the columns that say something, the ones that rows go by apart."""
    return [name for name in table.columns if name not in (IMAGE, LABEL)]


def with_target(records: Sequence[Record], name: str, values: Iterable[str | None]) -> list[Record]:
    """Return the records with these values as a target, where there is one."""
    return [
        replace(record, targets={**(record.targets or {}), name: value}) if value else record
        for record, value in zip(records, values, strict=True)
    ]


def dataset(file: Path, track: Track = quiet) -> Dataset:
    """Read a CSV of `image,label` as a dataset of pictures that lie anywhere, paths relative to the file.

    Other columns become the pictures' targets, and `group` what they belong together by. A picture that is
    not there stays in, and is counted where it is decoded. Raises FacekitError for a row without image or label.
    """
    table = read(file)
    for name in (IMAGE, LABEL):
        table.need(name)
    rows = list(zip(table.lines, table.rows, strict=True))
    empty = next((number for number, row in rows if not (row[IMAGE] and row[LABEL])), None)
    if empty is not None:
        raise FacekitError(f"{file}, line {empty}: image or label is empty; fill it in, or delete the line")

    def derive(row: Row) -> Record:
        return _derive(file.parent, row)

    records = list(track(ordered_map(derive, table.rows), f"read {file.name}", total=len(table.rows)))
    gone = [
        f"line {number} {record.path}"
        for number, record in zip(table.lines, records, strict=True)
        if not is_there(file.parent / record.path)
    ]
    if gone:
        log.warning("%s: %s not there: %s", file, counted(len(gone), "picture is", "pictures are"), listed(gone))
    return Dataset(file.parent, one_label_each(records, file))


def _derive(root: Path, row: Row) -> Record:
    path, label = slashes(row[IMAGE], root), row[LABEL]
    try:
        data = images.load(root / path)
    except BadImage:  # counted where it is decoded
        data = path.encode(errors="surrogateescape")
    digest = hashlib.sha256(data).hexdigest()
    targets = {name: value for name, value in row.items() if name not in (IMAGE, LABEL)}
    group = row[GROUP] or None
    return Record(digest, digest, path, label, label, digest, group=group, targets=targets or None)


def _by_label(table: Table, name: str, dataset: Dataset) -> list[str | None]:
    values: dict[str, str] = {}
    for row in table.rows:
        _say(values, fold(row[LABEL]), row, name, table)
    return [values.get(fold(record.label)) or values.get(fold(record.name)) for record in dataset.records]


def _by_image(table: Table, name: str, dataset: Dataset) -> list[str | None]:
    names = _names(dataset)
    values: dict[str, str] = {}
    for row in table.rows:
        meant = names.get(_nfc(row[IMAGE]), set()) or names.get(_posix(row[IMAGE]), set())
        if len(meant) > 1:
            raise FacekitError(
                f"{table.file}: {row[IMAGE]} is the name of {len(meant)} photos; give paths below {dataset.root}"
            )
        for id in meant:
            _say(values, id, row, name, table)
    return [values.get(r.id) or values.get(r.parent or "") or values.get(r.origin) for r in dataset.records]


def _posix(path: str) -> str:
    return _nfc(path.replace("\\", "/"))


def _nfc(path: str) -> str:
    """Return a path as tables and trees are compared by: composed (NFC)."""
    return unicodedata.normalize("NFC", str(PurePosixPath(path)))


def _say(values: dict[str, str], key: str, row: Row, name: str, table: Table) -> None:
    if row[name] and values.setdefault(key, row[name]) != row[name]:
        what = row[IMAGE] or row[LABEL]
        raise FacekitError(f"{table.file} gives {what} two values of {name}, {values[key]} and {row[name]}; keep one")


def _names(dataset: Dataset) -> dict[str, set[str]]:
    """Return each name that a picture of the dataset, or the photo it was cut from, goes by -> their ids."""
    names: dict[str, set[str]] = defaultdict(set)
    paths = {record.path for record in dataset.records}
    for record in dataset.records:
        source = dataset.sources.get(record.origin)
        found = {record.path: record.id}
        # Its folder may be spelled otherwise than its label.
        called = f"{record.label}/{record.path.rpartition('/')[2]}"
        found |= {} if called in paths else {called: record.id}
        if source is not None and source.engine == "folder" and source.url:
            found.setdefault(source.url, record.origin)
        for path, id in found.items():
            pure = PurePosixPath(path)
            for known in {str(pure), str(pure.with_suffix("")), pure.name, pure.stem}:
                names[_nfc(known)].add(id)
    return names
