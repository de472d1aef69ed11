"""Clean: leave out repeats, bad pictures and names with too few; draw the groups."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from functools import partial

from facekit import images
from facekit.contract import BadImage, Record, Rejection, Report, Track, quiet, replace
from facekit.dataset import Dataset, Output, distinct, named_by_id
from facekit.likeness import Look, Proof, look, proofs
from facekit.lineage import draw_groups
from facekit.options import Clean
from facekit.parallel import ordered_map

STAGE = "clean"
SMALL, BLURRED, DARK, BRIGHT = "too small", "blurred", "too dark", "too bright"
REPEAT, SHARED, FEW, BEYOND = "repeat", "under two names", "name with too few", "name beyond --people"


@dataclass(frozen=True)
class Seen:
    """A picture and what was measured of it; `bad` says why it cannot stay."""

    record: Record
    look: Look | None = None
    bad: BadImage | None = None
    size: float = 0.0
    sharpness: float = 0.0
    removed: bool = False
    """A person deleted it here: it does not stay, and no repeat takes its place."""

    @property
    def rank(self) -> tuple[bool, float, float, str]:
        """Order in which repeats are kept: what a hand touched, the largest, the sharpest, the lowest id."""
        by_hand = self.removed or self.record.moved_from is not None
        return not by_hand, -self.size, -self.sharpness, self.record.id

    def has_name_of(self, other: Seen) -> bool:
        """Whether two pictures stand under one name, or did when they were found."""
        found, there = (one.record.moved_from or one.record.label for one in (self, other))
        return self.record.label == other.record.label or found == there


def clean(options: Clean, track: Track = quiet) -> Report:
    """Write what is worth training on; each picture left out stands in `rejected.jsonl` with its reason.

    Raises FacekitError for folders that cannot be read or written, and when nothing is left.
    """
    source = Dataset.open(options.input, track)
    with Output(options.output, STAGE, options, source) as out:
        if out.unchanged:
            return out.report()
        records, placed = out.placed(check=False)
        deleted = {(gone.label, gone.id) for gone in out.removed}
        removed = [record for record in distinct(source.records)[0] if (record.label, record.id) in deleted]
        measured = ordered_map(partial(_measure, source, options), [*records, *removed], options.jobs)
        seen = list(track(measured, STAGE, total=len(records) + len(removed)))
        seen[len(records) :] = [replace(one, removed=True) for one in seen[len(records) :]]
        kept, left = _choose(seen, options)
        planned = out.settle(
            [named_by_id(record) for record in kept], lambda missing: ((r, source.bytes_of(r)) for r in missing)
        )
        return out.finish(planned, left + placed)


def _measure(source: Dataset, options: Clean, record: Record) -> Seen:
    try:
        image = images.read(source.path_of(record))
    except BadImage as error:
        return Seen(record, bad=error)
    grey = images.gray(image)
    # What a face was in its photo counts, not the size that it was saved at.
    width, height = (record.box.w, record.box.h) if record.box else (image.shape[1], image.shape[0])
    sharpness, brightness = images.sharpness(grey), float(grey.mean())
    checks = (  # too little light makes edges faint too, so that is said first
        (SMALL, min(width, height), min(width, height) < options.min_side),
        (DARK, brightness, brightness < options.min_brightness),
        (BRIGHT, brightness, brightness > options.max_brightness),
        (BLURRED, sharpness, sharpness < options.min_sharpness),
    )
    bad = next((BadImage(reason, round(value, 2)) for reason, value, is_so in checks if is_so), None)
    quality = {**(record.quality or {}), "sharpness": round(sharpness, 2), "brightness": round(brightness, 2)}
    return Seen(replace(record, quality=quality), look(image), bad, float(width * height), sharpness)


def _choose(seen: Sequence[Seen], options: Clean) -> tuple[list[Record], list[Rejection]]:
    """Return the records that stay, grouped, and a rejection for each that does not, in input order."""
    left: dict[int, Rejection] = {}
    removed = {place for place, one in enumerate(seen) if one.removed}

    def leave(place: int, reason: str, value: float | str | None) -> None:
        record = seen[place].record
        left[place] = Rejection(STAGE, record.id, record.label, record.path, reason, value)

    for place, one in enumerate(seen):
        if one.bad is not None and place not in removed:
            leave(place, one.bad.reason, one.bad.value)
    proved = proofs([None if place in left else one.look for place, one in enumerate(seen)], options.jobs)
    # An exact copy proves itself, and so do two pictures of one photo, whatever their pixels say.
    for place, other in _shared_between_names(seen, proved):
        leave(place, SHARED, seen[other].record.path)
    for place, other in _repeats(seen, [p for p in proved if p.first not in left and p.second not in left]):
        leave(place, REPEAT, seen[other].record.path)
    for place, reason, count in _names_left_out(seen, left.keys() | removed, options):
        leave(place, reason, count)
    places = [place for place in range(len(seen)) if place not in left and place not in removed]
    at = {place: n for n, place in enumerate(places)}
    links = [(at[p.first], at[p.second]) for p in proved if p.first in at and p.second in at]
    return draw_groups([seen[place].record for place in places], links), [left[place] for place in sorted(left)]


def _shared_between_names(seen: Sequence[Seen], proved: Sequence[Proof]) -> Iterator[tuple[int, int]]:
    """Yield each picture that is a repeat of one under another name, with that other."""
    for proof in proved:
        first, second = seen[proof.first], seen[proof.second]
        if proof.repeat and not first.has_name_of(second) and not first.removed and not second.removed:
            yield proof.first, proof.second
            yield proof.second, proof.first


def _repeats(seen: Sequence[Seen], proved: Sequence[Proof]) -> Iterator[tuple[int, int]]:
    """Yield each repeat within a name, with the picture that stays in its place."""
    near: dict[int, set[int]] = defaultdict(set)
    for proof in proved:
        if proof.repeat and seen[proof.first].has_name_of(seen[proof.second]):
            near[proof.first].add(proof.second)
            near[proof.second].add(proof.first)
    gone: set[int] = set()
    for place in sorted(near, key=lambda p: seen[p].rank):
        if place not in gone:
            yield from ((other, place) for other in sorted(near[place] - gone) if not seen[other].removed)
            gone |= near[place]


def _names_left_out(seen: Sequence[Seen], left: Set[int], options: Clean) -> list[tuple[int, str, int]]:
    """Return the pictures of names with too few, and of names beyond the best-filled ones."""
    counts = Counter(one.record.label for place, one in enumerate(seen) if place not in left)
    filled = sorted((name for name in counts if counts[name] >= options.min_images), key=lambda n: (-counts[n], n))
    chosen = set(filled[: options.people])
    return [
        (place, BEYOND if counts[one.record.label] >= options.min_images else FEW, counts[one.record.label])
        for place, one in enumerate(seen)
        if place not in left and one.record.label not in chosen
    ]
