"""Audit: near-duplicates across the parts of a tree, or across two trees, of any origin."""

from __future__ import annotations

import shlex
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from itertools import pairwise

from facekit.base import plugins
from facekit.base.contract import PARTS, FacekitError, Report, Track, quiet
from facekit.base.plain import Json
from facekit.base.text import counted, visible
from facekit.commands.audit import without
from facekit.commands.audit.looking import embedded, looked_for, warn_of_lost
from facekit.commands.audit.pairs import BURST, BYTES, KINDS, PHOTO, PICTURE, Matches, Pair, Shown, find
from facekit.commands.audit.photos import find_photos, pictures_of
from facekit.commands.audit.trees import Tree, read
from facekit.dataset import check_places
from facekit.dataset.changes import Seen
from facekit.dataset.inputs import open_input
from facekit.dataset.made_from import MadeFrom
from facekit.identity.groups import warn_of_two
from facekit.options.audit import Audit
from facekit.options.typed import typed
from facekit.report import audit as page
from facekit.report.audit import AuditReport, Looked, Overlap, Twins
from facekit.runs.pictures import CHANGED
from facekit.runs.renewal import check_no_additions

STAGE = "audit"
TRAIN = PARTS[0]
GIVEN = "given by folders, not drawn by facekit; copies across its parts were searched for"


@dataclass(frozen=True)
class Crossing:
    """The pairs of pictures across two parts that show one photo."""

    first: str
    second: str
    pairs: list[Pair]
    matches: Matches

    @property
    def again(self) -> set[int]:
        """The pictures of the second part that the first shows too, by position; within one part, all repeats."""
        seconds = {pair.second for pair in self.pairs}
        return seconds | {pair.first for pair in self.pairs} if self.first == self.second else seconds

    def overlap(self) -> Overlap:
        """Return the numbers of a report, all of them of pictures: each counts once, with the surest of its pairs."""
        best: dict[int, int] = {}
        odd: set[int] = set()
        disagree: set[int] = set()
        for pair in self.pairs:
            again = {pair.second} | ({pair.first} if self.first == self.second else set())
            twins = self.matches.twins(pair)
            odd |= again if twins.conflict else set()
            disagree |= again if twins.disagree else set()
            for place in again:
                best[place] = min(best.get(place, len(KINDS)), KINDS.index(pair.kind))
        of, kinds = self.matches.readable[self.second], Counter(KINDS[rank] for rank in best.values())
        return Overlap(
            self.first,
            self.second,
            pairs=len(self.pairs),
            pictures=len(self.again),
            of=of,
            share=round(len(self.again) / of, 4) if of else 0.0,
            in_first=len({pair.first for pair in self.pairs}),
            same_bytes=kinds[BYTES],
            same_picture=kinds[PICTURE],
            same_photo=kinds[PHOTO],
            burst=kinds[BURST],
            other_label=len(odd),
            other_target=len(disagree),
        )


def audit(options: Audit, track: Track = quiet) -> Report:
    """Find what a tree shows in two of its parts, or what two trees both show; write a report or a copy if asked to.

    Raises FacekitError: a folder that has no pictures, a place that may not be written, and with `strict`
    any match.
    """
    with ExitStack() as stack:  # what is unpacked is there as long as it is looked at
        return _audit(options, _trees(options, track, stack), track)


def _audit(options: Audit, trees: Sequence[Tree], track: Track) -> Report:
    began = time.monotonic()
    _check(options, trees)
    _warn(trees)
    shown, two = _shown(options, trees), len(trees) > 1
    vectors, matcher = embedded(trees, shown, options.jobs, track)
    matches = find(shown, options.jobs, track, vectors)
    _refuse_grown(trees, matches)
    made_from = _made_from(matches)
    if options.output is not None and not options.overwrite:
        made_from.check(options.output, typed(options, overwrite=True))
    crossings = _crossings(matches, two)
    photos = find_photos(trees, shown)
    warn_of_lost(trees, photos)
    of_photos = _crossings(find(photos.shown, options.jobs, track), two) if photos.shown else []
    drop = sorted({*_drop(crossings, two), *_drop_of_photos(of_photos, trees[0], two)})
    overlaps, whole = ([crossing.overlap() for crossing in some] for some in (crossings, of_photos))
    looked = looked_for(trees, photos, matcher)
    weights = [tree.weights for tree in trees if tree.weights is not None]
    made = 0
    if options.output is not None and not options.dry_run:
        worst = [*_worst(crossings), *(replace(twins, whole=True) for twins in _worst(of_photos))]
        found = AuditReport(_title(options), looked, overlaps, whole, worst, drop, matches.left, weights)
        page.write(options.output, found)
        made_from.write(options.output)
    if options.without is not None and not options.dry_run:
        made = without.copy(trees[0], drop, options.without, track)
    report = _report(options, overlaps, matches, drop, made)
    report.details |= {"split": GIVEN} if any(tree.given for tree in trees) else {}
    report.details |= _details(looked, whole)
    for one in weights:
        report.details |= one.rows()
    report.seconds = round(time.monotonic() - began, 2)
    if options.strict and any(overlap.pairs for overlap in (*overlaps, *whole)):
        raise FacekitError(_refusal(options, [*overlaps, *whole], drop), report)
    return report


def _made_from(matches: Matches) -> MadeFrom:
    pictures = zip(matches.shown, matches.digests, strict=True)
    return MadeFrom(pictures=tuple(Seen(s.picture.label, s.picture.path, d.hex(), s.part) for s, d in pictures))


def _refuse_grown(trees: Sequence[Tree], matches: Matches) -> None:
    """Refuse a run whose folder has more pictures by now: what is said of its split would pass for the tree's."""
    for run in (tree.run for tree in trees if tree.run is not None and not matches.left[CHANGED]):
        check_no_additions(run, f"audit the tree itself with `facekit audit {shlex.quote(visible(str(run.root)))}`")


def _warn(trees: Sequence[Tree]) -> None:
    made = [tree.dataset for tree in trees if tree.dataset is not None]
    for one, other in pairwise(made):
        warn_of_two(one.root, one.info.matchers, other.root, other.info.matchers)


def _trees(options: Audit, track: Track, stack: ExitStack) -> list[Tree]:
    folders = [folder for folder in (options.folder, options.other) if folder is not None]
    if len(folders) == 2:
        one, other = (folder.resolve() for folder in folders)
        if one.is_relative_to(other) or other.is_relative_to(one):
            raise FacekitError(
                f"{folders[0]} and {folders[1]} overlap: one is inside the other; give one of them, or another tree"
            )
    return [read(stack.enter_context(open_input(folder, track)).folder, track) for folder in folders]


def _check(options: Audit, trees: Sequence[Tree]) -> None:
    """Refuse folders that could not be written, before the work is done."""
    for place in (options.output, options.without):
        for tree in trees:
            if place is not None:
                check_places(place, tree.root)
    if options.output is not None:
        plugins.need("jinja2", "--output")
        page.check(options.output)
    if options.without is not None:
        if len(trees) == 1 and TRAIN not in trees[0].parts:
            raise FacekitError(
                f"{options.folder} has no train part to remove pictures from; give a second folder, "
                "or remove repeats with `clean`"
            )
        without.check(options.without)


def _shown(options: Audit, trees: Sequence[Tree]) -> list[Shown]:
    """List the pictures tree by tree and part by part; with two trees, a part's name begins with its folder."""
    listed = []
    for place, (tree, folder) in enumerate(zip(trees, (options.folder, options.other), strict=False)):
        rank = {part: number for number, part in enumerate(tree.parts)}
        for picture in sorted(tree.pictures, key=lambda picture: (rank[picture.part], picture.path)):
            part = picture.part if len(trees) == 1 else f"{folder}/{picture.part}".rstrip("/")
            listed.append(Shown(tree.root, picture, part, place == 0))
    return listed


def _crossings(matches: Matches, two: bool) -> list[Crossing]:
    """Return the pairs of each two parts, in the order of the parts; for a plain tree, the pairs within it."""
    pairs: dict[tuple[str, str], list[Pair]] = defaultdict(list)
    for pair in matches.pairs:
        pairs[matches.parts(pair)].append(pair)
    sides = {one.part: one.own for one in matches.shown}
    parts = list(sides)
    if len(parts) == 1:
        return [Crossing(parts[0], parts[0], pairs[parts[0], parts[0]], matches)]
    wanted = [(a, b) for place, a in enumerate(parts) for b in parts[place + 1 :] if not two or sides[a] != sides[b]]
    return [Crossing(a, b, pairs[a, b], matches) for a, b in wanted]


def _drop(crossings: Sequence[Crossing], two: bool) -> set[str]:
    """Return the paths to leave out: training pictures that another part shows; of two trees, all of the first."""
    return {one.matches.shown[pair.first].picture.path for one in _leaking(crossings, two) for pair in one.pairs}


def _drop_of_photos(crossings: Sequence[Crossing], tree: Tree, two: bool) -> set[str]:
    """Return the paths of the pictures to leave out because of their photos."""
    shown = [one.matches.shown[pair.first].picture for one in _leaking(crossings, two) for pair in one.pairs]
    return set(pictures_of(tree, {photo.sha256 or "" for photo in shown}, None if two else TRAIN))


def _leaking(crossings: Sequence[Crossing], two: bool) -> list[Crossing]:
    return [one for one in crossings if two or (one.first == TRAIN != one.second)]


def _worst(crossings: Sequence[Crossing]) -> list[Twins]:
    """Return all pairs, the worst first: those with two labels, then the surest."""

    def rank(one: tuple[Twins, Pair]) -> tuple[bool, int, int, int]:
        twins, pair = one
        return not (twins.conflict or twins.disagree), KINDS.index(pair.kind), pair.first, pair.second

    pairs = [(one.matches.twins(pair), pair) for one in crossings for pair in one.pairs]
    return [twins for twins, _ in sorted(pairs, key=rank)]


def _report(options: Audit, overlaps: Sequence[Overlap], matches: Matches, drop: Sequence[str], made: int) -> Report:
    report = Report(STAGE, str(options.without or options.output or options.folder), made, matches.readable.total())
    report.left += matches.left
    for number, overlap in enumerate(overlaps, 1):
        key = "found" if len(overlaps) == 1 else f"found_{number}"
        report.details[key] = _sentence(overlap)
    report.details["crossings"] = [asdict(overlap) for overlap in overlaps]
    report.details["to_leave_out_of_training"] = len(drop)
    if options.output is not None and not options.dry_run:
        report.details["report"] = str(options.output / page.PAGE)
    return report


def _details(looked: Looked, photos: Sequence[Overlap]) -> dict[str, Json]:
    """Return what was looked at and for, and what the whole photos showed, as a report has it."""
    said: dict[str, Json] = {"looked_for": looked.sees, "cannot_see": looked.cannot_see}
    for number, overlap in enumerate(photos, 1):
        if overlap.of:
            said["photos_found" if len(photos) == 1 else f"photos_found_{number}"] = _sentence(overlap, "photo")
    said["photo_crossings"] = [asdict(overlap) for overlap in photos]
    if any(looked.groups.values()):
        said["groups"] = dict(looked.groups)
    if looked.crossing:
        said["of_a_group_in_an_earlier_part"] = looked.crossing
    said["recall"] = {one.edit: {"whole": list(one.whole), "faces": list(one.faces)} for one in looked.recall}
    return said | {
        "looked": {name: value for name, value in asdict(looked).items() if name not in ("sees", "groups", "recall")}
    }


def _sentence(one: Overlap, what: str = "picture") -> str:
    where = "shown more than once" if one.within else f"{one.second} in {one.first}"
    if not one.pictures:
        return f"{where}: none of {counted(one.of, what)}"
    kinds = zip((one.same_bytes, one.same_picture, one.same_photo, one.burst), KINDS, strict=True)
    said = ", ".join(f"{count:,} {kind}" for count, kind in kinds if count)
    disagree = f", {one.other_target:,} with another label of a target" if one.other_target else ""
    return (
        f"{where}: {one.pictures:,} of {counted(one.of, what)} ({one.share:.1%}; {said}), "
        f"{one.other_label:,} under another label{disagree}"
    )


def _title(options: Audit) -> str:
    return " and ".join(str(folder) for folder in (options.folder, options.other) if folder is not None)


def _refusal(options: Audit, overlaps: Sequence[Overlap], drop: Sequence[str]) -> str:
    worst = max(overlaps, key=lambda one: one.pictures)
    what = f"{_title(options)}: {counted(worst.pictures, 'picture is', 'pictures are')} shown more than once"
    if not worst.within:
        pictures = counted(worst.pictures, f"picture of {worst.second} is", f"pictures of {worst.second} are")
        what = f"{_title(options)}: {pictures} in {worst.first} too"
    hint = (
        f"write a tree without {counted(len(drop), 'picture')} of the first with --without FOLDER"
        if drop
        else "see them with -o FOLDER"
    )
    return f"{what}; {hint}"
