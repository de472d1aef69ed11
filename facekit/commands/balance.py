"""Balance: draw the split by group, then bring each folder to exactly N pictures."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from itertools import count as count_from
from itertools import cycle
from pathlib import Path

from facekit.base.contract import PARTS, Record, Rejection, Report, Track, quiet, replace
from facekit.dataset import Dataset, Output, by_label, derive_id, key, photo_path, protocol
from facekit.dataset.groups import draw_groups
from facekit.dataset.lineage import TRAIN, draw_split, refuse_split, shuffled, still_for_training, thin
from facekit.dataset.reasons import JOINED, THINNED
from facekit.identity.groups import drop_joined, grouped
from facekit.identity.split import grouped_by_person, with_validation
from facekit.options.balance import Balance
from facekit.options.common import shares

STAGE = "balance"

log = logging.getLogger(__name__)


def balance(options: Balance, track: Track = quiet) -> Report:
    """Write a tree of exactly `count` pictures a folder, with a part of the split for each.

    Held-out parts are photos as found; a folder with too few photos is filled with copies of training
    photos. `split_by="person"` keeps everybody in one part; `split_by="image"` fills with copies of any
    photo and leaves the split to be drawn over files.
    Raises FacekitError where a name has too few photos for the split, and for folders that cannot be used.
    """
    source = _without_split(Dataset.open(options.input, track), options)
    split_by = protocol.kept(source, options.split_by)
    by_group = split_by != protocol.IMAGE
    if split_by == protocol.PERSON:
        source = grouped_by_person(source, options.people_from, STAGE, track)
    elif by_group:
        source = grouped(source, STAGE, track, options.jobs)
    else:
        refuse_split(source.records, str(source.root))
    with Output(options.output, STAGE, options, source) as out:
        out.note(replace(out.info, protocol=split_by, split_given=source.info.split_given))
        if out.unchanged:
            return out.report()
        records, left = out.usable(track)
        if by_group:
            records, joined = drop_joined(draw_groups(records, links=out.links), source.root, source.info.split_given)
            left += [Rejection.of(STAGE, join.left, JOINED, join.like.path) for join in joined]
            records = draw_split(records, shares(options.split), options.seed, protocol.WHAT[split_by])
            if source.info.split_given:
                records = with_validation(records, source.root, options.split, options.seed, protocol.WHAT[split_by])
        moved = still_for_training((r for r in out.records.values() if r.synthetic and r.moved_from), records)
        planned = [r for inside in by_label(records).values() for r in _even(inside, moved, options, out)]
        photos = {(r.label, r.id): r for r in records}
        chosen = {key(record) for record in planned}
        left += [Rejection.of(STAGE, record, THINNED) for record in records if key(record) not in chosen]

        def make(missing: list[Record]) -> Iterator[tuple[Record, bytes]]:
            for record in track(missing, STAGE, total=len(missing)):
                shown = photos.get((record.label, record.id)) or photos[record.label, record.parent or ""]
                yield record, source.bytes_of(shown)

        planned = out.write_missing(planned, make)
        report = out.finish(planned, left)
        report.details["parts"] = {part: sum(r.split == part for r in planned) for part in PARTS if by_group}
        report.details["copies"] = sum(r.synthetic == "copy" for r in planned)
        return report


def _without_split(source: Dataset, options: Balance) -> Dataset:
    """Return the source as if it had no split, where that is to be drawn again."""
    if options.new_split:
        info = replace(source.info, protocol=None, split_given=False)
        return replace(source, records=[replace(record, split=None) for record in source.records], info=info)
    if source.info.split_given:
        log.info("%s: the split of its folders is kept; use --new-split to draw another", source.root)
    return source


def _even(inside: Sequence[Record], moved: Sequence[Record], options: Balance, out: Output) -> list[Record]:
    """Return exactly `count` records of one label: thinned evenly over groups, or filled with copies.

    `moved` holds the copies that a person has moved from one label to another.
    """
    label = inside[0].label
    moved = [record for record in moved if record.label == label][: options.count - len(PARTS)]
    if options.split_by == "image":
        chosen = able = thin(inside, options.count - len(moved), options.seed)
    else:
        chosen = _thin_parts(inside, options.count - len(moved), options)
        able = [record for record in chosen if record.split == TRAIN]
    able = [out.named(record) for record in able if not record.synthetic] or [out.named(record) for record in able]
    chosen = [out.named(record) for record in chosen]
    return chosen + moved + _copies(able, chosen, options.count - len(chosen) - len(moved), options.seed, out)


def _thin_parts(inside: Sequence[Record], room: int, options: Balance) -> list[Record]:
    """Thin test and validation to their share of `count`; training photos take what is left of `room`.

    Held-out parts take photos as found alone, and leave room for one of each part that comes after them.
    """
    chosen: list[Record] = []
    parts = [(part, share) for part, share in zip(PARTS, shares(options.split), strict=True) if share]
    for after, (part, share) in reversed(list(enumerate(parts))):
        able = [r for r in inside if r.split == part and (part == TRAIN or not r.synthetic)]
        most = room - len(chosen) - after
        chosen += thin(able, most if part == TRAIN else min(most, max(1, round(options.count * share))), options.seed)
    wanted = {record.id for record in chosen}
    return [record for record in inside if record.id in wanted]


def _copies(able: Sequence[Record], chosen: Sequence[Record], room: int, seed: int, out: Output) -> list[Record]:
    """Return `room` copies, one of each photo in turn.

    A copy that the source has already, or that a person removed or moved, is not made again.
    """
    taken = {(r.label, r.id) for r in out.removed} | {key(r) for r in out.records.values() if r.moved_from}
    taken |= {(r.label, r.id) for r in chosen}
    numbers = {record.id: count_from() for record in able}
    copies: list[Record] = []
    for photo in cycle(shuffled(able, seed)):
        if len(copies) >= room:
            break
        id = derive_id(photo.id, STAGE, "copy", next(numbers[photo.id]))
        if (photo.label, id) not in taken:
            copies.append(
                replace(
                    photo,
                    id=id,
                    path=photo_path(photo.label, id, Path(photo.path).suffix),
                    parent=photo.id,
                    made_by=STAGE,
                    synthetic="copy",
                    moved_from=None,
                )
            )
    return copies
