"""Audit: near-duplicates across the parts of a tree, or across two trees, whoever made them."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from facekit.base import plugins
from facekit.base.contract import PARTS, FacekitError, Report, Track, quiet
from facekit.commands.audit import apart, written
from facekit.commands.audit.pairs import KINDS, Found, Pair, Shown, find
from facekit.commands.audit.trees import Tree, read
from facekit.dataset import check_places
from facekit.options.audit import Audit

STAGE = "audit"
TRAIN = PARTS[0]


@dataclass(frozen=True)
class Crossing:
    """What stands in two parts: `again` are the pictures of the second that the first shows too, by position."""

    first: str
    second: str
    pairs: list[Pair]
    found: Found

    @property
    def again(self) -> set[int]:
        """The pictures of the second part that stand in the first too; in one part, those shown more than once."""
        seconds = {pair.second for pair in self.pairs}
        return seconds | {pair.first for pair in self.pairs} if self.first == self.second else seconds

    @property
    def conflicts(self) -> int:
        """How many of them have another label there."""
        return len({pair.second for pair in self.pairs if self.found.conflict(pair)})

    def to_dict(self) -> dict[str, Any]:
        """Return what `--json` says of it."""
        best: dict[int, int] = {}
        for pair in self.pairs:
            best[pair.second] = min(best.get(pair.second, len(KINDS)), KINDS.index(pair.kind))
        of = self.found.readable[self.second]
        return {
            "first": self.first,
            "second": self.second,
            "pairs": len(self.pairs),
            "pictures": len(self.again),
            "of": of,
            "share": round(len(self.again) / of, 4) if of else 0.0,
            "in_first": len({pair.first for pair in self.pairs}),
            **{kind.replace(" ", "_"): sum(kind == KINDS[k] for k in best.values()) for kind in KINDS},
            "other_label": self.conflicts,
        }


def audit(options: Audit, track: Track = quiet) -> Report:
    """Find what a tree shows in two of its parts, or two trees both show; write it out where asked to.

    Raises FacekitError: a folder that holds no pictures, a place that may not be written, and with `strict`
    what was found.
    """
    began = time.monotonic()
    trees = _trees(options, track)
    _check(options, trees)
    shown = _shown(options, trees)
    found = find(shown, options.jobs, track)
    crossings = _crossings(found, len(trees) > 1)
    drop = _drop(crossings, found, len(trees) > 1)
    made = _write(options, trees[0], crossings, found, drop, track)
    report = _report(options, crossings, found, drop, made)
    report.seconds = round(time.monotonic() - began, 2)
    if options.strict and any(crossing.pairs for crossing in crossings):
        raise FacekitError(_refusal(options, crossings, drop), report)
    return report


def _trees(options: Audit, track: Track) -> list[Tree]:
    folders = [folder for folder in (options.folder, options.other) if folder is not None]
    if len(folders) == 2:
        one, other = (folder.resolve() for folder in folders)
        if one.is_relative_to(other) or other.is_relative_to(one):
            raise FacekitError(f"{folders[0]} and {folders[1]} lie in one another; give the tree alone, or another")
    return [read(folder, track) for folder in folders]


def _check(options: Audit, trees: Sequence[Tree]) -> None:
    """Refuse before the work what could not be written after it."""
    for place in (options.output, options.without):
        for tree in trees:
            if place is not None:
                check_places(place, tree.root)
    if options.output is not None:
        plugins.need("jinja2", "--output")
        written.check(options.output)
    if options.without is not None:
        if len(trees) == 1 and TRAIN not in trees[0].parts:
            raise FacekitError(
                f"{options.folder} has no train part to leave pictures out of; give a second folder, "
                "or leave repeats out with `clean`"
            )
        apart.check(options.without)


def _shown(options: Audit, trees: Sequence[Tree]) -> list[Shown]:
    """List the pictures tree by tree and part by part; of two trees, a part says of which it is."""
    listed = []
    for place, (tree, folder) in enumerate(zip(trees, (options.folder, options.other), strict=False)):
        rank = {part: number for number, part in enumerate(tree.parts)}
        for picture in sorted(tree.pictures, key=lambda picture: (rank[picture.part], picture.path)):
            part = picture.part if len(trees) == 1 else f"{folder}/{picture.part}".rstrip("/")
            listed.append(Shown(tree.root, picture, part, place == 0))
    return listed


def _crossings(found: Found, two: bool) -> list[Crossing]:
    """Return what stands in two parts, in the order of the parts; in a plain tree, what it shows twice."""
    pairs: dict[tuple[str, str], list[Pair]] = defaultdict(list)
    for pair in found.pairs:
        pairs[found.parts(pair)].append(pair)
    sides = {one.part: one.own for one in found.shown}
    parts = list(sides)
    if len(parts) == 1:
        return [Crossing(parts[0], parts[0], pairs[parts[0], parts[0]], found)]
    wanted = [(a, b) for place, a in enumerate(parts) for b in parts[place + 1 :] if not two or sides[a] != sides[b]]
    return [Crossing(a, b, pairs[a, b], found) for a, b in wanted]


def _drop(crossings: Sequence[Crossing], found: Found, two: bool) -> list[str]:
    """Return the paths to leave out: what is trained on and shown elsewhere; of two trees, all of the first."""
    gone = {pair.first for one in crossings if two or (one.first == TRAIN != one.second) for pair in one.pairs}
    return sorted(found.shown[place].picture.path for place in gone)


def _write(
    options: Audit, tree: Tree, crossings: Sequence[Crossing], found: Found, drop: Sequence[str], track: Track
) -> int:
    if options.dry_run:
        return 0
    if options.output is not None:
        rows = {(one.first, one.second): one.to_dict() for one in crossings}
        pairs = [pair for one in crossings for pair in one.pairs]
        written.write(options.output, _title(options), found, rows, pairs, drop)
    if options.without is not None:
        return apart.copy(tree, drop, options.without, track)
    return 0


def _report(options: Audit, crossings: Sequence[Crossing], found: Found, drop: Sequence[str], made: int) -> Report:
    report = Report(STAGE, str(options.without or options.output or options.folder), made, found.readable.total())
    report.left += found.left
    for number, crossing in enumerate(crossings, 1):
        key = "found" if len(crossings) == 1 else f"found_{number}"
        report.details[key] = f"{_name(crossing)}: {_words(crossing.to_dict())}"
    report.details["crossings"] = [crossing.to_dict() for crossing in crossings]
    report.details["to_leave_out_of_training"] = len(drop)
    if options.output is not None and not options.dry_run:
        report.details["report"] = str(options.output / written.PAGE)
    return report


def _name(crossing: Crossing) -> str:
    return "shown again" if crossing.first == crossing.second else f"{crossing.second} in {crossing.first}"


def _words(about: Mapping[str, Any]) -> str:
    kinds = ", ".join(f"{about[kind.replace(' ', '_')]:,} {kind}" for kind in KINDS)
    return (
        f"{about['pictures']:,} of {about['of']:,} pictures ({about['share']:.1%}; {kinds}), "
        f"{about['other_label']:,} under another label"
    )


def _title(options: Audit) -> str:
    return " and ".join(str(folder) for folder in (options.folder, options.other) if folder is not None)


def _refusal(options: Audit, crossings: Sequence[Crossing], drop: Sequence[str]) -> str:
    worst = max(crossings, key=lambda one: len(one.again))
    what = f"{_title(options)}: {len(worst.again)} pictures are shown more than once"
    if worst.first != worst.second:
        what = f"{_title(options)}: {len(worst.again)} pictures of {worst.second} stand in {worst.first} too"
    mend = f"write a tree without {len(drop)} of them with --without FOLDER" if drop else "see them with -o FOLDER"
    return f"{what}; {mend}"
