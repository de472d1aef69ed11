"""How soon `monitor` finds that the light has changed, and how often it raises an alarm where nothing has.

Drawn people: some are enrolled, the others are strangers. Each day some pictures are drawn at random from a pool of
photos; from day 8 on, of photos of the same kind in half the light. The pool is drawn, detected and embedded once, as
that is what takes long, so the same photo may come on several days and in several seeds: days are less independent of
one another than real ones, and no more alike. Real places also have weekdays, seasons and visitors in groups.

    python benchmarks/drift.py [--people 10] [--photos 15] [--light 0.5]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from facekit.base.contract import Box
from facekit.identity.faces import Finder, kept, suited
from facekit.identity.gallery import Gallery, NewFace
from facekit.identity.gallery.gallery import about
from facekit.identity.gallery.naming import Namer
from facekit.identity.gallery.values import Crop, Where
from facekit.serving.monitor import findings, places, reference
from facekit.serving.monitor.days import Days, Reference
from facekit.serving.monitor.findings import Findings
from facekit.serving.monitor.recorder import Counted, Recorder, measured
from facekit.world.draw import photo
from facekit.world.people import Person, people
from facekit.world.shot import Shot, shot

FIRST = date(2026, 3, 1)
QUIET_DAYS, CHANGE, LAST = 30, 8, 14
"""Days without a change; the day from which on the light is another, and the last day that is looked at then."""

STRANGERS = 0.15
"""Share of pictures that show somebody who is not enrolled."""


@dataclass(frozen=True)
class Photo:
    """A drawn photo of which a face was found."""

    who: str
    vector: np.ndarray
    crop: Crop
    box: Box
    values: dict[str, float]


@dataclass(frozen=True)
class Pool:
    """Photos to enroll, as they usually come, and in half the light."""

    enrolled: list[Photo]
    usual: list[Photo]
    dark: list[Photo]
    missed: dict[str, int]
    """In how many of them no face was found."""


def dimmed(one: Shot, share: float) -> Shot:
    """The same photo in this share of the light, more of which comes from one side."""
    return replace(one, brightness=share * one.brightness, light=min(0.9, 1.4 * one.light))


def pool(count: int, photos: int, light: float, finder: Finder) -> Pool:
    """Draw photos of people, and find and embed their faces."""
    rng, missed = np.random.default_rng(7), {}

    def some(kind: str, change: Callable[[Shot], Shot], each: int) -> list[Photo]:
        found = [seen(finder, one, change(shot(rng))) for one in people(count, seed=3) for _ in range(each)]
        missed[kind] = sum(one is None for one in found)
        return [one for one in found if one is not None]

    def same(one: Shot) -> Shot:
        return one

    return Pool(
        some("enrolled", same, 12),
        some("usual", same, photos),
        some("dark", lambda one: dimmed(one, light), photos),
        missed,
    )


def seen(finder: Finder, person: Person, circumstances: Shot) -> Photo | None:
    """Return what facekit sees in a photo; None where it finds no face."""
    image, _ = photo(person, circumstances)
    faces = finder.find(image, only_foremost=True)
    (vectors, reasons) = finder.embed([face.aligned for face in faces[:1]])
    if not faces or faces[0].box is None or reasons[0] is not None:
        return None
    box = faces[0].box
    return Photo(person.name, vectors[0], kept(image, box), box, measured(image, box))


def enroll(folder: Path, photos: Sequence[Photo]) -> None:
    """Make a gallery of photos."""
    chosen: dict[str, list[NewFace]] = {}
    for number, one in enumerate(photos):
        digest = hashlib.sha256(f"{number}".encode()).hexdigest()
        chosen.setdefault(one.who, []).append(NewFace(Where(f"{number}.jpg", digest, one.box), one.vector, one.crop))
    with Gallery.make(folder, about("dlib", suited("dlib", None), 0.01, drawn=True)) as gallery:
        gallery.store.enroll(chosen)


def day_of(namer: Namer, photos: Sequence[Photo]) -> Iterator[Counted]:
    """Yield the answers to photos of one face each."""
    for one in photos:
        (identity,) = namer.name(one.vector[None])
        yield Counted(one.values, identity.name is not None, identity.similarity)


def watch(gallery: Gallery, made: Pool, known: set[str], a_day: int, days: int, change: int, seed: int) -> Days:
    """Count the answers of some days, the last of them in another light."""
    rng, namer, at = np.random.default_rng(seed), gallery.namer(), [FIRST]
    store = places.of_place(gallery.place)
    try:
        store.clear()
        recorder = Recorder(store, reference.of_gallery(gallery, store, 1), lambda: at[0])
        for number in range(1, days + 1):
            at[0] = FIRST + timedelta(number - 1)
            source = made.dark if number >= change else made.usual
            for answer in day_of(namer, sample(rng, source, known, a_day)):
                recorder.picture([answer])
        recorder.flush()
        return store.days()
    finally:
        store.close()


def sample(rng: np.random.Generator, photos: Sequence[Photo], known: set[str], count: int) -> list[Photo]:
    """Draw the photos of a day."""
    sides = ([one for one in photos if one.who not in known], [one for one in photos if one.who in known])
    return [(side := sides[int(rng.random() >= STRANGERS)])[int(rng.integers(len(side)))] for _ in range(count)]


def found_on(days: Days, references: dict[str, Reference], upto: int) -> Findings:
    """Return what somebody is told who looks at the end of a day."""
    return findings.find(dict(list(days.items())[:upto]), references, shown=1)


def alarms(days: Days, references: dict[str, Reference], first: int, last: int) -> dict[int, list[str]]:
    """Return day -> the measures that are said to have changed."""
    told = {
        day: [one.measure.name for one in found_on(days, references, day).changed] for day in range(first, last + 1)
    }
    return {day: names for day, names in told.items() if names}


def one_seed(made: Pool, seed: int, sizes: Sequence[int]) -> Iterator[dict[str, object]]:
    """Yield what is found with one choice of enrolled people, for each number of pictures a day."""
    rng, names = np.random.default_rng(seed), sorted({one.who for one in made.enrolled})
    known = set(rng.permutation(names)[: round(0.7 * len(names))].tolist())
    with tempfile.TemporaryDirectory() as folder:
        enroll(Path(folder) / "g", [one for one in made.enrolled if one.who in known])
        with Gallery.open(Path(folder) / "g") as gallery:
            for a_day in sizes:
                quiet = watch(gallery, made, known, a_day, QUIET_DAYS, QUIET_DAYS + 1, 1000 * seed + a_day)
                store = places.of_place(gallery.place)
                references = store.references()
                store.close()
                false = alarms(quiet, references, 1, QUIET_DAYS)
                changed = watch(gallery, made, known, a_day, LAST, CHANGE, 5000 * (seed + 1) + a_day)
                told = alarms(changed, references, 1, LAST)
                after = {day: what for day, what in told.items() if day >= CHANGE}
                yield {
                    "seed": seed,
                    "a day": a_day,
                    "false alarms on quiet days": {str(day): what for day, what in false.items()},
                    "alarms before the change": {str(day): what for day, what in told.items() if day < CHANGE},
                    "days until found": min(after) - CHANGE + 1 if after else None,
                    "what": after[min(after)] if after else [],
                }


def main() -> None:
    """Draw, watch, and print a line for each seed and a table at the end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=10)
    parser.add_argument("--photos", type=int, default=15)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--light", type=float, default=0.5, help="Share of the light that is left.")
    parser.add_argument("--a-day", type=int, nargs="+", default=[10, 20, 40, 100])
    asked = parser.parse_args()
    began = time.process_time()
    made = pool(asked.people, asked.photos, asked.light, Finder("dlib", suited("dlib", None)))
    print(f"pool: {len(made.enrolled)} + {len(made.usual)} + {len(made.dark)} photos; without a face: {made.missed}; "
          f"{time.process_time() - began:.0f} CPU seconds", flush=True)  # fmt: skip
    rows = []
    for seed in range(asked.seeds):
        for row in one_seed(made, seed, asked.a_day):
            print(json.dumps(row), flush=True)
            rows.append(row)
    print("| pictures a day | seeds with a false alarm in 30 quiet days | found in one day | in two | later or never |")
    print("|---|---|---|---|---|")
    for a_day in asked.a_day:
        of = [row for row in rows if row["a day"] == a_day]
        false = sum(bool(row["false alarms on quiet days"]) for row in of)
        until = [row["days until found"] for row in of]
        later = len(of) - until.count(1) - until.count(2)
        print(f"| {a_day} | {false} of {len(of)} | {until.count(1)} | {until.count(2)} | {later} |")
    print(f"{time.process_time() - began:.0f} CPU seconds")


if __name__ == "__main__":
    main()
