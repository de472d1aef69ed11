"""Which pictures a name keeps: decided by rank in the results, not by download speed.

Downloads start in rank order, never more than could all be kept, and their results are taken in rank order. So what is
fetched, kept and refused does not depend on how fast any host was, and what a killed run has written is always the
beginning of what an uninterrupted one writes.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable

from facekit.base.contract import Record, Rejection, Source
from facekit.commands.scrape.download import may_work_later
from facekit.commands.scrape.keyword import Keyword, Progress, after
from facekit.commands.scrape.pool import Downloads, Job, Outcome
from facekit.commands.scrape.state import States
from facekit.dataset import REMOVED, Output, photo_path, tombstones
from facekit.dataset.tombstones import FORGOTTEN, NEAR_BITS, Tombstones
from facekit.sources.addresses import canonical
from facekit.sources.engines import Candidate
from facekit.sources.optouts import is_opt_out

STAGE = "scrape"
REPEAT, NEAR_REPEAT = "repeat", "near repeat"


class Pictures:
    """The folder's pictures by name, with what earlier runs kept, removed and refused."""

    def __init__(self, out: Output, states: States, stones: Tombstones) -> None:
        """`stones` is what was removed for good."""
        self.out, self.states = out, states
        self.paths = {record.path for record in out.records.values()}
        self.removed = {(gone.label, gone.id) for gone in out.removed}
        self._refused: defaultdict[str, dict[str, str]] = defaultdict(dict)
        for rejection in out.rejected:
            if rejection.reason != REMOVED:
                self._refused[rejection.label][rejection.path] = rejection.reason
        self._stones = stones
        self.forgotten: dict[str, None] = {}
        """The links to pictures that were removed for good, in the order in which they came up: they are written
        nowhere."""
        self._held: defaultdict[str, list[str]] = defaultdict(list)
        for label, id in (*out.records, *self.removed):
            self._held[label].append(id)

    def holds(self, label: str, id: str) -> bool:
        """Return whether a picture was kept under a name, also where a person has since removed it."""
        return (label, id) in self.out.records or (label, id) in self.removed

    def refused(self, label: str) -> dict[str, str]:
        """Return link -> why it gave no picture, of all that were tried for a name."""
        return self._refused[label]

    def allowed(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """Return the candidates without those that lead to pictures which were removed for good."""
        allowed = []
        for candidate in candidates:
            if self._stones.has_url(canonical(candidate.url)):
                self.forgotten[candidate.url] = None
            else:
                allowed.append(candidate)
        return allowed

    def end(self) -> None:
        """Remember under which other addresses pictures were found that were removed for good."""
        if self.forgotten:
            tombstones.add(urls=map(canonical, self.forgotten))

    def sort(self, keyword: Keyword) -> None:
        """Correct what is known of a name by what is in the folder: a picture is kept when the manifest has it."""
        if not keyword.open and not all(self.holds(keyword.label, id) for id in keyword.kept):
            # Left behind by an --overwrite that was killed.
            keyword.forget()
        keyword.kept = {id: source for id, source in keyword.kept.items() if self.holds(keyword.label, id)}
        for id in self._held[keyword.label]:
            keyword.kept.setdefault(id, self.out.sources.get(id, Source(id)))
        # The hash of a picture that was never written would call its own next download a repeat.
        keyword.hashes = {id: dhash for id, dhash in keyword.hashes.items() if id in keyword.kept}
        if not keyword.open:
            self._prune(keyword)

    def untried(self, keyword: Keyword) -> list[Candidate]:
        """Return the candidates that have neither been kept nor refused, best rank first.

        What a killed run has done is always the first of them, so order and result stay the same.
        """
        ranks = {source.rank for source in keyword.kept.values()}
        left = [c for c in keyword.candidates if c.rank not in ranks and not self._is_tried(keyword, c.url)]
        return sorted(self.allowed(left), key=lambda candidate: candidate.rank)

    def ended(self, keyword: Keyword, state: Progress) -> None:
        """Note that a name is finished, and forget whatever no later run can use."""
        self.states.ended(keyword, state)
        self._prune(keyword)

    def keep(self, keyword: Keyword, candidate: Candidate, outcome: Outcome) -> bool:
        """Write one picture, or note why it is left out; return whether it was kept."""
        if outcome.picture is None:
            refused = outcome.refused
            assert refused is not None
            self._reject(keyword, candidate, refused.reason, refused.value)
            return False
        data, suffix, final_url, fetched_at = outcome.picture
        id = hashlib.sha256(data).hexdigest()
        if self._stones.has_bytes(id) or (outcome.dhash is not None and self._stones.has_look(outcome.dhash)):
            self.forgotten[candidate.url] = None
            self._refused[keyword.label][candidate.url] = FORGOTTEN
            return False
        path = photo_path(keyword.label, id, suffix)
        # A picture that a person moved here from another name is at that very path.
        if self.holds(keyword.label, id) or path in self.paths:
            self._reject(keyword, candidate, REPEAT, id)
            return False
        twin = keyword.twin(outcome.dhash, NEAR_BITS)
        if twin is not None:
            self._reject(keyword, candidate, NEAR_REPEAT, twin)
            return False
        source = Source(
            origin=id,
            url=candidate.url,
            final_url=candidate.url if final_url == candidate.url else final_url,  # one string in memory, not two
            page_url=candidate.page_url,
            engine=candidate.engine,
            query=candidate.query,
            rank=candidate.rank,
            fetched_at=fetched_at,
            licence=candidate.licence,
            licence_url=candidate.licence_url,
            creator=candidate.creator,
            attribution=candidate.attribution,
        )
        self.states.keeping(keyword, source, outcome.dhash)
        self.out.write(Record(id, id, path, keyword.label, keyword.name, id), data, source)
        self.paths.add(path)
        return True

    def _prune(self, keyword: Keyword) -> None:
        refused = self._refused[keyword.label]
        again = [c for c in keyword.candidates if may_work_later(refused.get(c.url, ""))]
        keyword.candidates = [] if keyword.state is Progress.DONE else again
        if keyword.state is Progress.DONE:
            keyword.hashes = {}
            del self._refused[keyword.label]

    def _is_tried(self, keyword: Keyword, url: str) -> bool:
        reason = self._refused[keyword.label].get(url)
        if reason is None or not keyword.retrying:
            return reason is not None
        return url in keyword.tried or not may_work_later(reason)

    def _reject(self, keyword: Keyword, candidate: Candidate, reason: str, value: float | str | None) -> None:
        id = hashlib.sha256(candidate.url.encode(errors="replace")).hexdigest()
        self._refused[keyword.label][candidate.url] = reason
        self.out.reject(Rejection(STAGE, id, keyword.label, candidate.url, reason, value))
        if keyword.retrying:
            self.states.trying(keyword, candidate.url)


class Selection:
    """Fills one name from its candidates, best rank first."""

    def __init__(self, keyword: Keyword, target: int, pictures: Pictures) -> None:
        self.keyword, self._target, self._pictures = keyword, target, pictures
        self._kept = len(keyword.kept)
        self._candidates = pictures.untried(keyword)
        self._started = 0
        self._taken = 0
        self._ends: dict[int, Outcome] = {}
        self.opted_out = 0
        """Of what the last `take` took, the pictures whose owners want none of it."""

    @property
    def waiting(self) -> int:
        """Downloads that were started and whose turn has not come."""
        return self._started - self._taken

    @property
    def over(self) -> bool:
        """Whether the name has its pictures, or nothing is left to try."""
        return self._kept >= self._target or self._taken >= len(self._candidates)

    @property
    def missing(self) -> int:
        """Pictures that the name has too few."""
        return max(0, self._target - self._kept)

    def start(self, downloads: Downloads, most: int) -> None:
        """Add downloads, as many as could all be kept and at most `most`."""
        for _ in range(min(most, self.missing - self.waiting)):
            if self._started >= len(self._candidates):
                return
            downloads.add(Job(self._candidates[self._started], self._ending(self._started)))
            self._started += 1

    def take(self) -> int:
        """Take the results that are next in rank; return how many pictures were kept."""
        kept = self.opted_out = 0
        while self._taken in self._ends:
            outcome = self._ends.pop(self._taken)
            self.opted_out += outcome.refused is not None and is_opt_out(outcome.refused.reason)
            kept += self._pictures.keep(self.keyword, self._candidates[self._taken], outcome)
            self._taken += 1
        self._kept += kept
        return kept

    def end(self) -> None:
        """Note that nothing more can be done for the name."""
        self._pictures.ended(self.keyword, after(self.keyword) if self.missing else Progress.DONE)

    def _ending(self, place: int) -> Callable[[Outcome], None]:
        def end(outcome: Outcome) -> None:
            self._ends[place] = outcome

        return end
