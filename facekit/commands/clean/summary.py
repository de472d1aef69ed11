"""What the report says of people: counts by name, folders of nobody, names that are one person, decisions."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from facekit.commands.clean.decisions import Decided
from facekit.commands.clean.recognition import Who
from facekit.commands.clean.selection import Choice
from facekit.dataset import Output
from facekit.dataset.info import Doubts
from facekit.dataset.reasons import WRONG

log = logging.getLogger(__name__)

RIGHT = "right person"

_BINS = 10


def doubts(found: Who) -> Doubts | None:
    """Return what `dataset.json` keeps of the names: which folders show no one person, and which names are one."""
    if found.judged is None:
        return None
    nobody = tuple(name for name, named in found.judged.names.items() if named.folder.person is None)
    return Doubts(nobody, tuple(found.judged.twins))


def of_people(choice: Choice, embedder: str) -> dict[str, Any]:
    """Return the report's details about people, after saying what a person should look at."""
    judged = choice.who.judged
    if judged is None:
        return {"embedder": embedder}
    about = doubts(choice.who) or Doubts()
    _say(about)
    standing = {place: _standing(choice, place) for place in range(len(choice.seen)) if _is_judged(choice, place)}
    return {
        "embedder": embedder,
        "people": dict(Counter(standing.values()).most_common()),
        "names": _by_name(choice, standing),
        "no_clear_person": list(about.nobody),
        "one_person": [list(pair) for pair in about.one_person],
    }


def of_decisions(decided: Decided, out: Output) -> dict[str, Any]:
    """Return how many decisions of the review are in force, and how many wait for --apply."""
    waiting = decided.waiting(out)
    if waiting:
        log.warning("%d decisions of the review wait; `clean --apply` carries them out", waiting)
    return {"decisions": {"in force": len(decided.now), "waiting": waiting}} if decided.later or decided.now else {}


def _is_judged(choice: Choice, place: int) -> bool:
    """Whether something is said of who is on a picture: not of bad ones, nor of those a person decided about."""
    one = choice.seen[place]
    return one.bad is None and not one.removed and one.verdict is None


def _standing(choice: Choice, place: int) -> str:
    about = choice.standing(place)
    return about[0] if about else RIGHT


def _by_name(choice: Choice, standing: dict[int, str]) -> list[dict[str, Any]]:
    judged = choice.who.judged
    places: dict[str, list[int]] = defaultdict(list)
    for place in standing:
        places[choice.seen[place].record.label].append(place)
    rows = []
    for name, inside in sorted(places.items()):
        counts = Counter(standing[place] for place in inside)
        values = [value for place in inside if (value := choice.probability(place)) is not None]
        bins = Counter(min(int(value * _BINS), _BINS - 1) for value in values)
        named = judged.names.get(name) if judged else None
        rows.append(
            {
                "name": name,
                "faces": len(inside),
                "kept": sum(choice.stays(place) for place in inside),
                "wrong": counts[WRONG],
                "unsure": len(inside) - counts[WRONG] - counts[RIGHT],
                "right": round(named.right, 4) if named and named.right is not None else None,
                "people": named.folder.counts[:5] if named else [],
                "histogram": [bins[n] for n in range(_BINS)],
            }
        )
    return rows


def _say(about: Doubts) -> None:
    nobody, twins = about.nobody, about.one_person
    if nobody:
        log.warning("nobody is clearly the person of %d folders: %s", len(nobody), _some(nobody))
    if twins:
        pairs = [f"{first} and {second}" for first, second, _ in twins]
        log.warning("%d pairs of names seem to be one person each: %s", len(twins), _some(pairs))


def _some(names: Sequence[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
