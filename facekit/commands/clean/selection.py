"""Select the pictures to keep; each of the others gets its first applicable reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field
from typing import NamedTuple

from facekit.base.contract import Record, Rejection, replace
from facekit.commands.clean.candidates import Candidate
from facekit.commands.clean.recognition import Recognition
from facekit.dataset.reasons import BEYOND, FEW, NO_FACE, NO_VECTOR, NOBODY, REPEAT, REVIEWED, SHARED, UNSURE, WRONG
from facekit.faces import confirmation
from facekit.identity.likeness import Proof, among, repeats, shared
from facekit.identity.people import PERSON
from facekit.options.clean import Clean

STAGE = "clean"


class Finding(NamedTuple):
    """Why a picture does not stay, and the number or the other picture that decided."""

    reason: str
    value: float | str | None


@dataclass
class Selection:
    """Pictures in input order, and which of them are left out so far."""

    candidates: Sequence[Candidate]
    recognition: Recognition
    options: Clean
    sees_all: bool = False
    """Whether the detector that confirms faces is one that misses none: what it does not see is no face."""
    left: dict[int, Rejection] = field(default_factory=dict)

    @property
    def rejections(self) -> list[Rejection]:
        """A rejection for each picture that is left out, in input order."""
        return [self.left[place] for place in sorted(self.left)]

    def leave(self, place: int, reason: str, value: float | str | None) -> None:
        """Leave a picture out, unless it is already, or a person decided that it stays."""
        if place in self.left or self.candidates[place].removed:
            return
        rejection = Rejection.of(STAGE, self.candidates[place].record, reason, value)
        self.left[place] = replace(rejection, like=self.like(place))

    def stays(self, place: int) -> bool:
        """Whether there is no reason to leave a picture out so far."""
        return place not in self.left and not self.candidates[place].unwanted

    def probability(self, place: int) -> float | None:
        """Return how probably a picture shows its folder's person; None where that is not known."""
        return self.recognition.judged.probability[place] if self.recognition.judged else None

    def like(self, place: int) -> str | None:
        """Return the other name whose person a picture seems to show."""
        return self.recognition.judged.like[place] if self.recognition.judged else None

    def doubt(self, place: int) -> Finding | None:
        """Return why a picture may not show its folder's person; None where it does, or a person says so."""
        if self.candidates[place].wanted:
            return None
        found = self._of_person(place)
        sight = self.candidates[place].sight
        if sight is None:
            return found
        if sight.score >= confirmation.SURE:
            cut_off = sight.whole < confirmation.CUT_OFF and found is not None and found.reason == WRONG
            return Finding(UNSURE, found.value) if found and cut_off else found
        if sight.score < confirmation.NONE and self._is_no_face(found):
            return Finding(NO_FACE, sight.score)
        # Blurred beyond recognition, or a face to the embedder alone: a person looks.
        return found or Finding(UNSURE, self.probability(place))

    def waits(self, place: int) -> bool:
        """Whether an unsure picture is left out until it is reviewed: as asked for, or as half a stranger's face."""
        value = self.probability(place)
        return self.options.unsure == "leave" or (value is not None and value <= self.options.reject_at)

    def _is_no_face(self, found: Finding | None) -> bool:
        """Whether a box in which no face is seen is left out: not where an embedder says that it is the person."""
        if self.sees_all:
            return found is not None or self.recognition.judged is None
        return found is not None and found.reason == WRONG

    def _of_person(self, place: int) -> Finding | None:
        if self.recognition.judged is None:
            return None
        value = self.probability(place)
        if value is None:
            why = self.recognition.reasons[place]
            return Finding(NO_VECTOR, why) if why is not None else Finding(NOBODY, None)
        if value >= self.options.keep_at:
            return None
        return Finding(WRONG if value <= self.options.reject_at else UNSURE, value)


def select(
    candidates: Sequence[Candidate],
    proved: Sequence[Proof],
    recognition: Recognition,
    options: Clean,
    sees_all: bool = False,
) -> tuple[list[Record], Selection]:
    """Return the records that stay, and why each other does not."""
    selection = Selection(candidates, recognition, options, sees_all)
    for place, (reason, value) in _first(selection):
        selection.leave(place, reason, value)
    for place, other in _shared(selection, proved):
        selection.leave(place, SHARED, candidates[other].record.path)
    for place, other in _repeats(selection, proved):
        selection.leave(place, REPEAT, candidates[other].record.path)
    for place, reason, count in _names_left_out(selection):
        selection.leave(place, reason, count)
    return [_with_person(selection, place) for place in range(len(candidates)) if selection.stays(place)], selection


def _first(selection: Selection) -> Iterator[tuple[int, Finding]]:
    """Yield each picture that has a reason of its own not to stay: decided, bad, another person."""
    for place, one in enumerate(selection.candidates):
        doubt = selection.doubt(place)
        if one.verdict == "reject":
            yield place, Finding(REVIEWED, None)
        elif one.bad is not None and (one.fingerprint is None or not one.wanted):
            yield place, Finding(one.bad.reason, one.bad.value)
        elif doubt is not None and (doubt.reason in (WRONG, NO_FACE) or selection.waits(place)):
            yield place, doubt


def _shared(selection: Selection, proved: Sequence[Proof]) -> list[tuple[int, int]]:
    """Return each picture that is a repeat of one under another name, with that other.

    Where it is known that one of the two names is the right one, the picture stays under it.
    """
    candidates = selection.candidates
    free = among(proved, {place for place in range(len(candidates)) if selection.stays(place)})
    pairs = shared(free, lambda place: candidates[place].found_under)
    return [pair for pair in pairs if _has_two_names(selection, *pair)]


def _has_two_names(selection: Selection, place: int, other: int) -> bool:
    """Whether a picture is left out for a repeat of it under another name."""
    one, same = selection.candidates[place], selection.candidates[other]
    right = selection.doubt(place) is None and selection.recognition.judged is not None
    wrong = selection.doubt(other) is not None
    return one.record.label != same.record.label and not one.wanted and not (right and wrong)


def _repeats(selection: Selection, proved: Sequence[Proof]) -> Iterator[tuple[int, int]]:
    """Yield each repeat within a name, as it is and as it was found, with the picture that stays in its place."""
    candidates, left = selection.candidates, selection.left
    for name in (lambda place: candidates[place].found_under, lambda place: candidates[place].record.label):
        # What a person rejected takes part: a repeat of it does not take its place.
        free = among(proved, {at for at, one in enumerate(candidates) if at not in left or one.unwanted})
        for place, other in repeats(free, lambda place: candidates[place].rank, name):
            if not candidates[place].wanted:
                yield place, other


def _names_left_out(selection: Selection) -> list[tuple[int, str, int]]:
    """Return the pictures of names with too few, and of names beyond the best-filled ones."""
    options, places = selection.options, [place for place in range(len(selection.candidates)) if selection.stays(place)]
    counts = Counter(selection.candidates[place].record.label for place in places)
    filled = sorted((name for name in counts if counts[name] >= options.min_images), key=lambda n: (-counts[n], n))
    chosen: Set[str] = set(filled[: options.people])
    found = ((place, selection.candidates[place].record.label) for place in places)
    return [
        (place, BEYOND if counts[label] >= options.min_images else FEW, counts[label])
        for place, label in found
        if label not in chosen
    ]


def _with_person(selection: Selection, place: int) -> Record:
    record, value = selection.candidates[place].record, selection.probability(place)
    quality = {name: found for name, found in (record.quality or {}).items() if name != PERSON}
    return replace(record, quality={**quality, **({PERSON: value} if value is not None else {})} or None)
