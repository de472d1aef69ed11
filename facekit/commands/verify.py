"""Verify: whether two photos show the same person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from facekit.base.contract import BadImage, Box, FacekitError, Track, quiet
from facekit.base.figures import decimal
from facekit.base.parallel import ordered_map
from facekit.dataset import tables
from facekit.identity.faces import Finder, Seen, suited
from facekit.identity.people.matching import Matcher
from facekit.options.crop import CarriedCrop
from facekit.options.verify import Verify

STAGE = "verify"

SAME, DIFFERENT = 0, 1


@dataclass(frozen=True)
class Answer:
    """Whether two photos show one person: one line of the command's output."""

    first: str
    second: str
    same: bool | None
    """None: there is no answer, and `reason` says why."""
    similarity: float | None
    """One minus the distance of the two faces."""
    probability: float | None
    """That they are one person, where half of all pairs are."""
    threshold: float
    """The similarity from which they count as one person."""
    fmr: float
    """The false match rate that the threshold stands for: the share of pairs of different people above it."""
    first_box: Box | None = None
    second_box: Box | None = None
    reason: str | None = None

    def row(self) -> dict[str, str]:
        """Return the answer as a row of a table for people: column -> text."""
        return {
            "first": self.first,
            "second": self.second,
            "answer": {True: "same", False: "different", None: self.reason or ""}[self.same],
            "similarity": f"{self.similarity:.3f}" if self.similarity is not None else "",
            "probability": f"{self.probability:.3f}" if self.probability is not None else "",
            "threshold": f"{self.threshold:.3f}",
            "false match rate": decimal(self.fmr, 2),
        }


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
    answer = _answer(finder, matcher, (str(first), str(second)), seen[0], seen[1])
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
        yield _answer(finder, matcher, (str(first), str(second)), one, other)


def _answer(
    finder: Finder, matcher: Matcher, names: tuple[str, str], one: Seen | BadImage, other: Seen | BadImage
) -> Answer:
    for name, seen in zip(names, (one, other), strict=True):
        if isinstance(seen, BadImage):
            return _none(names, matcher, f"{name}: {seen.reason}")
    assert isinstance(one, Seen)
    assert isinstance(other, Seen)
    vectors, reasons = finder.embed([one.faces[0].aligned, other.faces[0].aligned])
    for name, reason in zip(names, reasons, strict=True):
        if reason is not None:
            return _none(names, matcher, f"{name}: {reason}")
    match = matcher.match(vectors[0], vectors[1])
    boxes = one.faces[0].box, other.faces[0].box
    return Answer(*names, match.same, match.similarity, match.probability, matcher.threshold, matcher.fmr, *boxes)


def _none(names: tuple[str, str], matcher: Matcher, reason: str) -> Answer:
    return Answer(*names, None, None, None, matcher.threshold, matcher.fmr, reason=reason)


def _pairs(file: Path) -> list[tuple[Path, Path]]:
    """Return the pairs of a list. Raises FacekitError for one without the columns, or with a line that lacks one."""
    table = tables.read(file)
    for name in ("first", "second"):
        table.need(name)
    for number, row in zip(table.lines, table.rows, strict=True):
        if not (row["first"] and row["second"]):
            raise FacekitError(f"{file}, line {number} lacks a photo; give `first` and `second` on each line")
    return [(file.parent / row["first"], file.parent / row["second"]) for row in table.rows]
