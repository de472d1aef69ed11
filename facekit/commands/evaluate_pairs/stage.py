"""Score an embedder on a list of pairs, and write the scores as JSON and as a page."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from facekit.base.contract import BadImage, Embedder, FacekitError, Record, Report, Track, quiet, replace
from facekit.base.parallel import ordered_map
from facekit.commands.evaluate_pairs.faces import Compared, Subject, compare, crop_for, photos_of
from facekit.commands.evaluate_pairs.groups import grouped
from facekit.dataset import Dataset, DatasetInfo, pairlists
from facekit.dataset.lineage import TRAIN, VALIDATION
from facekit.dataset.made_from import MadeFrom
from facekit.dataset.pairlists import PairList
from facekit.identity import cleaned, embedders
from facekit.identity.held_out import DRAWN
from facekit.options.evaluate_pairs import EvaluatePairs, far_rates
from facekit.options.following import using
from facekit.options.targets import IDENTITY
from facekit.options.typed import typed
from facekit.report import pairs as page
from facekit.runs import Run, provenance, reports
from facekit.scores.pairs import Counts, Group, Pairs, PairsReport, Point, score
from facekit.scores.verification import best_threshold
from facekit.scores.weights import WeightsCard

STAGE = "evaluate-pairs"

OWN = "the embedder's own"
MOST_SHOWN = 8

LEARNED = "the model was trained on {} of these {} people: this score does not show how well it works on strangers"
SHARED = "{} of the {} people are in {} too: the threshold was chosen on them"

log = logging.getLogger(__name__)


def evaluate_pairs(options: EvaluatePairs, track: Track = quiet) -> Report:
    """Score a run or an embedder on `pairs` of photos; write `scores.json` and `report.html`.

    Raises FacekitError: neither a run nor an embedder, a broken list, photos that are not there, no pair of
    one kind that can be compared.
    """
    began = time.monotonic()
    subject = Subject.of(options.run)
    files = [options.pairs] if options.threshold_from is None else [options.pairs, options.threshold_from]
    output = _output(options, subject, options.pairs)
    lists = [_list(file, options, track) for file in files]
    made_from = _made_from(lists[0][1], subject, options.jobs, track)
    if not options.overwrite:
        made_from.check(output, typed(options, overwrite=True))
    if options.dry_run:
        listed, photos = lists[0]
        count = len(photos.records)
        return Report(STAGE, str(output), 0, count, details={"pairs": len(listed.pairs), "photos": count})
    embedder = embedders.load(subject.name)
    compared, *others = (
        compare(*one, crop_for(options, subject, one[1]), embedder, subject.name, track, options.jobs) for one in lists
    )
    tuned = others[0] if others else None
    report = _score(options, subject, embedder, compared, tuned)
    threshold = report.scores.points[-1].point.threshold
    page.write(output, report, compared.far, compared.same, _shown(compared, threshold))
    made_from.write(output)
    kept = len(compared.photos.records) - compared.left.total()
    seconds = round(time.monotonic() - began, 2)
    done = Report(STAGE, str(output), 0, kept, compared.left, seconds, page.details(report, output))
    if subject.run is not None:
        done.next = using(options.run, subject.run.embeds)
    return done


def _list(file: Path, options: EvaluatePairs, track: Track) -> tuple[PairList, Dataset]:
    root = options.data or file.parent
    listed = pairlists.on_disk(pairlists.read(file), root)
    return listed, photos_of(listed, root, track)


def _made_from(photos: Dataset, subject: Subject, jobs: int, track: Track) -> MadeFrom:
    """Return what the report is of: the photos as they are now. Of a plain folder nothing is known but their names."""

    def digest(record: Record) -> str:
        try:
            return hashlib.sha256(photos.bytes_of(record)).hexdigest()
        except BadImage:  # counted where it is decoded
            return ""

    hashes = track(ordered_map(digest, photos.records, jobs), f"read {photos.root.name}", len(photos.records))
    now = [replace(record, sha256=sha256) for record, sha256 in zip(photos.records, hashes, strict=True)]
    return MadeFrom.of(now, None if subject.run is None else subject.run.folder)


def _output(options: EvaluatePairs, subject: Subject, pairs: Path) -> Path:
    if options.output is None and subject.run is None:
        raise FacekitError(f"give a folder for the report on {subject.name} with -o")
    output = options.output or reports.folder(options.run, "pairs", pairs.stem)
    reports.check(output, options.data or pairs, STAGE)
    return output


def _score(
    options: EvaluatePairs, subject: Subject, embedder: Embedder, compared: Compared, tuned: Compared | None
) -> PairsReport:
    points = [Point(embedder.threshold, OWN)]
    if tuned is not None:
        points.append(Point(best_threshold(tuned.far, tuned.same), f"best on {tuned.listed.file.name}"))
    groups = [] if options.by is None else grouped(compared, options.by, options.table)
    banners = _banners(subject, compared, tuned)
    for banner in banners:
        log.warning("%s: %s", compared.listed.file, banner)
    pairs = compared.pairs()
    return PairsReport(
        embedder=embedders.card(embedder),
        run=None if subject.run is None else str(subject.run.folder),
        pairs=str(compared.listed.file),
        threshold_from=None if tuned is None else str(tuned.listed.file),
        data=str(compared.photos.root),
        by=options.by,
        banners=tuple(banners),
        counts=_counts(compared, pairs, groups),
        left=dict(compared.left),
        unread=tuple(compared.unread),
        rounds=options.rounds,
        scores=score(pairs, points, groups, far_rates(options.far), options.rounds, options.seed),
        weights=_weights(subject, embedder),
    )


def _weights(subject: Subject, embedder: Embedder) -> WeightsCard:
    run = subject.run
    return provenance.of_embedder(subject.name, embedder.licence) if run is None else provenance.of_run(run)


def _counts(compared: Compared, pairs: Pairs, groups: Sequence[Group]) -> Counts:
    in_groups = int(np.logical_or.reduce([group.which for group in groups]).sum()) if groups else len(pairs.far)
    return Counts(
        pairs=len(compared.listed.pairs),
        compared=len(pairs.far),
        matched=int(pairs.same.sum()),
        mismatched=int((~pairs.same).sum()),
        matched_left_out=int(pairs.lost.sum()),
        mismatched_left_out=int((~pairs.lost).sum()),
        photos=len(compared.photos.records),
        people=pairs.people,
        people_known=compared.people.by,
        in_no_group=len(pairs.far) - in_groups,
    )


def _banners(subject: Subject, compared: Compared, tuned: Compared | None) -> list[str]:
    banners = []
    people = set(compared.people.of.values())
    run = subject.network
    if run is not None and compared.people.by == pairlists.BY_FOLDER:
        learned = {Path(person).name for person in people} & _learned(run)
        if learned:
            banners.append(LEARNED.format(len(learned), len(people)))
    if tuned is not None:
        photos = set(compared.people.of) & set(tuned.people.of)
        known = {compared.people.of[photo] for photo in photos}
        if compared.people.by == tuned.people.by == pairlists.BY_FOLDER:
            known |= people & set(tuned.people.of.values())
        if known:
            banners.append(SHARED.format(len(known), len(people), tuned.listed.file.name))
    if favoured := _favoured(subject, compared.photos.info):
        banners.append(favoured)
    if compared.photos.info.drawn or (run is not None and run.info.drawn):
        banners.append(DRAWN)
    return banners


def _learned(run: Run) -> set[str]:
    """Return whom a run was trained on; of an embedder also those by whom its best epoch was chosen."""
    names_people = not run.embeds and run.targets[0].name == IDENTITY
    return set(run.labels) if names_people else {one.label for one in run.split if one.split in (TRAIN, VALIDATION)}


def _favoured(subject: Subject, info: DatasetInfo) -> str | None:
    same = cleaned.same_network(subject.name, info)
    return cleaned.FAVOURED.format(same) if same else None


def _shown(compared: Compared, threshold: float) -> page.Shown:
    """Return the farthest pairs of one person and the nearest of two, worst first."""
    pairs = [pair for pair, there in zip(compared.listed.pairs, compared.there, strict=True) if there]
    wrong = (compared.far <= threshold) != compared.same

    def worst(same: bool, sign: float) -> list[page.Couple]:
        places = np.flatnonzero(compared.same == same)
        order = places[np.argsort(sign * compared.far[places], kind="stable")[:MOST_SHOWN]]
        return [
            page.Couple((pairs[place].first, pairs[place].second), float(compared.far[place]), bool(wrong[place]))
            for place in order
        ]

    return page.Shown(compared.photos.root, worst(True, -1.0), worst(False, 1.0))
