"""The stage: measure, tell people apart, choose, write; a folder that nothing has changed is left as it is."""

from __future__ import annotations

from facekit.base.contract import FacekitError, Report, Track, quiet, replace
from facekit.base.parallel import ordered_map
from facekit.commands.clean import page, recognition, summary
from facekit.commands.clean.candidates import Measure
from facekit.commands.clean.decisions import Decided
from facekit.commands.clean.selection import STAGE, choose
from facekit.dataset import Dataset, DatasetInfo, Output
from facekit.identity import embedders
from facekit.identity.likeness import proofs
from facekit.options.clean import Clean


def clean(options: Clean, track: Track = quiet) -> Report:
    """Write what is worth training on; each picture left out stands in `rejected.jsonl` with its reason.

    Raises FacekitError for folders that cannot be read or written, and when nothing is left.
    """
    source = Dataset.open(options.input, track)
    embedder = recognition.chosen(options)
    if options.reference is not None and embedder == recognition.NONE:
        raise FacekitError("--reference needs an embedder to compare faces by; leave --embedder none out")
    known = Dataset.open(options.reference, track) if options.reference is not None else None
    with Output(options.output, STAGE, options, source) as out:
        decided = Decided.of(out, options.apply)
        reference = known.digest() if known else None
        out.info = replace(out.info, embedder=embedder, reference=reference, applied=decided.lines)
        if out.unchanged and _same_means(out.before, out.info):
            report = out.report()
        else:
            out.save_info()
            report = _plan(out, decided, known, embedder, track)
        report.details |= summary.of_decisions(decided, out)
    if options.report is not None and not options.dry_run:
        page.write(options.report, options.output, source)
        report.details["report"] = str(options.report)
    return report


def _same_means(before: DatasetInfo | None, now: DatasetInfo) -> bool:
    """Whether the folder was made with this embedder, these reference pictures and these decisions."""
    means = (now.embedder, now.reference, now.applied)
    return before is not None and (before.embedder, before.reference, before.applied) == means


def _plan(out: Output, decided: Decided, known: Dataset | None, name: str, track: Track) -> Report:
    """Choose among all pictures anew, and make the folder hold what is chosen."""
    source, options = out.source, out.options
    assert source is not None and isinstance(options, Clean)
    placed, said = decided.seen(out)
    embedder = None if name == recognition.NONE else embedders.load(name)
    posed = name == recognition.DEFAULT or options.max_yaw < 90 or options.max_roll < 180
    measured = ordered_map(Measure(source, options, posed), placed, options.jobs)
    seen = list(track(measured, STAGE, total=len(placed)))
    faces = recognition.embedded(name, embedder, source, seen, options, track) if embedder else None
    # A picture that a person removed is compared too: no repeat of it takes its place.
    looks = [one.fingerprint if one.bad is None or one.wanted or one.gone else None for one in seen]
    proved = proofs(looks, faces.raw if faces else None, options.jobs, track)
    pictures = recognition.references(name, embedder, known, source, options, track) if known and embedder else {}
    found = recognition.judge(faces, seen, proved, pictures) if faces else recognition.Who([None] * len(seen))
    kept, choice = choose(seen, proved, found, options)
    out.info = replace(out.info, people=summary.doubts(found))
    named = [source.named_by_id(record) for record in kept]
    planned = out.write_missing(named, lambda missing: ((r, source.bytes_of(r)) for r in missing))
    report = out.finish(planned, choice.rejections + said)
    report.details |= summary.of_people(choice, name)
    return report
