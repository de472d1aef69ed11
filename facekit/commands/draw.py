"""Draw a tree of photos of invented people, like the result of scraping the drawn web."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from facekit.base.contract import Record, Report, Source, Track, quiet, replace
from facekit.base.parallel import ordered_map, workers
from facekit.dataset import REMOVED, Output, photo_path
from facekit.options.draw import Draw
from facekit.world.content import Item, World, photo_id

Made = tuple[Record, bytes]


def draw(options: Draw, track: Track = quiet) -> Report:
    """Write `photos` pictures of each of `people` invented people, labelled by name, with expression and gender.

    Raises FacekitError for a folder that may not be written or that was drawn with other options.
    """
    world = World(options.people, options.photos, options.seed, options.faults)
    with Output(options.output, "draw", options) as out:
        out.note(replace(out.info, drawn=True))
        plan = {(name, photo_id(world, who, item)): (who, item) for who, name, item in _items(world)}
        removed = {(gone.label, gone.id) for gone in out.removed}
        records = [_record(world, who, item) for key, (who, item) in plan.items() if key not in removed]
        for record, (_, item) in zip(records, (p for key, p in plan.items() if key not in removed), strict=True):
            out.sources[record.origin] = Source(record.origin, engine="draw", query=record.name, rank=item.index + 1)

        def make(missing: list[Record]) -> Iterator[Made]:
            jobs = [(world, plan[record.label, record.id]) for record in missing]
            # Processes: drawing is many small calls, which threads of one interpreter would take in turn.
            drawn = ordered_map(_draw, jobs, options.jobs, "processes" if len(jobs) > 8 * workers(0) else "threads")
            yield from track(zip(missing, drawn, strict=True), "draw", total=len(missing))

        records = out.write_missing([_stand(out, record) for record in records], make)
        report = out.finish(records, [gone for gone in out.rejected if gone.reason == REMOVED])
    report.details["kinds"] = dict(Counter(item.kind for _, _, item in _items(world)))
    return report


def _stand(out: Output, record: Record) -> Record:
    """Leave a picture where a person has since moved it."""
    there = out.records.get((record.label, record.id))
    if there is None or there.moved_from is None:
        return record
    return replace(record, label=there.label, name=there.name, path=there.path, moved_from=there.moved_from)


def _items(world: World) -> Iterator[tuple[int, str, Item]]:
    for who, name in enumerate(world.names):
        for item in world.plan(who):
            yield who, name, item


def _record(world: World, who: int, item: Item) -> Record:
    name, id = world.names[who], photo_id(world, who, item)
    return Record(
        id=id,
        sha256="",  # of bytes that are not drawn yet: Output fills it in
        path=photo_path(name, id),
        label=name,
        name=name,
        origin=id,
        made_by=f"draw {item.kind}",
        targets=world.targets(who, item) or None,
    )


def _draw(job: tuple[World, tuple[int, Item]]) -> bytes:
    world, (who, item) = job
    return world.draw(who, item)
