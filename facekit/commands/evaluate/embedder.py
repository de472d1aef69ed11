"""Score a run that is an embedder: on people it never saw, beside the embedder that it began with."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facekit.base.contract import Embedder, FacekitError, Record, Report, Track
from facekit.base.plain import Json
from facekit.base.text import counted
from facekit.dataset import Dataset
from facekit.dataset.lineage import TEST, TRAIN, VALIDATION
from facekit.dataset.made_from import MadeFrom
from facekit.identity import embedders, overlap
from facekit.identity.drawn_pairs import DrawnPairs, comparable_photos
from facekit.identity.embedders import DatasetEmbeddings
from facekit.identity.held_out import DRAWN
from facekit.options.evaluate import Evaluate
from facekit.options.typed import typed
from facekit.report import pairs as page
from facekit.runs import Run, provenance, reports
from facekit.runs.pictures import CHANGED, dataset_of
from facekit.scores.beside import Beside
from facekit.scores.model import Unread
from facekit.scores.pairs import Counts, Pairs, PairsReport, Point, score
from facekit.scores.sides import beside

STAGE = "evaluate"

FARS = (0.1, 0.01, 0.001)

OTHERWISE = "dlib"
"""What stands beside a network from scratch: what facekit would use in its place."""

SHOWN = 8

LEARNED = "{} of these {} people are among those that the run was trained on or chosen by"

log = logging.getLogger(__name__)


def evaluate_embedder(options: Evaluate, run: Run, track: Track) -> Report:
    """Score pairs drawn of the test part's people, or of another tree's; write `scores.json` and `report.html`.

    Raises FacekitError for options that are for names, pictures that are gone, and too few people.
    """
    began = time.monotonic()
    _refuse(options, run)
    pictures, left = _pictures(options, run, track)
    output = options.output or reports.folder(options.run, *_parts(options))
    reports.check(output, pictures.root, STAGE)
    made_from = MadeFrom.of(pictures.records, run.folder)
    if not options.overwrite:
        made_from.check(output, typed(options, overwrite=True))
    people = [record.label for record in pictures.records]
    drawn = DrawnPairs.of(people, options.seed)
    if options.dry_run:
        planned: dict[str, Json] = {"pictures": len(people), "pairs": len(drawn.same)}
        return Report(STAGE, str(output), 0, len(people), left, details=planned)
    own = _Looked.at(pictures, str(run.folder.resolve()), drawn, options.jobs, track)
    other = _beside(run)
    against = None if other is None else _Looked.at(pictures, other, drawn, options.jobs, track)
    left.update(reason for reason in own.embedded.reasons if reason)
    report = _scored(options, run, pictures, drawn, own, against, left)
    for banner in report.banners:
        log.warning("%s: %s", run.folder, banner)
    there = np.isfinite(own.far)
    shown = _shown(pictures, drawn, own)
    page.write(output, report, own.far[there], drawn.same[there], shown)
    made_from.write(output)
    kept = len(people) - sum(reason is not None for reason in own.embedded.reasons)
    return Report(STAGE, str(output), 0, kept, left, round(time.monotonic() - began, 2), page.details(report, output))


@dataclass(frozen=True)
class _Looked:
    """An embedder, and how far apart it finds the pictures of drawn pairs: NaN where one has no embedding."""

    name: str
    embedder: Embedder
    embedded: DatasetEmbeddings
    far: NDArray[np.float64]

    @classmethod
    def at(cls, pictures: Dataset, name: str, drawn: DrawnPairs, jobs: int, track: Track) -> _Looked:
        embedder = embedders.load(name)
        embedded = embedders.embed_dataset(pictures, name, track, jobs)
        return cls(name, embedder, embedded, drawn.distances(embedded.vectors, embedder.metric))


def _refuse(options: Evaluate, run: Run) -> None:
    for flag, given in (
        ("--strangers", options.strangers is not None),
        ("--by", options.by is not None),
        ("--include-training", options.include_training),
    ):
        if given:
            raise FacekitError(
                f"{run.folder} is an embedder, which names nobody, so {flag} says nothing; remove it, or score a "
                f"list of pairs with `facekit evaluate-pairs {run.folder} LIST`"
            )


def _pictures(options: Evaluate, run: Run, track: Track) -> tuple[Dataset, Counter[str]]:
    """Return the photos that are scored, one picture of each, and how many are left out, by reason."""
    left: Counter[str] = Counter()
    if options.data is None:
        wanted = run.part(options.part or TEST)
        if not wanted:
            raise FacekitError(
                f"{run.folder} has no {options.part or TEST} part: it was trained on everybody; give people it never "
                "saw with --data FOLDER"
            )
        pictures = dataset_of(run, wanted, track)
        left[CHANGED] += len(wanted) - len(pictures.records)
        if not pictures.records:
            raise FacekitError(f"the pictures of {run.folder} are no longer in {run.root}; give others with --data")
    else:
        pictures = Dataset.open(options.data, track).hashed(track)
        wanted = [record for record in pictures.records if options.part in (None, "all", record.split)]
        pictures, used = overlap.unused(run, run.root, replace(pictures, records=wanted), options.jobs, track)
        left += used
    return replace(pictures, records=comparable_photos(pictures.records)), +left


def _parts(options: Evaluate) -> list[str]:
    """Return what the report's folder is called after, besides the test part."""
    own = [] if options.data is None else [options.data.resolve().name]
    part = options.part if options.part and not (options.data is None and options.part == TEST) else None
    return [*own, *([part] if part else [])]


def _beside(run: Run) -> str | None:
    """Return the embedder that a run began with; of a network from scratch dlib, where it is installed.

    A path is that of `model.json`: it is only opened where the weights in it are those that the run names.
    """
    assert run.info.embeds is not None
    other = run.info.embeds.beside
    if other is None:
        return OTHERWISE if embedders.available(OTHERWISE) else None
    if other.name.startswith("/"):
        return other.name if embedders.is_there(other) else None
    return other.name


def _scored(
    options: Evaluate,
    run: Run,
    pictures: Dataset,
    drawn: DrawnPairs,
    own: _Looked,
    against: _Looked | None,
    left: Counter[str],
) -> PairsReport:
    records, embedder = pictures.records, own.embedder
    pairs, there = _pairs(records, drawn, own)
    compared = None
    if against is not None:
        names = (embedder.name, against.embedder.name)
        thresholds = (embedder.threshold, against.embedder.threshold)
        compared = beside(pairs, names, thresholds, against.far[there], FARS, options.rounds, options.seed)
    reasons = own.embedded.reasons
    return PairsReport(
        embedder=embedders.card(embedder),
        run=str(run.folder),
        pairs=f"pairs drawn of {options.part or TEST if options.data is None else pictures.root.name}",
        threshold_from=None,
        data=str(pictures.root),
        by=None,
        banners=tuple(_banners(run, records, compared)),
        counts=_counts(drawn, there, records),
        left=dict(left),
        unread=tuple(Unread(one.path, why) for one, why in zip(records, reasons, strict=True) if why),
        rounds=options.rounds,
        scores=score(pairs, [Point(embedder.threshold, "the run's own")], [], FARS, options.rounds, options.seed),
        weights=provenance.of_run(run),
        beside=compared,
    )


def _pairs(records: Sequence[Record], drawn: DrawnPairs, own: _Looked) -> tuple[Pairs, NDArray[np.bool_]]:
    """Return the pairs that have a distance, and which these are. Raises FacekitError without either kind."""
    there = np.isfinite(own.far)
    for kind, which in (("one person", drawn.same), ("two people", ~drawn.same)):
        if not (there & which).any():
            raise FacekitError(f"no pair of {kind} can be compared; give photos that show a face")
    number = {label: place for place, label in enumerate(sorted({record.label for record in records}))}
    who = np.array([number[record.label] for record in records], np.int64)
    folds = np.zeros(int(there.sum()), np.int64)
    first, second = who[drawn.first[there]], who[drawn.second[there]]
    return Pairs(own.far[there], drawn.same[there], first, second, len(number), folds, drawn.same[~there]), there


def _banners(run: Run, records: Sequence[Record], compared: Beside | None) -> list[str]:
    banners = []
    people = {record.label for record in records}
    learned = people & {one.label for one in run.split if one.split in (TRAIN, VALIDATION)}
    if learned:
        banners.append(LEARNED.format(counted(len(learned), "person", "people").partition(" ")[0], len(people)))
    if compared is not None and compared.verdict != "better":
        banners.append(str(compared))
    if run.info.drawn:
        banners.append(DRAWN)
    return banners


def _counts(drawn: DrawnPairs, there: NDArray[np.bool_], records: Sequence[Record]) -> Counts:
    same = drawn.same
    return Counts(
        pairs=len(same),
        compared=int(there.sum()),
        matched=int((there & same).sum()),
        mismatched=int((there & ~same).sum()),
        matched_left_out=int((~there & same).sum()),
        mismatched_left_out=int((~there & ~same).sum()),
        photos=len(records),
        people=len({record.label for record in records}),
        people_known="by folder",
        in_no_group=0,
    )


def _shown(pictures: Dataset, drawn: DrawnPairs, own: _Looked) -> page.Shown:
    """Return the farthest pairs of one person and the nearest of two, worst first."""
    paths = [record.path for record in pictures.records]

    def worst(same: bool, sign: float) -> list[page.Couple]:
        places = np.flatnonzero((drawn.same == same) & np.isfinite(own.far))
        order = places[np.argsort(sign * own.far[places], kind="stable")[:SHOWN]]
        return [
            page.Couple(
                (paths[drawn.first[place]], paths[drawn.second[place]]),
                float(own.far[place]),
                bool((own.far[place] <= own.embedder.threshold) != same),
            )
            for place in order
        ]

    return page.Shown(Path(pictures.root), worst(True, -1.0), worst(False, 1.0))
