"""Stats: count the pictures of a tree or a run by label, part, size and source, and those left out, by reason."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from facekit import runs
from facekit.base import images
from facekit.base.contract import BadImage, Record, Report, Source, Track, quiet
from facekit.base.figures import bar, size
from facekit.base.parallel import ordered_map
from facekit.base.text import counted, visible
from facekit.dataset import REJECTED, Dataset, by_label
from facekit.dataset.counting import by_kind, by_part, by_side, ranked
from facekit.dataset.inputs import open_tree
from facekit.dataset.records import read_rejections
from facekit.options.stats import Stats

STAGE = "stats"

_NAME = 30
"""Most characters of a label that a line shows."""


@dataclass(frozen=True)
class Label:
    """The pictures of one label."""

    label: str
    name: str
    pictures: int
    bytes: int
    parts: Mapping[str, int]


@dataclass(frozen=True)
class Counts:
    """What a tree holds."""

    pictures: int
    labels: Sequence[Label]
    """The largest first."""
    parts: Mapping[str, int] = field(default_factory=dict)
    """Empty without a split."""
    kinds: Mapping[str, int] = field(default_factory=dict)
    """`as found`, `copy`, `augment`."""
    sides: Mapping[str, int] = field(default_factory=dict)
    """Shorter side in pixels, from and to -> pictures."""
    median_side: int | None = None
    sources: Mapping[str, int] = field(default_factory=dict)
    """Where photos were found -> photos."""
    licences: Mapping[str, int] = field(default_factory=dict)
    left: Mapping[str, int] = field(default_factory=dict)
    """Reason -> pictures, files and folders that were left out: by the command that made the folder, or by this one."""
    bytes: int = 0
    """Of the pictures."""
    beside: int = 0
    """Bytes of all other files in the folder."""


@dataclass(frozen=True)
class _Looked:
    """One picture's file: its bytes, and its shorter side in pixels, or why there is none."""

    bytes: int
    side: int | None
    reason: str | None = None


def stats(options: Stats, track: Track = quiet) -> Report:
    """Count what a tree holds, or what a run was trained on. Raises FacekitError for a folder that cannot be read."""
    began = time.monotonic()
    if (options.tree / runs.MODEL).is_file():
        run = runs.load(options.tree)
        title = f"{options.tree}: trained on {{}} from {run.root}"
        counts = _of_run(run)
    else:
        with open_tree(options.tree, track) as dataset:
            counts = _count(dataset, options, track)
        made = f", made by {dataset.info.stage}" if dataset.info.stage else ""
        given = ", with the split of its folders" if dataset.info.split_given else ""
        title = f"{options.tree}: {{}}{made}{given}"
    report = Report(STAGE, str(options.tree), kept=counts.pictures, left=Counter(counts.left))
    report.details |= {name: value for name, value in asdict(counts).items() if name != "left"}
    report.details["lines"] = list(_lines(title, counts, options.labels))
    report.seconds = round(time.monotonic() - began, 2)
    return report


def _of_run(run: runs.Run) -> Counts:
    """Count the split of a run; its pictures, which may be gone, are not opened."""
    return Counts(
        pictures=len(run.split),
        labels=_labels(run.split, {}),
        parts=by_part(run.split),
        kinds=by_kind(run.split),
        left=dict(run.info.left),
        beside=_all_bytes(run.folder),
    )


def _count(dataset: Dataset, options: Stats, track: Track) -> Counts:
    paths = {record.path for record in dataset.records}
    looked = ordered_map(partial(_look, dataset.root), sorted(paths), options.jobs)
    found = dict(zip(sorted(paths), track(looked, f"measure {dataset.root.name}", len(paths)), strict=True))
    sides = sorted(one.side for one in found.values() if one.side is not None)
    left = Counter(dataset.left)
    left.update(rejection.reason for rejection in read_rejections(dataset.root / REJECTED))
    left.update(one.reason for one in found.values() if one.reason is not None)
    held = sum(one.bytes for one in found.values())
    origins = [dataset.sources.get(origin) for origin in sorted({record.origin for record in dataset.records})]
    return Counts(
        pictures=len(dataset.records),
        labels=_labels(dataset.records, {path: one.bytes for path, one in found.items()}),
        parts=by_part(dataset.records),
        kinds=by_kind(dataset.records),
        sides=by_side(sides),
        median_side=sides[len(sides) // 2] if sides else None,
        sources=ranked(_source(one) for one in origins),
        licences=ranked(one.licence for one in origins if one is not None and one.licence),
        left=dict((+left).most_common()),
        bytes=held,
        beside=max(0, _all_bytes(dataset.root) - held),
    )


def _look(root: Path, path: str) -> _Looked:
    count = 0
    try:
        data = images.load(root / path)
        count = len(data)
        head = images.header(data)
        return _Looked(count, min(head.width, head.height))
    except BadImage as error:
        return _Looked(count, None, error.reason)


def _labels(records: Sequence[Record], sizes: Mapping[str, int]) -> list[Label]:
    rows = [
        Label(label, some[0].name, len(some), sum(sizes.get(record.path, 0) for record in some), by_part(some))
        for label, some in by_label(records).items()
    ]
    return sorted(rows, key=lambda row: (-row.pictures, row.label))


def _source(source: Source | None) -> str:
    return (source.engine if source is not None else None) or "not known"


def _all_bytes(root: Path) -> int:
    """Return the bytes of all files below a folder; links are not followed."""
    total = 0
    for folder, _, names in os.walk(root):
        for name in names:
            try:
                total += os.lstat(os.path.join(folder, name)).st_size  # noqa: PTH118 - thousands of files
            except OSError:  # gone meanwhile
                continue
    return total


def _lines(title: str, counts: Counts, most: int) -> Iterator[str]:
    """Yield what a person reads, in lines of at most 80 characters unless a path is longer."""
    labels = len(counts.labels)
    yield title.format(f"{counted(counts.pictures, 'picture')} of {counted(labels, 'label')}")
    shown = counts.labels[:most] if most else counts.labels
    yield from _bars("label", {row.name: row.pictures for row in shown})
    if len(shown) < labels:
        rest = sum(row.pictures for row in counts.labels[len(shown) :])
        more = counted(labels - len(shown), "more label")
        yield f"  and {more} with {counted(rest, 'picture')}; --labels 0 lists all"
    yield from _bars("part", counts.parts)
    yield from _bars("kind", counts.kinds if len(counts.kinds) > 1 else {})
    yield from _bars("shorter side in pixels", counts.sides)
    yield from _bars(_of_photos("source", counts), counts.sources)
    yield from _bars("licence", counts.licences)
    yield from _bars("left out", counts.left)
    yield ""
    pictures = f"{size(counts.bytes)} of pictures, " if counts.bytes else ""
    yield f"on disk: {pictures}{size(counts.beside)} of other files"


def _of_photos(title: str, counts: Counts) -> str:
    """Return a heading that says of how many photos, where these are not as many as the pictures."""
    photos = sum(counts.sources.values())
    return title if photos == counts.pictures else f"{title} of the {photos:,} different photos"


def _bars(title: str, rows: Mapping[str, int]) -> Iterator[str]:
    if not rows:
        return
    yield ""
    yield title
    most, names = max(rows.values()), {name: _short(name) for name in rows}
    width, digits = max(map(len, names.values())), len(f"{most:,}")
    for name, count in rows.items():
        yield f"  {names[name]:<{width}}  {count:>{digits},}  {bar(count / most if most else 0)}".rstrip()


def _short(name: str) -> str:
    name = visible(name)
    return name if len(name) <= _NAME else name[: _NAME - 1] + "…"
