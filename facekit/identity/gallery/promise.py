"""The threshold of a gallery, and how far its false positive identification rate can be relied on."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from facekit.base.figures import decimal, span
from facekit.base.plain import Json
from facekit.base.text import counted
from facekit.identity.embedders.metrics import Embeddings
from facekit.identity.gallery.search import People
from facekit.identity.gallery.values import About, Strangers
from facekit.identity.openset.fitting import expected_inside, open_set
from facekit.identity.openset.interval import fpir_interval, people_for
from facekit.identity.openset.left_out import LeftOut, leave_out
from facekit.identity.openset.threshold import Prior
from facekit.runs import OpenSet

FACTOR = 2.0
"""How far the ends of the interval may be from the rate for a promise: half of it, and twice as much."""

LEAST = 20
"""People left out below which nothing is promised: who these few are decides, and no interval of them shows it."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Promise:
    """A threshold, and what it stands for."""

    open_set: OpenSet
    """Thresholds for this and other rates, and the calibration of probabilities."""
    promised: bool
    """Whether the rate is known well enough: the interval is no wider than half to twice the rate."""
    interval: tuple[float, float] | None = None
    """Of the rate at the threshold, 95%; None where nobody could be left out."""
    enough: int | None = None
    """About how many people would suffice for a promise; None where there is one."""
    strangers: int = 0
    """Real strangers among those who were searched for."""

    def __post_init__(self) -> None:
        """Refuse what facekit does not write. Raises ValueError."""
        if self.interval is not None and not 0 <= self.interval[0] <= self.interval[1] <= 1:
            raise ValueError("the interval of a promise is not between 0 and 1")

    def details(self) -> dict[str, Json]:
        """Return the promise as the details of a report."""
        return {
            "threshold": self.open_set.threshold,
            "fpir": self.open_set.rate,
            "fpir_interval": None if self.interval is None else list(self.interval),
            "promised": self.promised,
            "people_for_a_promise": self.enough,
        }

    @property
    def line(self) -> str:
        """What a message says about it, in one line."""
        rate, people = decimal(self.open_set.rate), self.open_set.people
        if self.interval is None:
            return (
                f"a false positive identification rate of {rate} cannot be promised: no two people could be compared, "
                f"so the threshold {self.open_set.threshold:.3f} is what the embedder's own suggests; "
                f"about {self.enough} people, or as many strangers (--strangers), would suffice"
            )
        ends = f"95% interval {span(*self.interval, 2)}, from {self._from(people)}"
        if self.promised:
            return f"threshold {self.open_set.threshold:.3f}: false positive identification rate {rate} ({ends})"
        return (
            f"a false positive identification rate of {rate} cannot be promised ({ends}); the threshold "
            f"{self.open_set.threshold:.3f} is an estimate that leans on what is usual for the embedder; "
            f"about {self.enough} people, or as many strangers (--strangers), would suffice"
        )

    def _from(self, people: int) -> str:
        own = people - self.strangers
        return f"{own} people left out in turn" + (
            f" and {counted(self.strangers, 'stranger')}" if self.strangers else ""
        )


def find(people: People, about: About, strangers: Strangers) -> Promise:
    """Return the threshold of a gallery for the rate that it was asked for.

    Each person is left out in turn and searched for among the others, which stands for a stranger among one person
    fewer; the threshold is corrected for that. Strangers that were added count like people left out.
    """
    known = people.known()
    others = each(strangers)
    left = leave_out(known, others) if known.names else None
    prior = Prior.of(people.metric, about.threshold)
    inside = left.own if left is not None else np.array(_own(people))
    if len(inside) < LEAST:  # mostly people of one face
        inside = np.concatenate([inside, expected_inside(about.embedder.name, people.metric, about.threshold)])
    found = open_set(about.embedder, prior, known, left, inside, about.fpir)
    if left is None:
        return Promise(found, False, enough=_enough(about.fpir))
    if left.doubtful:
        what = counted(len(left.doubtful), "face looks", "faces look")
        _log.info("%s more like another person than like the own one; `facekit gallery check GALLERY` names them", what)
    ends = fpir_interval(left, prior, found.threshold, about.fpir)
    promised = left.people >= LEAST and ends.high <= FACTOR * about.fpir and ends.low >= about.fpir / FACTOR
    enough = None if promised else _suffice(left, prior, found.threshold, about.fpir)
    return Promise(found, promised, (ends.low, ends.high), enough, len(others))


def _own(people: People) -> list[float]:
    known = people.known()
    own = [known.to_own(place) for place in range(min(len(known.vectors), 1000))]
    return [one for one in own if np.isfinite(one)]


def each(strangers: Strangers) -> list[Embeddings]:
    """Return the embeddings of each stranger."""
    places = groupby(range(len(strangers.who)), key=lambda place: strangers.who[place])
    return [strangers.vectors[list(some)] for _, some in places]


def _suffice(left: LeftOut, prior: Prior, threshold: float, rate: float) -> int:
    """Return about how many people make the interval narrow enough."""
    if left.people < LEAST:  # too few to say how much their kind varies
        return _enough(rate)
    return max(left.people + 1, _rounded(people_for(left, prior, threshold, rate, FACTOR)))


def _enough(rate: float) -> int:
    """Return about how many people suffice where little is known of the gallery's own: the fit to such as were drawn.

    It is 300 for a rate of 0.01, 100 for 0.05 and 60 for 0.1.
    """
    return max(LEAST, _rounded(12 * rate**-0.7))


def _rounded(people: float) -> int:
    """Return a number of people in two digits."""
    digits: int = 10 ** max(0, len(str(int(people))) - 2)
    return round(people / digits) * digits
