"""Which pictures a name keeps: decided by rank in the results, never by who arrived first.

Downloads start in rank order, never more than could all be kept, and their ends are taken in rank order.
So what is fetched, kept and refused does not depend on how fast any host was, and what a killed run has
written is always the beginning of what an uninterrupted one writes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from facekit.contract import Record, Rejection, Source
from facekit.dataset import REMOVED, Output, photo_path
from facekit.engines import Candidate
from facekit.scrape.pool import Downloads, Job, Outcome
from facekit.scrape.state import DONE, PENDING, SHORT, Keyword, States, after, is_finished

STAGE = "scrape"
REPEAT = "repeat"


class Shelf:
    """The folder's pictures by name, with what earlier runs kept, removed and refused."""

    def __init__(self, out: Output, states: States) -> None:
        self.out, self.states = out, states
        self.paths = {record.path for record in out.records.values()}
        self.removed = {(gone.label, gone.id) for gone in out.removed}
        self.refused = {(r.label, r.path) for r in out.rejected if r.reason != REMOVED}

    def holds(self, label: str, id: str) -> bool:
        """Return whether a picture was kept under a name, also where a person has since removed it."""
        return (label, id) in self.out.records or (label, id) in self.removed

    def sort(self, keyword: Keyword) -> None:
        """Hold what is known of a name against the folder: a picture is kept when the manifest says so."""
        if is_finished(keyword) and not all(self.holds(keyword.label, id) for id in keyword.kept):
            keyword.state = PENDING  # left behind by an --overwrite that was killed
            keyword.candidates, keyword.kept = [], {}
        keyword.kept = {id: source for id, source in keyword.kept.items() if self.holds(keyword.label, id)}
        for label, id in (*self.out.records, *self.removed):
            if label == keyword.label:
                keyword.kept.setdefault(id, self.out.sources.get(id, Source(id)))

    def keep(self, keyword: Keyword, candidate: Candidate, outcome: Outcome) -> bool:
        """Write one picture, or note why it is left out; return whether it was kept."""
        if outcome.picture is None:
            refused = outcome.refused
            assert refused is not None
            self._reject(keyword, candidate, refused.reason, refused.value)
            return False
        data, suffix, final_url, fetched_at = outcome.picture
        id = hashlib.sha256(data).hexdigest()
        path = photo_path(keyword.label, id, suffix)
        # A picture that a person moved here from another name stands on that very path.
        if self.holds(keyword.label, id) or path in self.paths:
            self._reject(keyword, candidate, REPEAT, id)
            return False
        source = Source(
            origin=id,
            url=candidate.url,
            final_url=final_url,
            page_url=candidate.page_url,
            engine=candidate.engine,
            query=candidate.query,
            rank=candidate.rank,
            fetched_at=fetched_at,
            licence=candidate.licence,
            licence_url=candidate.licence_url,
            creator=candidate.creator,
        )
        self.states.keeping(keyword, source)
        self.out.write(Record(id, id, path, keyword.label, keyword.name, id), data, source)
        self.paths.add(path)
        return True

    def _reject(self, keyword: Keyword, candidate: Candidate, reason: str, value: float | str | None) -> None:
        id = hashlib.sha256(candidate.url.encode(errors="replace")).hexdigest()
        self.refused.add((keyword.label, candidate.url))
        self.out.reject(Rejection(STAGE, id, keyword.label, candidate.url, reason, value))


class Picker:
    """Fills one name from its candidates, best rank first."""

    def __init__(self, keyword: Keyword, target: int, shelf: Shelf) -> None:
        self.keyword, self._target, self._shelf = keyword, target, shelf
        self.taken = len(keyword.kept)
        self._candidates = self._left()
        self._started = 0
        self._settled = 0
        self._ends: dict[int, Outcome] = {}

    @property
    def waiting(self) -> int:
        """Downloads that were started and whose turn has not come."""
        return self._started - self._settled

    @property
    def over(self) -> bool:
        """Whether the name has its pictures, or nothing is left to try."""
        return self.taken >= self._target or self._settled >= len(self._candidates)

    def start(self, downloads: Downloads, room: int) -> None:
        """Add downloads, as many as could all be kept and at most `room`."""
        may = min(room, self._target - self.taken - self.waiting)
        for _ in range(may):
            if self._started >= len(self._candidates):
                return
            downloads.add(Job(self._candidates[self._started], self._ending(self._started)))
            self._started += 1

    def settle(self) -> int:
        """Take the ends that are next in rank; return how many pictures were kept."""
        kept = 0
        while self._settled in self._ends:
            outcome = self._ends.pop(self._settled)
            kept += self._shelf.keep(self.keyword, self._candidates[self._settled], outcome)
            self._settled += 1
        self.taken += kept
        return kept

    def state(self) -> str:
        """Return how a name stands for which nothing more can be done."""
        if self.taken >= self._target:
            return DONE
        return SHORT if self.keyword.candidates else after(self.keyword.search)

    def _ending(self, place: int) -> Callable[[Outcome], None]:
        def end(outcome: Outcome) -> None:
            self._ends[place] = outcome

        return end

    def _left(self) -> list[Candidate]:
        """Leave out what an earlier run has settled: always the first ones, so order and result stay the same."""
        label, ranks = self.keyword.label, {source.rank for source in self.keyword.kept.values()}
        refused = self._shelf.refused
        return [c for c in self.keyword.candidates if c.rank not in ranks and (label, c.url) not in refused]
