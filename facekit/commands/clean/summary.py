"""What the report says about people: counts by name, folders without a clear person, names that are one, decisions."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from shlex import quote

from facekit.base.plain import Json, to_plain
from facekit.base.text import counted, listed
from facekit.commands.clean.decisions import ReviewDecisions
from facekit.commands.clean.selection import Selection
from facekit.dataset import Output
from facekit.dataset.info import Doubts, NameSummary
from facekit.dataset.reasons import NO_FACE, REMOVED, WRONG
from facekit.identity.people import Named

log = logging.getLogger(__name__)

RIGHT = "right person"

DECIDED = "decided in the review"

_BINS = 10


@dataclass(frozen=True)
class PeopleSummary:
    """What was found of people; all but the embedder is absent where there is none."""

    embedder: str
    people: Mapping[str, int] | None = None
    """Finding -> faces."""
    names: Sequence[NameSummary] | None = None
    no_clear_person: Sequence[str] | None = None
    one_person: Sequence[tuple[str, str, float]] | None = None

    def details(self) -> dict[str, Json]:
        """Return it for a report, without what is absent."""
        found = {
            "embedder": self.embedder,
            "people": self.people,
            "names": self.names,
            "no_clear_person": self.no_clear_person,
            "one_person": self.one_person,
        }
        return {name: to_plain(value) for name, value in found.items() if value is not None}


@dataclass(frozen=True)
class DecisionsSummary:
    """Decisions of the review: how many are in force, and for how many pictures one waits for `--apply`."""

    in_force: int
    waiting: int


def doubts(selection: Selection) -> Doubts | None:
    """Return what `dataset.json` keeps of the people: which folders show no one, which names are one, and counts."""
    judged = selection.recognition.judged
    if judged is None:
        return None
    nobody = tuple(name for name, named in judged.names.items() if named.folder.person is None)
    findings = _findings(selection)
    found = Counter(findings.values())
    found.update(why for place in range(len(selection.candidates)) if (why := _unjudged(selection, place)))
    names = tuple(_by_name(selection, findings))
    return Doubts(nobody, tuple(judged.twins), dict(found.most_common()), names)


def of_people(found: Doubts | None, embedder: str) -> PeopleSummary:
    """Return what this run, or an earlier one, found of people, and log what a person should look at."""
    if found is None:
        return PeopleSummary(embedder)
    _warn(found)
    return PeopleSummary(embedder, found.found or None, found.names or None, found.nobody, found.one_person)


def _findings(selection: Selection) -> dict[int, str]:
    """Return what was found of each face that was judged, by its place among the candidates."""
    places = [place for place in range(len(selection.candidates)) if _unjudged(selection, place) is None]
    return {place: doubt.reason if (doubt := selection.doubt(place)) else RIGHT for place in places}


def of_decisions(decisions: ReviewDecisions, out: Output, apply: bool) -> DecisionsSummary | None:
    """Return how many decisions of the review are in force, and how many wait for --apply; None without any.

    Where they are to be applied and there is none, say so.
    """
    waiting = decisions.waiting(out)
    if waiting:
        what = counted(waiting, "decision of the review is", "decisions of the review are")
        log.warning("%s not applied yet; use `clean --apply`", what)
    some = decisions.latest or decisions.in_force
    if apply and not some:
        log.warning("no decision of the review to apply yet; decide with `facekit review %s`", quote(str(out.root)))
    return DecisionsSummary(len(decisions.in_force), waiting) if some else None


def _unjudged(selection: Selection, place: int) -> str | None:
    """Return why it is not judged who is on a picture: it is bad, or a person decided about it. None where it is."""
    one = selection.candidates[place]
    if one.removed:
        return REMOVED
    if one.verdict is not None:
        return DECIDED
    return one.bad.reason if one.bad is not None else None


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
        people=tuple(named.folder.counts[:5]) if named else (),
        histogram=tuple(bins[n] for n in range(_BINS)),
    )


def _warn(found: Doubts) -> None:
    if found.nobody:
        log.warning(
            "it is not clear who the person is in %s: %s", counted(len(found.nobody), "folder"), listed(found.nobody)
        )
    if found.one_person:
        pairs = [f"{first} and {second}" for first, second, _ in found.one_person]
        what = counted(
            len(pairs), "pair of names seems to be the same person", "pairs of names seem to be the same person"
        )
        log.warning("%s: %s", what, listed(pairs))
