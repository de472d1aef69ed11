"""The answers to the faces of a picture: who each is, and what that rests on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from facekit.base.contract import Box
from facekit.base.figures import decimal
from facekit.identity.gallery.naming import Candidate, Identity, Namer
from facekit.options.common import STRANGER


class Who(Protocol):
    """Who a face is, of a picture or of a video."""

    @property
    def name(self) -> str | None:
        """None: a stranger."""
        ...

    @property
    def similarity(self) -> float | None:
        """To the person who is named, or to the nearest one."""
        ...

    @property
    def probability(self) -> float | None:
        """That the face is of that person."""
        ...

    @property
    def nearest(self) -> tuple[Candidate, ...]:
        """The nearest people."""
        ...


@dataclass(frozen=True)
class Answer:
    """Who a face is: one line of the command's output."""

    picture: str
    face: int | None
    """The number of the face in its photo, from 1, largest first: `gallery deny` takes it as `photo.jpg#2`."""
    box: Box | None
    """Where the face is in the picture; None where the picture is the face."""
    name: str | None
    """The person; `unknown` for a stranger."""
    similarity: float | None
    """To that person; of a stranger, to the nearest one: one minus a distance."""
    probability: float | None
    """The calibrated probability that the face is of that person, where half of all faces are of strangers."""
    threshold: float | None
    """The similarity from which a name is given."""
    fpir: float | None
    """The false positive identification rate that the threshold stands for."""
    promised: bool | None
    """Whether that rate can be relied on: see `gallery show`."""
    nearest: tuple[Candidate, ...] = ()
    """The three nearest people."""

    def row(self) -> dict[str, str]:
        """Return the answer as a row of a table for people: column -> text."""
        box, sure = self.box, "" if self.probability is None else f"{self.probability:.2f}"
        name = self.name or ""
        if self.name == STRANGER and self.nearest:  # the probability is that of the nearest name: it stands with it
            name, sure = f"{STRANGER} (nearest: {', '.join(filter(None, (self.nearest[0].name, sure)))})", ""
        return {
            "photo": self.picture,
            "face": f"{self.face}: {box.words}" if box is not None else "",
            "name": name,
            "similarity": f"{self.similarity:.3f}" if self.similarity is not None else "",
            "probability": sure,
            "threshold": f"{self.threshold:.3f}" if self.threshold is not None else "",
            "FPIR": decimal(self.fpir) if self.fpir is not None else "",
        }


@dataclass(frozen=True)
class NoAnswer(Answer):
    """A picture that cannot be read or shows no face, or a face that cannot be aligned: `reason` says why."""

    reason: str = ""

    def row(self) -> dict[str, str]:
        """Return the answer as a row of a table for people: column -> text."""
        return {**Answer.row(self), "face": self.reason}


def named(
    picture: str,
    boxes: Sequence[Box | None],
    reasons: Sequence[str | None],
    identities: Sequence[Identity],
    namer: Namer,
) -> Iterator[Answer]:
    """Yield the answer to each face of a picture, largest first; of one that cannot be embedded, why.

    `boxes`, `reasons` and `identities` are those of its faces, in that order.
    """
    for number, (box, reason, who) in enumerate(zip(boxes, reasons, identities, strict=True), 1):
        if reason is not None:
            yield NoAnswer(picture, number, box, None, None, None, None, None, None, (), reason)
            continue
        yield Answer(**who_is(picture, number, box, who, namer))


def who_is(picture: str, number: int | None, box: Box | None, who: Who, namer: Namer) -> dict[str, Any]:
    """Return the values of an answer: who a face is, and what that rests on."""
    return {
        "picture": picture,
        "face": number,
        "box": box,
        "name": who.name or STRANGER,
        "similarity": who.similarity,
        "probability": who.probability,
        "threshold": round(namer.threshold, 4),
        "fpir": namer.rate,
        "promised": namer.promise.promised,
        "nearest": who.nearest,
    }


def no_answer(picture: str, reason: str) -> NoAnswer:
    """Return why there is no answer to a picture."""
    return NoAnswer(picture, None, None, None, None, None, None, None, None, (), reason)
