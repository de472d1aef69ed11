"""Compare: several networks and settings, trained on one split and shown in one table."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from facekit import runs
from facekit.base.contract import PARTS, FacekitError, Record, Report, Track, quiet
from facekit.base.files import replace_file
from facekit.commands.compare import measure
from facekit.commands.compare.book import PENDING, SPLIT, TABLES, Book
from facekit.commands.compare.contenders import Contender, contenders
from facekit.dataset import Dataset, check_places, protocol
from facekit.options.compare import Compare
from facekit.options.evaluate import Evaluate
from facekit.report import comparison
from facekit.report.comparison import Row, Table, Test
from facekit.report.scores import PROTOCOLS
from facekit.runs import Run
from facekit.training import flow as training
from facekit.training.flow import Parted

STAGE = "compare"
GIVEN = f"{runs.EVALUATION}-given"
"""The folder, in a run, of its scores on the pictures of `--test`."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Course:
    """What all contenders are trained and scored on."""

    dataset: Dataset
    records: list[Record]
    given: Dataset | None
    """The pictures of `--test`."""

    @cached_property
    def given_digest(self) -> str | None:
        """What the given pictures are known by."""
        return self.given.digest() if self.given else None

    def part(self, name: str) -> list[Record]:
        """Return the pictures of one part of the split."""
        return [record for record in self.records if record.split == name]


def compare(options: Compare, track: Track = quiet) -> Report:
    """Train and score each contender on one split, and write the table anew after each.

    Run again, it goes on: what is trained is not trained again, and contenders that were not there before
    are added. A contender that cannot be trained is a row with its reason. Raises FacekitError for options
    and pictures that cannot be used, before anything is trained, and where no contender can be trained.
    """
    began = time.monotonic()
    check_places(options.output, options.input)
    entered = contenders(options)
    with nullcontext() if options.dry_run else runs.claimed(options.output):
        book = Book.open(options)
        if not options.overwrite:
            _refuse_changed(entered)
        dataset = Dataset.open(options.input, track)
        given = _given(options, dataset, track)
        course = Course(dataset, book.settle(dataset, options, track), given)
        if options.dry_run:
            return _report(options, [], 0, began, {"contenders": len(entered), **_parts(course)})
        if given:
            book.take_test(given)
        pending = [measure.described(c.name, c.options, reason=PENDING) for c in entered if c.name not in book.rows]
        book.put(*pending)
        names = [contender.name for contender in entered]
        made = 0
        for number, contender in enumerate(entered, 1):
            log.info("contender %d of %d: %s", number, len(entered), contender.name)
            before = book.rows[contender.name]
            book.put(_row(book, contender, course, options, track))
            made += before.reason is not None and book.rows[contender.name].reason is None
            table = _write(book, names, course, options)
    return _end(options, table, names, made, began)


def _given(options: Compare, dataset: Dataset, track: Track) -> Dataset | None:
    """Open the pictures of `--test`. Raises FacekitError for names that nobody learns."""
    if options.test is None:
        return None
    check_places(options.output, options.test)
    given = Dataset.open(options.test, track)
    unknown = sorted(set(given.labels) - set(dataset.labels))
    if unknown:
        what = f"{len(unknown)} names that {options.input} has not (first {unknown[0]})"
        raise FacekitError(f"{options.test} holds {what}; take them out")
    return given


def _refuse_changed(entered: Sequence[Contender]) -> None:
    """Refuse other options for a name that is trained or begun, before anything is trained."""
    for contender in entered:
        try:
            runs.found(contender.options)
        except FacekitError as error:
            what = str(error).partition(";")[0]
            raise FacekitError(f"{what}; give the contender another name, or delete that folder") from None


def _row(book: Book, contender: Contender, course: Course, options: Compare, track: Track) -> Row:
    """Train a contender if it is not trained, and measure what is not measured; a refusal becomes its reason."""
    try:
        run = _trained(book, contender, course, track)
        known = book.rows[contender.name]
        if _is_measured(book, known, run, course):
            return known
        return _measured(run, contender, course, options, track)
    except FacekitError as error:
        log.warning("%s is left out: %s", contender.name, error)
        return measure.described(contender.name, contender.options, reason=str(error))


def _trained(book: Book, contender: Contender, course: Course, track: Track) -> Run:
    """Train on the one split; a run that is complete, or goes on, must have it already."""

    def settle(run: Run | None) -> Parted:
        if run is not None:
            book.check_split(run)
        return Parted(course.dataset, course.records, book.split_by)

    done = runs.found(contender.options)
    if done is not None and done.complete:
        book.check_split(done)
        return done
    trained = training.trained(contender.options, settle, track)
    assert isinstance(trained, Run)  # nothing is dry here
    return trained


def _is_measured(book: Book, row: Row, run: Run, course: Course) -> bool:
    """Whether a row is of this run and has all that is asked for, its pages too."""
    pages = all((book.folder / score.report).exists() for score in row.scores if score.report)
    same = row.reason is None and row.model == measure.identity(run)
    return same and pages and (course.given is None or row.test == course.given_digest)


def _measured(run: Run, contender: Contender, course: Course, options: Compare, track: Track) -> Row:
    own = Evaluate(run=run.folder, batch=options.batch, jobs=options.jobs, seed=options.seed)
    asked: dict[Test, Evaluate] = {"own": own} if course.part("test") else {}
    if course.given:
        asked["given"] = replace(own, data=course.given.root, output=run.folder / GIVEN)
    found = [measure.scored(one, test, options.output, track) for test, one in asked.items()]
    held = course.part("test") or course.part("validation") or course.records
    return measure.trained(
        contender.name,
        contender.options,
        run,
        scores=[score for scores, _ in found for score in scores],
        banners=list(dict.fromkeys(banner for _, banners in found for banner in banners)),
        pictures_per_second=measure.speed(run, course.dataset, held, options.batch, options.jobs),
        model=measure.identity(run),
        test=course.given_digest,
    )


def _write(book: Book, names: Sequence[str], course: Course, options: Compare) -> Table:
    """Write the table in its three forms."""
    rows = book.ordered(names)
    banners = [protocol.BANNER] if book.split_by == protocol.IMAGE else []
    banners = list(dict.fromkeys(banners + [banner for row in rows for banner in row.banners]))
    table = Table(
        f"{options.input.resolve().name}: {len(rows)} contenders", rows, banners, _notes(book, course, options)
    )
    for name, written in zip(TABLES, (comparison.markdown, comparison.csv_text, comparison.html), strict=True):
        replace_file(book.folder / name, written(table).encode())
    return table


def _parts(course: Course) -> dict[str, int]:
    counts = Counter(record.split for record in course.records)
    return {"labels": len(course.dataset.labels), **{f"{part}_pictures": counts[part] for part in PARTS}}


def _notes(book: Book, course: Course, options: Compare) -> list[str]:
    parts = _parts(course)
    counts = ", ".join(f"{parts[f'{part}_pictures']:,} {part}" for part in PARTS)
    notes = [f"One split for all ({SPLIT}), drawn {PROTOCOLS[book.split_by]}. Pictures of {parts['labels']} names: "
             f"{counts}."]  # fmt: skip
    if book.test:
        folder = "/".join(Path(book.test["root"]).parts[-2:])
        notes.append(f"Given test: {book.test['pictures']:,} pictures of {folder}.")
    notes.append("Train and validation: accuracy in the epoch that was kept; in training it is that of a network "
                 "still learning. In brackets: the 95% interval.")  # fmt: skip
    notes.append(f"Images/s: from file to answer, {options.batch} at a time, median of three.")
    return notes


def _end(options: Compare, table: Table, names: Sequence[str], made: int, began: float) -> Report:
    """Return the report. Raises FacekitError, with the report, where nothing of what was asked for could be trained."""
    rows = [row for row in table.rows if row.name in names]
    told = {row.name: comparison.told(row, table) for row in rows}
    details = {**told, "banners": list(table.banners), "table": str(options.output / TABLES[0])}
    report = _report(options, table.rows, made, began, {**details, "report": str(options.output / TABLES[2])})
    if all(row.reason for row in rows):
        raise FacekitError(f"none of {len(rows)} contenders could be trained; {rows[0].name}: {rows[0].reason}", report)
    return report


def _report(options: Compare, rows: Sequence[Row], made: int, began: float, details: dict[str, object]) -> Report:
    left = Counter({"cannot be trained": failed} if (failed := sum(row.reason is not None for row in rows)) else {})
    seconds = round(time.monotonic() - began, 2)
    return Report(STAGE, str(options.output), made, sum(row.reason is None for row in rows), left, seconds, details)
