"""Compare: several networks and settings, trained on one split and shown in one table."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from facekit import runs, training
from facekit.base.contract import PARTS, FacekitError, Report, Track, quiet, replace
from facekit.base.files import replace_file
from facekit.base.plain import Json
from facekit.base.text import counted, listed
from facekit.commands.compare import measure
from facekit.commands.compare.contenders import RUNS, Contender, contenders
from facekit.commands.compare.folder import PENDING, SPLIT, TABLES, Comparison, begun, open_comparison
from facekit.commands.compare.joint import best as best_of_all
from facekit.commands.compare.joint import verdicts
from facekit.commands.compare.measure import Course
from facekit.dataset import Dataset, check_places, protocol
from facekit.dataset.lineage import TEST
from facekit.dataset.spelling import as_known
from facekit.identity.groups import warn_of_two
from facekit.identity.split import Split
from facekit.options.common import PROTOCOLS
from facekit.options.compare import Compare
from facekit.report import comparison_table as tables
from facekit.report.comparison import Row, Table, among_strangers
from facekit.runs import Run

STAGE = "compare"

log = logging.getLogger(__name__)


def compare(options: Compare, track: Track = quiet) -> Report:
    """Train and score each contender on one split, and rewrite the table after each.

    Run again, it goes on: what is trained is not trained again, and contenders that were not there before
    are added. A contender that cannot be trained is a row with its reason. Raises FacekitError for options
    and pictures that cannot be used, before anything is trained, and where no contender can be trained.
    """
    began = time.monotonic()
    check_places(options.output, options.input)
    entered = contenders(options)
    with nullcontext() if options.dry_run else runs.claimed(options.output):
        state = begun(options)
        if not options.overwrite:
            _refuse_changed(entered)
        dataset = Dataset.open(options.input, track).hashed(track)
        given = _given(options, dataset, track)
        comparison = open_comparison(options, state, dataset, entered[0].options, track)
        if options.dry_run:
            return _report(options, [], 0, began, {"contenders": len(entered), **_parts(comparison.split)})
        course = Course(comparison.split, given, options, track)
        return _run(comparison, entered, course, began)


def _run(comparison: Comparison, entered: Sequence[Contender], course: Course, began: float) -> Report:
    """Take the contenders one after another, and write the table after each."""
    if course.given:
        comparison.take_test(course.given)
    fresh = [contender for contender in entered if contender.name not in comparison.rows]
    comparison.put(*(measure.described(one.name, one.options, reason=PENDING) for one in fresh))
    names = [contender.name for contender in entered]
    made = 0
    for number, contender in enumerate(entered, 1):
        log.info("contender %d of %d: %s", number, len(entered), contender.name)
        before = comparison.rows[contender.name]
        row = _row(comparison, contender, course)
        comparison.put(row)
        made += before.reason is not None and row.reason is None
        table = _write(comparison, names, course)
    return _end(course.options, table, names, _verdicts(comparison, course.options), made, began)


def _given(options: Compare, dataset: Dataset, track: Track) -> Dataset | None:
    """Open the pictures of `--test`. Raises FacekitError for names that the contenders do not learn."""
    if options.test is None:
        return None
    check_places(options.output, options.test)
    given = Dataset.open(options.test, track)
    given = replace(given, records=as_known(given.records, dataset.labels))
    unknown = sorted(set(given.labels) - set(dataset.labels))
    if unknown:
        what = f"{counted(len(unknown), 'name')} that {options.input} does not have (the first: {unknown[0]})"
        raise FacekitError(f"{options.test} has {what}; remove them")
    warn_of_two(dataset.root, dataset.info.matchers, given.root, given.info.matchers)
    return given


def _refuse_changed(entered: Sequence[Contender]) -> None:
    """Refuse other options for a name that is trained or begun, before anything is trained."""
    for contender in entered:
        try:
            runs.begun(contender.options)
        except FacekitError as error:
            what = str(error).partition(";")[0]
            raise FacekitError(f"{what}; give the contender another name, or delete that folder") from None


def _row(comparison: Comparison, contender: Contender, course: Course) -> Row:
    """Train a contender if it is not trained, and measure what is not measured; a refusal becomes its reason."""
    try:
        run = _trained(comparison, contender, course.track)
        known = comparison.rows[contender.name]
        if _is_measured(comparison.folder, known, run, course):
            return known
        return measure.measured(contender.name, contender.options, run, course)
    except FacekitError as error:
        log.warning("%s is left out: %s", contender.name, error)
        return measure.described(contender.name, contender.options, reason=str(error))


def _trained(comparison: Comparison, contender: Contender, track: Track) -> Run:
    """Train on the one split; a run that is complete, or goes on, must have it already."""
    plan = training.plan(contender.options, comparison.split, track)
    if plan.run is not None:
        comparison.check_split(plan.run)
    return training.fit(plan, track)


def _is_measured(folder: Path, row: Row, run: Run, course: Course) -> bool:
    """Whether a row is of this run and has all that is asked for, its pages too."""
    pages = all((folder / score.report).exists() for score in row.scores if score.report)
    same = row.reason is None and row.model == measure.identity(run)
    return same and pages and (course.given is None or row.test == course.given_digest)


def _write(comparison: Comparison, names: Sequence[str], course: Course) -> Table:
    """Write the table in its three forms."""
    rows = comparison.ordered(names)
    banners = [protocol.BANNER] if comparison.split.protocol == protocol.IMAGE else []
    banners = list(dict.fromkeys(banners + _banners(rows)))
    title = f"{course.options.input.resolve().name}: {counted(len(rows), 'contender')}"
    notes = [*_notes(comparison, course.options), *_verdicts(comparison, course.options), *among_strangers(rows)]
    table = Table(title, rows, banners, notes)
    for name, write in zip(TABLES, (tables.markdown, tables.csv, tables.html), strict=True):
        replace_file(comparison.folder / name, write(table).encode())
    return table


def _banners(rows: Sequence[Row]) -> list[str]:
    """Return the warnings of the rows; after one that is not of all that have scores a sentence names those."""
    scored = [row for row in rows if row.scores]
    names = {banner: [row.name for row in scored if banner in row.banners] for row in scored for banner in row.banners}
    return [
        banner if len(of) == len(scored) else f"{banner}. This is so of {listed(of)}" for banner, of in names.items()
    ]


def _verdicts(comparison: Comparison, options: Compare) -> list[str]:
    """Return for each target whether one network for all is better than one for it alone."""
    if options.targets is None:
        return []
    split = comparison.split
    return list(verdicts(comparison.rows, contenders(options), split.part(TEST), split.protocol, options.seed))


def _parts(split: Split) -> dict[str, int]:
    return {"labels": len(split.labels), **{f"{part}_pictures": split.counts[part] for part in PARTS}}


def _notes(comparison: Comparison, options: Compare) -> list[str]:
    split, test = comparison.split, comparison.state.test
    counts = ", ".join(f"{split.counts[part]:,} {part}" for part in PARTS)
    names = counted(len(split.labels), "name")
    notes = [f"One split for all ({SPLIT}), drawn {PROTOCOLS[split.protocol]}. Pictures of {names}: {counts}."]
    if test is not None:
        notes.append(f"Given test: {counted(test.pictures, 'picture')} of {'/'.join(Path(test.root).parts[-2:])}.")
    notes.append("Train and validation: accuracy in the epoch that was kept; in training it is that of a network "
                 "still learning. Beside a score: its 95% interval.")  # fmt: skip
    notes.append(f"Images/s: from file to answer, {options.batch} at a time, median of three.")
    return notes


def _end(
    options: Compare, table: Table, names: Sequence[str], verdicts_: Sequence[str], made: int, began: float
) -> Report:
    """Return the report. Raises FacekitError, with the report, where nothing of what was asked for could be trained."""
    rows = [row for row in table.rows if row.name in names]
    lines = {row.name: tables.summary(row, table) for row in rows}
    places = {"table": str(options.output / TABLES[0]), "report": str(options.output / TABLES[2])}
    if options.targets is not None:
        found = best_of_all(rows, contenders(options))
        lines |= {f"verdict {number}": said for number, said in enumerate(verdicts_, 1)}
    else:
        scored = [row for row in rows if row.scores and row.reason is None]
        found = max(scored, key=lambda row: row.scores[0].accuracy, default=None)  # the first of equals
    if found is not None:
        places["best"] = str(options.output / RUNS / found.name)
    report = _report(options, table.rows, made, began, {**lines, "banners": list(table.banners), **places})
    if all(row.reason for row in rows):
        raise FacekitError(
            f"none of {counted(len(rows), 'contender')} could be trained; {rows[0].name}: {rows[0].reason}", report
        )
    return report


def _report(options: Compare, rows: Sequence[Row], made: int, began: float, details: dict[str, Json]) -> Report:
    left = Counter({"cannot be trained": failed} if (failed := sum(row.reason is not None for row in rows)) else {})
    seconds = round(time.monotonic() - began, 2)
    return Report(STAGE, str(options.output), made, sum(row.reason is None for row in rows), left, seconds, details)
