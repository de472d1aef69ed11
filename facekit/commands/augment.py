"""Augment: fill each folder to exactly N pictures with changed copies of training photos."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, cycle, islice
from itertools import count as count_from
from pathlib import Path

from facekit.base.cluster.client import hired
from facekit.base.contract import FacekitError, Record, Rejection, Report, Track, quiet, replace
from facekit.base.parallel import Jobs, ordered_map
from facekit.base.text import counted
from facekit.dataset import Dataset, Output, by_label, derive_id, key, photo_path
from facekit.dataset.groups import draw_groups
from facekit.dataset.lineage import TRAIN, check_split, draw_split, refuse_split, shuffled, still_for_training
from facekit.dataset.reasons import JOINED
from facekit.faces.augmentation import ready
from facekit.faces.children import Child, make_children
from facekit.identity.groups import drop_joined, grouped
from facekit.options.augment import Augment
from facekit.options.common import SplitBy, shares

STAGE = "augment"

_CHUNK = 16
MANY = 4000
"""Children from which on worker processes are worth their start: they import for as long as fewer take in one."""


def augment(options: Augment, track: Track = quiet) -> Report:
    """Write a tree of exactly `count` pictures a folder: the source's, and children of its training photos.

    Test and validation photos go through as they are. A tree without a split gets one here, groups first;
    under the `image` protocol everything has children. Worker processes are spawned, so a script that calls
    this needs the usual `if __name__ == "__main__"`.
    Raises FacekitError for a split that leaks, and for a folder that holds more than `count` already.
    """
    ready()
    with hired(options.cluster, options.jobs) as jobs:
        return _augment(options, jobs, track)


def _augment(options: Augment, jobs: Jobs, track: Track) -> Report:
    source = Dataset.open(options.input, track, jobs=jobs)
    protocol = _protocol(source, options)
    if protocol != "image":
        source = grouped(source, STAGE, track, jobs)
    with Output(options.output, STAGE, options, source) as out:
        out.note(replace(out.info, protocol=protocol))
        if out.unchanged:
            return out.report()
        records, left = out.usable(track, jobs=jobs)
        if protocol != "image":
            records, joined = drop_joined(draw_groups(records, links=out.links), source.root, source.info.split_given)
            left += [Rejection.of(STAGE, join.left, JOINED, join.like.path) for join in joined]
            records = draw_split(records, shares(options.split), options.seed)
            check_split(records, str(source.root))
        moved = still_for_training((r for r in out.records.values() if r.made_by == STAGE and r.moved_from), records)
        planned = [r for inside in by_label(records).values() for r in _full(inside, moved, options, protocol, out)]
        photos = {(r.label, r.id): source.path_of(r) for r in records}

        def make(missing: list[Record]) -> Iterator[tuple[Record, bytes]]:
            return track(_make(photos, options, missing, jobs), STAGE, len(missing))

        planned = out.write_missing(planned, make)
        report = out.finish(planned, left)
        report.details["children"] = sum(r.synthetic == "augment" for r in planned)
        report.details["protocol"] = protocol
        return report


def _protocol(source: Dataset, options: Augment) -> SplitBy:
    """Return how the split is drawn: as the tree says, else as the options do."""
    if options.split_by == "image":
        refuse_split(source.records, str(source.root))
    return source.protocol or options.split_by


def _full(
    inside: Sequence[Record], moved: Sequence[Record], options: Augment, protocol: str, out: Output
) -> list[Record]:
    """Return exactly `count` records of one label: the source's own, then children, evenly over the photos.

    `moved` holds the children that a person has moved from one label to another.
    """
    label = inside[0].label
    if len(inside) > options.count:
        raise FacekitError(
            f"{label} has {counted(len(inside), 'picture')}, more than --count {options.count}; "
            "give a larger count, or reduce the pictures with `balance` first"
        )
    able = [r for r in inside if not r.synthetic and (protocol == "image" or r.split == TRAIN)]
    room = options.count - len(inside)
    if room and not able:
        raise FacekitError(f"{label} has no training photo to augment; add photos, or run `balance` again")
    own = [out.named(record) for record in inside]
    moved = [record for record in moved if record.label == label][:room]
    return own + moved + list(islice(_children(able, inside, options, out), room - len(moved)))


def _children(able: Sequence[Record], inside: Sequence[Record], options: Augment, out: Output) -> Iterator[Record]:
    """Yield children without end, one of each photo in turn.

    One that the source has already, or that a person removed or moved, is passed over.
    """
    taken = {(r.label, r.id) for r in out.removed} | {key(r) for r in out.records.values() if r.moved_from}
    taken |= {(r.label, r.id) for r in inside}
    numbers = {record.id: count_from() for record in able}
    for photo in cycle(shuffled(able, options.seed)):
        id = derive_id(photo.id, STAGE, options.recipe, next(numbers[photo.id]))
        if (photo.label, id) not in taken:
            yield replace(
                photo,
                id=id,
                path=photo_path(photo.label, id),
                parent=photo.id,
                made_by=STAGE,
                synthetic="augment",
                quality=None,
                moved_from=None,
            )


def _make(
    photos: Mapping[tuple[str, str], Path], options: Augment, missing: list[Record], jobs: Jobs
) -> Iterator[tuple[Record, bytes]]:
    """Yield each planned record with its bytes: a child's are made, in processes where many are missing.

    `photos` holds the file of each picture of the source, by the label that it has here and its id.
    """
    children = [record for record in missing if (record.label, record.id) not in photos]
    for record in missing:
        if (record.label, record.id) in photos:
            yield record, photos[record.label, record.id].read_bytes()
    chunks = (children[at : at + _CHUNK] for at in range(0, len(children), _CHUNK))
    tasks = ([Child(one.id, photos[one.label, one.parent or ""].absolute()) for one in chunk] for chunk in chunks)
    work = partial(make_children, options.recipe, options.seed)
    if len(children) >= MANY or not isinstance(jobs, int):
        made = ordered_map(work, tasks, jobs, "processes")
    else:
        made = ordered_map(work, tasks, 1)
    yield from zip(children, chain.from_iterable(made), strict=True)
