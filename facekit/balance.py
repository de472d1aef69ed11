"""Balance: draw the split by group, then make exactly N pictures a folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count as count_from
from itertools import cycle

from facekit.contract import PARTS, Record, Report, Track, quiet, replace
from facekit.dataset import Dataset, Output, by_label, derive_id, key, named_by_id, photo_path
from facekit.likeness import grouped
from facekit.lineage import TRAIN, draw_split, shuffled, thin
from facekit.options import Balance, shares

STAGE = "balance"


def balance(options: Balance, track: Track = quiet) -> Report:
    """Write a tree of exactly `count` pictures a folder, with a part of the split for each.

    Held-out parts are photos as found; a folder with too few photos is filled with copies of training
    photos. `split_by="image"` fills with copies of any photo and leaves the split to be drawn over files.
    Raises FacekitError where a name has too few photos for the split, and for folders that cannot be used.
    """
    source = Dataset.open(options.input, track)
    by_group = options.split_by == "group"
    if by_group:
        source = grouped(source, track)
    with Output(options.output, STAGE, options, source) as out:
        out.carry(protocol=options.split_by)
        if out.unchanged:
            return out.report()
        records, left = out.placed(track)
        if by_group:
            records = draw_split(records, shares(options.split), options.seed)
        planned = [r for inside in by_label(records).values() for r in _even(inside, options, out)]
        planned = out.settle(planned, lambda missing: _bytes(source, track(missing, STAGE, total=len(missing))))
        report = out.finish(planned, left)
        report.details["parts"] = {part: sum(r.split == part for r in planned) for part in PARTS if by_group}
        report.details["copies"] = sum(r.synthetic == "copy" for r in planned)
        return report


def _even(inside: Sequence[Record], options: Balance, out: Output) -> list[Record]:
    """Return exactly `count` records of one label: thinned evenly over groups, or filled with copies."""
    label = inside[0].label
    moved = [r for r in out.records.values() if r.synthetic and r.moved_from and r.label == label]
    if options.split_by == "image":
        chosen = thin(inside, options.count, options.seed)
        able = chosen
    else:
        chosen = _thin_parts(inside, options)
        able = [record for record in chosen if record.split == TRAIN]
        moved = [record for record in moved if record.split == TRAIN]
    chosen = [named_by_id(record) for record in chosen]
    room = options.count - len(chosen)
    moved = moved[:room]
    return chosen + moved + _copies(able, room - len(moved), options.seed, out)


def _thin_parts(inside: Sequence[Record], options: Balance) -> list[Record]:
    """Thin test and validation to their share of `count`; training photos take what room is left."""
    chosen: list[Record] = []
    for part, share in reversed(list(zip(PARTS, shares(options.split), strict=True))):
        room = options.count - len(chosen) if part == TRAIN else max(1, round(options.count * share))
        chosen += thin([r for r in inside if r.split == part], room, options.seed) if share else []
    wanted = {record.id for record in chosen}
    return [record for record in inside if record.id in wanted]


def _copies(able: Sequence[Record], room: int, seed: int, out: Output) -> list[Record]:
    """Return `room` copies, one of each photo in turn; a copy that a person removed or moved is not made again."""
    taken = {(r.label, r.id) for r in out.removed} | {key(r) for r in out.records.values() if r.moved_from}
    numbers = {record.id: count_from() for record in able}
    copies: list[Record] = []
    for photo in cycle(shuffled(able, seed)):
        if len(copies) >= room:
            break
        id = derive_id(photo.id, STAGE, "copy", next(numbers[photo.id]))
        if (photo.label, id) not in taken:
            suffix = named_by_id(photo).path.rpartition(".")[2]
            copies.append(
                replace(
                    photo,
                    id=id,
                    path=photo_path(photo.label, id, f".{suffix}"),
                    parent=photo.id,
                    made_by=STAGE,
                    synthetic="copy",
                    moved_from=None,
                )
            )
    return copies


def _bytes(source: Dataset, missing: Iterator[Record]) -> Iterator[tuple[Record, bytes]]:
    for record in missing:
        photo = replace(record, id=record.parent or "") if record.synthetic == "copy" and record.made_by == STAGE else record
        yield record, source.bytes_of(photo)
