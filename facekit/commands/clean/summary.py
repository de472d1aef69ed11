"""What the report says about people: counts by name, folders without a clear person, duplicate names, decisions."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from facekit.base.text import listed
from facekit.commands.clean.decisions import ReviewDecisions
from facekit.commands.clean.recognition import Recognition
from facekit.commands.clean.selection import Selection
from facekit.dataset import Output
from facekit.dataset.info import Doubts
from facekit.dataset.reasons import NO_FACE, WRONG
from facekit.identity.people import Named

log = logging.getLogger(__name__)

RIGHT = "right person"

_BINS = 10


@dataclass(frozen=True)
class NameSummary:
    """What was found under one name."""

    name: str
    faces: int
    """Faces that were judged: neither bad ones, nor those that a person decided about."""
    kept: int
    wrong: int
    no_face: int
    unsure: int
    right: float | None
    """The share that seems right; None where it is not known whose folder it is."""
    people: Sequence[int]
    """Photos of each person that has two or more, the folder's own first; five at most."""
    histogram: Sequence[int]
    """Faces by their probability of being the folder's person, in tenths."""


@dataclass(frozen=True)
class PeopleSummary:
    """What was found of people; all but the embedder is absent where there is none."""

    embedder: str
    people: Mapping[str, int] | None = None
    """Finding -> faces."""
    names: Sequence[NameSummary] | None = None
    no_clear_person: Sequence[str] | None = None
    one_person: Sequence[tuple[str, str, float]] | None = None


@dataclass(frozen=True)
class DecisionsSummary:
    """Decisions of the review: how many are in force, and for how many pictures one waits for `--apply`."""

    in_force: int
    waiting: int


def doubts(recognition: Recognition) -> Doubts | None:
    """Return what `dataset.json` keeps of the names: which folders show no one person, and which names are one."""
    judged = recognition.judged
    if judged is None:
        return None
    nobody = tuple(name for name, named in judged.names.items() if named.folder.person is None)
    return Doubts(nobody, tuple(judged.twins))


def of_people(selection: Selection, embedder: str) -> PeopleSummary:
    """Return what was found of people, and log what a person should look at."""
    found = doubts(selection.recognition)
    if found is None:
        return PeopleSummary(embedder)
    _warn(found)
    places = [place for place in range(len(selection.candidates)) if _is_judged(selection, place)]
    findings = {place: doubt.reason if (doubt := selection.doubt(place)) else RIGHT for place in places}
    counts = dict(Counter(findings.values()).most_common())
    return PeopleSummary(embedder, counts, _by_name(selection, findings), list(found.nobody), list(found.one_person))


def of_decisions(decisions: ReviewDecisions, out: Output) -> DecisionsSummary | None:
    """Return how many decisions of the review are in force, and how many wait for --apply; None without any."""
    waiting = decisions.waiting(out)
    if waiting:
        log.warning("%d review decisions are not applied yet; run `clean --apply` to apply them", waiting)
    some = decisions.latest or decisions.in_force
    return DecisionsSummary(len(decisions.in_force), waiting) if some else None


def _is_judged(selection: Selection, place: int) -> bool:
    """Whether it is judged who is on a picture: not on bad ones, nor on those that a person decided about."""
    one = selection.candidates[place]
    return one.bad is None and not one.removed and one.verdict is None


def _by_name(selection: Selection, findings: Mapping[int, str]) -> list[NameSummary]:
    judged = selection.recognition.judged
    places: dict[str, list[int]] = defaultdict(list)
    for place in findings:
        places[selection.candidates[place].record.label].append(place)
    named = judged.names if judged else {}
    return [_of_name(name, named.get(name), inside, selection, findings) for name, inside in sorted(places.items())]


def _of_name(
    name: str, named: Named | None, places: Sequence[int], selection: Selection, findings: Mapping[int, str]
) -> NameSummary:
    counts = Counter(findings[place] for place in places)
    values = [value for place in places if (value := selection.probability(place)) is not None]
    bins = Counter(min(int(value * _BINS), _BINS - 1) for value in values)
    return NameSummary(
        name=name,
        faces=len(places),
        kept=sum(selection.stays(place) for place in places),
        wrong=counts[WRONG],
        no_face=counts[NO_FACE],
        unsure=len(places) - counts[WRONG] - counts[NO_FACE] - counts[RIGHT],
        right=round(named.right, 4) if named and named.right is not None else None,
        people=named.folder.counts[:5] if named else [],
        histogram=[bins[n] for n in range(_BINS)],
    )


def _warn(found: Doubts) -> None:
    if found.nobody:
        log.warning("it is not clear who the person is in %d folders: %s", len(found.nobody), listed(found.nobody))
    if found.one_person:
        pairs = [f"{first} and {second}" for first, second, _ in found.one_person]
        log.warning("%d pairs of names seem to be the same person: %s", len(pairs), listed(pairs))
