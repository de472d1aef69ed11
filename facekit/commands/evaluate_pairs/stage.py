"""Score an embedder on a list of pairs: what is asked for, in which order, and what is written."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from facekit.base.contract import Embedder, FacekitError, Report, Track, quiet
from facekit.base.files import guarded, replace_file, write_json
from facekit.commands.evaluate_pairs.faces import Asked, Compared, compare, finding, photos_of
from facekit.commands.evaluate_pairs.groups import grouped
from facekit.commands.evaluate_pairs.result import RATES, Point, scored
from facekit.dataset import Dataset, pairlists
from facekit.dataset.pairlists import PairList
from facekit.identity import embedders
from facekit.identity.held_out import DRAWN
from facekit.options.evaluate_pairs import EvaluatePairs, far_rates
from facekit.report import pairs as page
from facekit.runs import reports
from facekit.runs.reports import PAGE, SCORES
from facekit.scores.verification import best_threshold

STAGE = "evaluate-pairs"

OWN = "the embedder's own"
MOST_SHOWN = 8

LEARNED = "the model learned the faces of {} of these {} people: this score does not say how it does on strangers"
SHARED = "{} of the {} people stand in {} too: the threshold was chosen on them"

log = logging.getLogger(__name__)


def evaluate_pairs(options: EvaluatePairs, track: Track = quiet) -> Report:
    """Score a run or an embedder on `pairs` of photos; write `scores.json` and `report.html`.

    Raises FacekitError: neither a run nor an embedder, a broken list, photos that are not there, no pair of
    one kind that can be compared.
    """
    began = time.monotonic()
    asked = Asked.of(options.run)
    files = [options.pairs] if options.threshold_from is None else [options.pairs, options.threshold_from]
    output = _output(options, asked, options.pairs)
    lists = [_list(file, options, track) for file in files]
    if options.dry_run:
        listed, photos = lists[0]
        found = {"pairs": len(listed.pairs), "photos": len(photos.records)}
        return Report(STAGE, str(output), 0, found["photos"], details=found)
    embedder = embedders.load(asked.name)
    compared, *others = (
        compare(*one, finding(options, asked, one[1]), embedder, asked.name, track, options.jobs) for one in lists
    )
    tuned = others[0] if others else None
    result = _result(options, asked, embedder, compared, tuned)
    with guarded(output):
        output.mkdir(parents=True, exist_ok=True)
    write_json(output / SCORES, result)
    shown = page.Shown(compared.photos.root, *_shown(compared, result["points"][-1]["threshold"]))
    html = page.render(result, compared.far, compared.same, shown)
    replace_file(output / PAGE, html.encode(errors="replace"))
    kept = len(compared.photos.records) - compared.left.total()
    seconds = round(time.monotonic() - began, 2)
    return Report(STAGE, str(output), 0, kept, compared.left, seconds, _details(result, output))


def _list(file: Path, options: EvaluatePairs, track: Track) -> tuple[PairList, Dataset]:
    listed = pairlists.read(file)
    return listed, photos_of(listed, options.data or file.parent, track)


def _output(options: EvaluatePairs, asked: Asked, pairs: Path) -> Path:
    if options.output is None and asked.run is None:
        raise FacekitError(f"say with -o where the report on {asked.name} goes")
    output = options.output or reports.folder(options.run, "pairs", pairs.stem)
    reports.check(output, options.data or pairs, STAGE)
    return output


def _result(
    options: EvaluatePairs, asked: Asked, embedder: Embedder, compared: Compared, tuned: Compared | None
) -> dict[str, Any]:
    points = [Point(embedder.threshold, OWN)]
    if tuned is not None:
        points.append(Point(best_threshold(tuned.far, tuned.same), f"best on {tuned.listed.file.name}"))
    groups = [] if options.by is None else grouped(compared, options.by, options.table)
    about = {name: getattr(embedder, name) for name in ("name", "version", "metric", "licence", "accuracy")}
    banners = _banners(asked, compared, tuned)
    for banner in banners:
        log.warning("%s: %s", compared.listed.file, banner)
    return {
        "embedder": {**about, "threshold": embedder.threshold},
        "run": None if asked.run is None else str(asked.run.folder),
        "pairs": str(compared.listed.file),
        "threshold_from": None if tuned is None else str(tuned.listed.file),
        "data": str(compared.photos.root),
        "by": options.by,
        "banners": banners,
        "counts": _counts(compared, [group.which for group in groups]),
        "left": dict(compared.left),
        "rounds": options.rounds,
        **scored(compared, points, groups, far_rates(options.far), options.rounds, options.seed),
    }


def _counts(compared: Compared, groups: Sequence[Any]) -> dict[str, Any]:
    people, _, _ = compared.numbers
    grouped_pairs = int(np.logical_or.reduce(groups).sum()) if groups else 0
    return {
        "pairs": len(compared.listed.pairs),
        "compared": len(compared.far),
        "matched": int(compared.same.sum()),
        "mismatched": int((~compared.same).sum()),
        "matched_left_out": int(compared.lost.sum()),
        "mismatched_left_out": int((~compared.lost).sum()),
        "photos": len(compared.photos.records),
        "people": people,
        "people_known": compared.people.by,
        "in_no_group": len(compared.far) - grouped_pairs if groups else 0,
    }


def _banners(asked: Asked, compared: Compared, tuned: Compared | None) -> list[str]:
    banners = []
    people = set(compared.people.of.values())
    run = asked.network
    if run is not None and compared.people.by == pairlists.BY_FOLDER:
        learned = {Path(person).name for person in people} & set(run.labels)
        if learned:
            banners.append(LEARNED.format(len(learned), len(people)))
    if tuned is not None:
        photos = set(compared.people.of) & set(tuned.people.of)
        known = {compared.people.of[photo] for photo in photos}
        if compared.people.by == tuned.people.by == pairlists.BY_FOLDER:
            known |= people & set(tuned.people.of.values())
        if known:
            banners.append(SHARED.format(len(known), len(people), tuned.listed.file.name))
    if compared.photos.info.drawn or (run is not None and run.info.get("drawn")):
        banners.append(DRAWN)
    return banners


def _shown(compared: Compared, threshold: float) -> tuple[list[page.Couple], list[page.Couple]]:
    """Return the farthest pairs of one person and the nearest of two, worst first."""
    pairs = [pair for pair, there in zip(compared.listed.pairs, compared.there, strict=True) if there]
    found: list[list[page.Couple]] = []
    for same, sign in ((True, -1.0), (False, 1.0)):
        places = np.flatnonzero(compared.same == same)
        worst = places[np.argsort(sign * compared.far[places], kind="stable")[:MOST_SHOWN]]
        wrong = (compared.far <= threshold) != compared.same
        found.append(
            [
                page.Couple((pairs[place].first, pairs[place].second), float(compared.far[place]), bool(wrong[place]))
                for place in worst
            ]
        )
    return found[0], found[1]


def _details(result: dict[str, Any], output: Path) -> dict[str, Any]:
    """Return what the closing table shows: of each score its value and, as `NAME_interval`, its interval."""
    counts, point, last = result["counts"], result["points"][-1], len(result["points"]) - 1
    said: dict[str, Any] = {
        "embedder": result["embedder"]["name"],
        "pairs_compared": counts["compared"],
        "pairs_left_out": counts["pairs"] - counts["compared"],
        "threshold": round(point["threshold"], 4),
        "threshold_from": point["from"],
    }
    for name in RATES:
        said |= _said(name, point[name], result["intervals"][f"{name} {last}"])
    if said["pairs_left_out"]:
        said |= _said("accuracy with those left out as rejected", point["left_out_rejected"]["accuracy"], None)
    for name, value in result["scores"].items():
        said |= _said(name, value, result["intervals"][name])
    if result["folds"] is not None:
        said |= _said("accuracy, mean of folds", result["folds"]["accuracy"], None)
        said |= _said("its standard error", result["folds"]["standard_error"], None)
    for row in result["groups"]:
        name = f"accuracy of {row['pairs']} pairs {row['group']}"
        said |= _said(name, row["scores"]["accuracy 0"], row["intervals"].get("accuracy 0"))
    for gap in result["gaps"]:
        said |= _said(f"gap in {gap['rate']}, {gap['worse']} worse", gap["gap"], gap["interval"])
    return {**said, "banners": result["banners"], "report": str(output / PAGE)}


def _said(name: str, value: float, interval: Sequence[float] | None) -> dict[str, Any]:
    said: dict[str, Any] = {name: round(value, 4)}
    return said if interval is None else {**said, f"{name}_interval": [round(end, 4) for end in interval]}
