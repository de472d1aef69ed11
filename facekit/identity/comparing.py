"""The answer to two pictures: whether both show one person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from facekit.base.contract import BadImage, Box
from facekit.base.figures import decimal
from facekit.identity.embedders.metrics import Embeddings
from facekit.identity.faces import Finder, Seen, SeenFaces
from facekit.identity.people.matching import Matcher


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


def compared(
    finder: Finder, matcher: Matcher, names: tuple[str, str], one: Seen | BadImage, other: Seen | BadImage
) -> Answer:
    """Return the answer to two pictures in which faces were looked for, or why there is none."""
    unread = unanswered(matcher, names, one, other)
    if unread is not None or isinstance(one, BadImage) or isinstance(other, BadImage):
        assert unread is not None
        return unread
    vectors, reasons = finder.embed([one.faces[0].aligned, other.faces[0].aligned])
    return matched(matcher, names, (one, other), vectors, reasons)


def unanswered(matcher: Matcher, names: tuple[str, str], one: Seen | BadImage, other: Seen | BadImage) -> Answer | None:
    """Return why there is no answer, where a picture shows no face; else None."""
    for name, seen in zip(names, (one, other), strict=True):
        if isinstance(seen, BadImage):
            return _none(names, matcher, f"{name}: {seen.reason}")
    return None


def matched(
    matcher: Matcher,
    names: tuple[str, str],
    seen: tuple[SeenFaces, SeenFaces],
    vectors: Embeddings,
    reasons: Sequence[str | None],
) -> Answer:
    """Return the answer to two embeddings, shape (2, dimensions), of the first face of each picture."""
    for name, reason in zip(names, reasons, strict=True):
        if reason is not None:
            return _none(names, matcher, f"{name}: {reason}")
    match = matcher.match(vectors[0], vectors[1])
    boxes = seen[0].faces[0].box, seen[1].faces[0].box
    return Answer(*names, match.same, match.similarity, match.probability, matcher.threshold, matcher.fmr, *boxes)


def _none(names: tuple[str, str], matcher: Matcher, reason: str) -> Answer:
    return Answer(*names, None, None, None, matcher.threshold, matcher.fmr, reason=reason)
