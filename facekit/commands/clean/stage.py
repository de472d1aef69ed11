"""The command: measure, recognise, select, write. If nothing has changed, the folder is left as it is."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from facekit.base.cluster.client import hired
from facekit.base.contract import FacekitError, Record, Rejection, Report, Track, quiet, replace
from facekit.base.licences import allows
from facekit.base.parallel import Jobs, here
from facekit.commands.clean import by_person, page, recognition, summary
from facekit.commands.clean.candidates import Candidate, Measure, measured, seen_again
from facekit.commands.clean.decisions import ReviewDecisions
from facekit.commands.clean.selection import STAGE, select
from facekit.dataset import Dataset, DatasetInfo, Output
from facekit.dataset.groups import draw_groups
from facekit.dataset.reasons import LICENCE
from facekit.faces import confirmation
from facekit.identity import groups
from facekit.identity.likeness import matcher, proofs
from facekit.options.clean import Clean

log = logging.getLogger(__name__)


def clean(options: Clean, track: Track = quiet) -> Report:
    """Write what is worth training on; `rejected.jsonl` has each picture that is left out, and why.

    Raises FacekitError for folders that cannot be read or written, and when nothing is left.
    """
    with hired(options.cluster, options.jobs) as jobs:
        return _clean(options, jobs, track)


def _clean(options: Clean, jobs: Jobs, track: Track) -> Report:
    source = Dataset.open(options.input, track, jobs=jobs)
    embedder = recognition.embedder_name(options)
    if options.reference is not None and embedder == recognition.NONE:
        raise FacekitError("--reference needs an embedder to compare faces; remove --embedder none")
    known = Dataset.open(options.reference, track, jobs=jobs) if options.reference is not None else None
    with Output(options.output, STAGE, options, source) as out:
        decided = ReviewDecisions.read(out, options.apply)
        reference = known.digest() if known else None
        out.info = replace(out.info, embedder=embedder, reference=reference, applied=decided.lines)
        if out.unchanged and _same_means(
            out.before, out.info, _matcher(embedder), options.embedder == recognition.AUTO
        ):
            report = out.report()
            found = out.before.people if out.before else None
            report.details |= summary.of_people(found, embedder).details()
            by_person.add(report, list(out.records.values()), out.rejected, options, found is not None)
        else:
            out.save_info()
            report = _plan(out, decided, known, embedder, jobs, track)
        if (decisions := summary.of_decisions(decided, out, options.apply)) is not None:
            report.details["decisions"] = {"in force": decisions.in_force, "waiting": decisions.waiting}
    if options.report is not None and not options.dry_run:
        page.write(options.report, options.output, source, options)
        report.details["report"] = str(options.report)
    return report


def _same_means(before: DatasetInfo | None, now: DatasetInfo, by: str, auto: bool) -> bool:
    """Whether the folder was made with this embedder, these reference pictures, these decisions, and this matcher.

    One that was made when `auto` was one embedder of today's two stays as it is: an update changes no folder by itself.
    """
    if before is None or before.matchers.get(STAGE, by) != by:  # 0.1.0 did not say what its groups were drawn by
        return False
    if (before.reference, before.applied) != (now.reference, now.applied):
        return False
    older = auto and before.embedder in recognition.names_of(now.embedder or recognition.NONE)
    if older and before.embedder != now.embedder:
        log.warning(
            "the folder stays as %s cleaned it; use --overwrite to clean it again with %s (your decisions are kept)",
            *(before.embedder, now.embedder),
        )
    return older or before.embedder == now.embedder


def _matcher(name: str) -> str:
    """Return what faces are compared with, where an embedder of that name was asked for."""
    names = recognition.names_of(name)
    return matcher(names[0] if names else None)


def _plan(out: Output, decided: ReviewDecisions, known: Dataset | None, name: str, jobs: Jobs, track: Track) -> Report:
    """Select among all pictures again, and make the folder hold what is selected."""
    source, options = out.source, out.options
    assert source is not None and isinstance(options, Clean)
    placed, rejections = decided.candidates(out)
    placed, unlicensed = _licensed(placed, source, options)
    rejections = unlicensed + rejections
    names = recognition.names_of(name)
    confirm = confirmation.build()
    sure = confirm if confirm and confirm.rejects else None
    measure = Measure(source.info.how_cut(), options, _asks_pose(names, options), sure)
    candidates = list(track(measured(measure, placed, source, jobs), STAGE, total=len(placed)))
    by = _matcher(name)
    groups.record_matcher(out, by)
    faces = recognition.embed(names, source, candidates, jobs, track)
    prints = [one.fingerprint if one.compared else None for one in candidates]
    proved = proofs(prints, faces[0].raw if faces else None, here(jobs), track)
    pictures = recognition.references(names, known, source, jobs, track) if known else []
    found = recognition.judge(faces, candidates, proved, pictures)
    if confirm is not None and not confirm.rejects:
        candidates = seen_again(candidates, found.rejected(options.reject_at), source, confirm, jobs)
    kept, selection = select(candidates, proved, found, options, confirm is not None and confirm.rejects)
    # Over all of them: two that are one with a third belong together though that does not stay.
    out.links += groups.links_of([one.record for one in candidates], proved, STAGE, by)
    kept = draw_groups(kept, links=out.links)
    out.info = replace(out.info, people=summary.doubts(selection))
    named = [source.named_by_id(record) for record in kept]
    planned = out.write_missing(named, lambda missing: ((r, source.bytes_of(r)) for r in missing))
    report = _finish(out, planned, selection.rejections + rejections, options)
    report.details |= summary.of_people(out.info.people, name).details()
    return report


def _licensed(placed: Sequence[Candidate], source: Dataset, options: Clean) -> tuple[list[Candidate], list[Rejection]]:
    """Part the pictures whose photos are under a licence that was asked for from the others, whoever wants these."""
    kept, left = [], []
    for one in placed:
        about = source.sources.get(one.record.origin)
        licence = about.licence if about is not None else None
        if allows(licence, options.license):
            kept.append(one)
        elif not one.removed:
            left.append(Rejection.of(STAGE, one.record, LICENCE, licence or "not known"))
    return kept, left


def _finish(out: Output, planned: list[Record], rejections: list[Rejection], options: Clean) -> Report:
    """Finish the folder and add the table by person; where nothing is left, say what keeps those who are dropped."""
    try:
        report = out.finish(planned, rejections)
    except FacekitError as error:
        what, _, _ = str(error).rpartition("; ")
        waiting = by_person.Waiting.of(options.output, options.keep_at, out.info.people is not None)
        fix = by_person.keep_few(by_person.rows(planned, rejections, waiting), options)
        raise FacekitError(f"{what}; keep {fix[0]} with `{fix[1]}`" if fix else str(error)) from None
    by_person.add(report, planned, rejections, options, out.info.people is not None)
    return report


def _asks_pose(names: Sequence[str], options: Clean) -> bool:
    """Whether it is measured how faces are turned, which needs dlib's landmarks."""
    return recognition.DEFAULT in names or options.max_yaw < 90 or options.max_roll < 180
