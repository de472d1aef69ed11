"""Which pictures stay: each that does not has the one reason that comes first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field

from facekit.base.contract import Record, Rejection, replace
from facekit.commands.clean.candidates import Seen
from facekit.commands.clean.recognition import Who
from facekit.dataset.lineage import draw_groups
from facekit.dataset.reasons import BEYOND, FEW, NO_VECTOR, NOBODY, REPEAT, REVIEWED, SHARED, UNSURE, WRONG
from facekit.identity.likeness import Proof, among, links, repeats, shared
from facekit.identity.people import PERSON
from facekit.options.clean import Clean

STAGE = "clean"

Reason = tuple[str, float | str | None]


@dataclass
class Choice:
    """Pictures in input order, and which of them are left out so far."""

    seen: Sequence[Seen]
    who: Who
    options: Clean
    left: dict[int, Rejection] = field(default_factory=dict)

    @property
    def rejections(self) -> list[Rejection]:
        """A rejection for each picture that is left out, in input order."""
        return [self.left[place] for place in sorted(self.left)]

    def leave(self, place: int, reason: str, value: float | str | None) -> None:
        """Leave a picture out, unless it is already, or a person decided that it stays."""
        if place in self.left or self.seen[place].removed:
            return
        rejection = Rejection.of(STAGE, self.seen[place].record, reason, value)
        self.left[place] = replace(rejection, like=self.like(place))

    def stays(self, place: int) -> bool:
        """Whether nothing has been found against a picture so far."""
        return place not in self.left and not self.seen[place].gone

    def probability(self, place: int) -> float | None:
        """Return how probably a picture shows its folder's person; None where that is not known."""
        return self.who.judged.probability[place] if self.who.judged else None

    def like(self, place: int) -> str | None:
        """Return the other name whose person a picture seems to show."""
        return self.who.judged.like[place] if self.who.judged else None

    def standing(self, place: int) -> Reason | None:
        """Return what is to be said of who is on a picture; None where it is its folder's person."""
        if self.who.judged is None or self.seen[place].wanted:
            return None
        value = self.probability(place)
        if value is None:
            why = self.who.reasons[place]
            return (NO_VECTOR, why) if why is not None else (NOBODY, None)
        if value >= self.options.keep_at:
            return None
        return (WRONG, value) if value <= self.options.reject_at else (UNSURE, value)


def choose(seen: Sequence[Seen], proved: Sequence[Proof], who: Who, options: Clean) -> tuple[list[Record], Choice]:
    """Return the records that stay, grouped, and why each other does not."""
    choice = Choice(seen, who, options)
    for place, (reason, value) in _first(choice):
        choice.leave(place, reason, value)
    for place, other in _shared(choice, proved):
        choice.leave(place, SHARED, seen[other].record.path)
    for place, other in _repeats(choice, proved):
        choice.leave(place, REPEAT, seen[other].record.path)
    for place, reason, count in _names_left_out(choice):
        choice.leave(place, reason, count)
    places = [place for place in range(len(seen)) if choice.stays(place)]
    at = {place: n for n, place in enumerate(places)}
    pairs = [(at[one], at[other]) for one, other in links(proved, at.keys())]
    return draw_groups([_with_person(choice, place) for place in places], pairs), choice


def _first(choice: Choice) -> Iterator[tuple[int, Reason]]:
    """Yield each picture against which something speaks that is its own: decided, bad, another person."""
    for place, one in enumerate(choice.seen):
        about = choice.standing(place)
        if one.verdict == "reject":
            yield place, (REVIEWED, None)
        elif one.bad is not None and (one.fingerprint is None or not one.wanted):
            yield place, (one.bad.reason, one.bad.value)
        elif about is not None and (about[0] == WRONG or choice.options.unsure == "leave"):
            yield place, about


def _shared(choice: Choice, proved: Sequence[Proof]) -> list[tuple[int, int]]:
    """Return each picture that is a repeat of one under another name, with that other.

    Where it is known that one of the two names is the right one, the picture stays under it.
    """
    seen = choice.seen
    free = among(proved, {place for place in range(len(seen)) if choice.stays(place)})
    found = []
    for place, other in shared(free, lambda place: seen[place].found_under):
        right = choice.standing(place) is None and choice.who.judged is not None
        wrong = choice.standing(other) is not None
        if seen[place].record.label != seen[other].record.label and not seen[place].wanted and not (right and wrong):
            found.append((place, other))
    return found


def _repeats(choice: Choice, proved: Sequence[Proof]) -> Iterator[tuple[int, int]]:
    """Yield each repeat within a name, as it is and as it was found, with the picture that stays in its place."""
    seen, left = choice.seen, choice.left
    for name in (lambda place: seen[place].found_under, lambda place: seen[place].record.label):
        # What a person rejected has its say here: a repeat of it does not take its place.
        free = among(proved, {place for place in range(len(seen)) if place not in left or seen[place].gone})
        for place, other in repeats(free, lambda place: seen[place].rank, name):
            if not seen[place].wanted:
                yield place, other


def _names_left_out(choice: Choice) -> list[tuple[int, str, int]]:
    """Return the pictures of names with too few, and of names beyond the best-filled ones."""
    options, places = choice.options, [place for place in range(len(choice.seen)) if choice.stays(place)]
    counts = Counter(choice.seen[place].record.label for place in places)
    filled = sorted((name for name in counts if counts[name] >= options.min_images), key=lambda n: (-counts[n], n))
    chosen: Set[str] = set(filled[: options.people])
    found = ((place, choice.seen[place].record.label) for place in places)
    return [
        (place, BEYOND if counts[label] >= options.min_images else FEW, counts[label])
        for place, label in found
        if label not in chosen
    ]


def _with_person(choice: Choice, place: int) -> Record:
    record, value = choice.seen[place].record, choice.probability(place)
    quality = {name: found for name, found in (record.quality or {}).items() if name != PERSON}
    return replace(record, quality={**quality, **({PERSON: value} if value is not None else {})} or None)
