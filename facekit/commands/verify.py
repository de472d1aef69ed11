"""Verify: whether two photos show the same person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from facekit.base.contract import BadImage, FacekitError, Track, quiet
from facekit.base.parallel import ordered_map
from facekit.dataset import tables
from facekit.identity.comparing import Answer, compared
from facekit.identity.faces import Finder, Seen, suited
from facekit.identity.people.matching import Matcher
from facekit.options.crop import CarriedCrop
from facekit.options.verify import Verify

STAGE = "verify"

SAME, DIFFERENT = 0, 1


@dataclass(frozen=True)
class OnlyAnswer(Answer):
    """The answer to the one pair that was asked about."""

    @property
    def exit_code(self) -> int:
        """The exit code of the command."""
        return SAME if self.same else DIFFERENT


def verify(options: Verify, track: Track = quiet) -> Iterator[Answer]:
    """Compare two photos, or each pair of a list, streaming one answer a pair.

    Raises FacekitError for photos that are not there or show no face, and for a list that is none; of the pairs of a
    list, such photos are answered with a reason.
    """
    crop = CarriedCrop(detect=False) if not options.detect else suited(options.embedder, options.detector)
    finder, matcher = Finder(options.embedder, crop), Matcher.of(options.embedder, options.fmr)
    if options.pairs is None:
        first, second = options.pictures
        if options.dry_run:
            return iter(())
        return iter([_only(finder, matcher, first, second)])
    pairs = _pairs(options.pairs)
    if options.dry_run:
        return iter(())
    return _answers(finder, matcher, pairs, options, track)


def _only(finder: Finder, matcher: Matcher, first: Path, second: Path) -> Answer:
    seen = []
    for path in (first, second):
        if not path.is_file():
            raise FacekitError(f"no such photo: {path}")
        one = finder.look(path, only_foremost=True)
        if isinstance(one, BadImage):
            raise FacekitError(f"{path}: {one.reason}; give a photo that shows a face")
        seen.append(one)
    answer = compared(finder, matcher, (str(first), str(second)), seen[0], seen[1])
    if answer.reason is not None:
        raise FacekitError(f"{answer.reason}; give a photo that shows a face")
    return OnlyAnswer(**vars(answer))


def _answers(
    finder: Finder, matcher: Matcher, pairs: list[tuple[Path, Path]], options: Verify, track: Track
) -> Iterator[Answer]:
    def both(pair: tuple[Path, Path]) -> tuple[Seen | BadImage, Seen | BadImage]:
        return finder.look(pair[0], only_foremost=True), finder.look(pair[1], only_foremost=True)

    results = zip(pairs, ordered_map(both, pairs, options.jobs), strict=True)
    for (first, second), (one, other) in track(results, STAGE, total=len(pairs)):
        yield compared(finder, matcher, (str(first), str(second)), one, other)


def _pairs(file: Path) -> list[tuple[Path, Path]]:
    """Return the pairs of a list. Raises FacekitError for one without the columns, or with a line that lacks one."""
    table = tables.read(file)
    for name in ("first", "second"):
        table.need(name)
    for number, row in zip(table.lines, table.rows, strict=True):
        if not (row["first"] and row["second"]):
            raise FacekitError(f"{file}, line {number} lacks a photo; give `first` and `second` on each line")
    return [(file.parent / row["first"], file.parent / row["second"]) for row in table.rows]
