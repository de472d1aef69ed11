"""The stage: bots search, one pool downloads, and one thread, the caller's, writes."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial

from facekit.base import files
from facekit.base.contract import FacekitError, Record, Rejection, Report, Source, Track, quiet
from facekit.base.names import fold
from facekit.base.text import counted, listed
from facekit.commands.scrape import names as naming
from facekit.commands.scrape import summary
from facekit.commands.scrape.collect import Collector
from facekit.commands.scrape.evidence import KeptPages
from facekit.commands.scrape.keep import STAGE, Pictures
from facekit.commands.scrape.keyword import Keyword, Progress
from facekit.commands.scrape.notices import notices_of
from facekit.commands.scrape.plan import Plan, plan
from facekit.commands.scrape.probe import probe
from facekit.commands.scrape.state import States
from facekit.dataset import REMOVED, Output, read_info, tombstones
from facekit.dataset.folder import is_blank
from facekit.dataset.groups import draw_groups
from facekit.dataset.tombstones import FORGOTTEN, Tombstones
from facekit.identity import groups
from facekit.identity.likeness import MATCHER, proofs
from facekit.options.scrape import Scrape
from facekit.sources import browser
from facekit.sources.engines import State

log = logging.getLogger(__name__)


def scrape(options: Scrape, track: Track = quiet) -> Report:
    """Search for each name and keep its `per_name` best-ranked pictures, a folder a name, as they were found.

    With `probe`, search once and keep nothing. Raises FacekitError: no names, no browser, a folder that is not this
    stage's, every search blocked, nothing found.
    """
    made = plan(options)
    if options.probe:
        return probe(made)
    asked, notices = naming.merge(naming.read_names(options.names))
    _check_engines(made)
    stones = tombstones.read()
    _warn_of_removed(asked, stones)
    folder = Output(options.output, STAGE, options)
    folder.info = replace(folder.info, engines=made.terms())
    with folder as out:
        run = _Run(made, out, asked, notices, stones)
        if options.dry_run:
            return run.plan()
        if run.open:
            run.work(track)
        return run.finish(track)


def _warn_of_removed(asked: Iterable[str], stones: Tombstones) -> None:
    """Warn of people who were removed for good: only the pictures that were there are known, not the person."""
    if removed := [name for name in asked if stones.has_name(name)]:
        log.warning(
            "%s: removed with `facekit forget` before; the same pictures stay out, but other photos are not stopped",
            listed(removed),
        )


class _Run:
    """One run over one folder."""

    def __init__(self, made: Plan, out: Output, asked: list[str], notices: list[str], stones: Tombstones) -> None:
        self.made, self.out, self.notices = made, out, notices
        self.states = States(out.root, write=not made.options.dry_run)
        self._pages = KeptPages(out.root)
        if out.fresh:
            self.states.clear()
            if not made.options.dry_run:
                self._pages.clear()
                files.delete(out.root / summary.FILE)
        self.pictures = Pictures(out, self.states, stones)
        self._sources = dict(out.sources)
        self.asked = self._keywords(asked)
        self._reopen()
        self.open = [keyword for keyword in self.asked if keyword.open]

    def plan(self) -> Report:
        """Report what would be searched for."""
        report = self.out.report()
        report.details = {
            "would_search": [k.name for k in self.open if not k.candidates],
            "would_keep": sum(self.made.options.per_name - len(k.kept) for k in self.open),
            "folders": {k.name: k.label for k in self.asked},
            "notices": self.notices,
        }
        return report

    def work(self, track: Track) -> None:
        """Search and download until every name is finished."""
        self.notices += notices_of(self.made, sum(not keyword.candidates for keyword in self.open))
        if self.made.needs_browser:
            browser.sweep()
        self.states.begin()
        total = len(self.asked) * self.made.options.per_name
        Collector(self.made, self.pictures, self._pages, self.open).run(track, total)

    def finish(self, track: Track) -> Report:
        """Put records and lines in order and report on each name. Raises FacekitError where nothing was found."""
        asked = {keyword.label for keyword in self.asked}
        order = [k for k in self.states.names.values() if k.label not in asked] + self.asked
        rejections = _rejections_of(self.out, order)
        rows = summary.summarise(rejections, self.asked, self.made.options.per_name)
        try:
            summary.check(rows, self.made.classes)
        except FacekitError:
            self.states.tidy(order)
            raise
        records = self._grouped([record for keyword in order for record in _records_of(self.out, keyword)], track)
        self.out.sources = _sources_of(records, self.states.names, self._sources)
        report = self.out.finish(records, rejections)
        self.pictures.end()
        if self.pictures.forgotten:
            report.left[FORGOTTEN] = len(self.pictures.forgotten)
        self.states.tidy(order)
        summary.write(self.out.root, summary.summarise(rejections, order, self.made.options.per_name))
        doubtful = self._warn(rows)
        report.details = {**summary.details(rows), "notices": self.notices}
        report.details["kept_pages"] = list(map(str, self._pages.files))
        report.details |= {"under_several_names": doubtful} if doubtful else {}
        return report

    def _grouped(self, records: list[Record], track: Track) -> list[Record]:
        """Give photos that are one, under several names too, one group; where none is new they have theirs already.

        A kill may leave some without. A folder of 0.1.0, in which none has one, stays as it is until it grows.
        """
        without = sum(record.group is None for record in records)
        if self.out.complete and not self.out.made and without in (0, len(records)):
            return records
        groups.record_matcher(self.out, MATCHER)
        prints = groups.look(partial(groups.bytes_at, self.out.root), records, track, self.made.options.jobs)
        proved = proofs(prints, jobs=self.made.options.jobs, track=track)
        self.out.links += groups.links_of(records, proved, STAGE, MATCHER)
        return draw_groups(records, links=self.out.links)

    def _warn(self, rows: list[summary.Row]) -> int:
        """Warn of what a person ought to look at; return how many pictures are under several names."""
        changed = Counter(e for row in rows for e, state in row.searches.items() if state == State.LAYOUT_CHANGED)
        for engine, count in changed.items():
            where = f"; its pages are saved in {self._pages.folder}" if self._pages.files else ""
            log.warning(
                "THE PAGE OF %s HAS CHANGED: %s could not be searched for%s", engine, counted(count, "name"), where
            )
        labels: dict[str, list[str]] = {}
        for label, id in self.out.records:
            labels.setdefault(id, []).append(label)
        doubtful = sum(len(found) > 1 for found in labels.values())
        if doubtful:
            what = counted(
                doubtful, "picture is under more than one name", "pictures are under more than one name each"
            )
            log.warning("%s, of which all but one are wrong", what)
        return doubtful

    def _keywords(self, asked: list[str]) -> list[Keyword]:
        for keyword in self.states.names.values():
            self.pictures.sort(keyword)
        known = {fold(keyword.name): keyword for keyword in self.states.names.values()}
        labels = naming.labels(asked, {folded: keyword.label for folded, keyword in known.items()})
        found = []
        for name in asked:
            keyword = known.get(fold(name)) or Keyword(name, labels[name])
            if keyword.label not in self.states.names:
                self.states.names[keyword.label] = keyword
                self.pictures.sort(keyword)
            found.append(keyword)
        return found

    def _reopen(self) -> None:
        """Try again what may succeed now: failed searches, and, after a run that ended, failed downloads.

        A run that was killed and goes on repeats no download that it has finished: its result is that of a run
        which nobody killed.
        """
        for keyword in self.asked:
            if keyword.open or keyword.state is Progress.DONE:
                continue
            again = {e: found for e, found in keyword.searches.items() if not found.fine and e in self.made.classes}
            for engine in again:
                del keyword.searches[engine]
            keyword.retrying = self.states.over
            if self.pictures.untried(keyword) or self.made.next(keyword) is not None:
                keyword.state = Progress.COLLECTED if keyword.searches else Progress.PENDING
            else:
                keyword.retrying = False


def _records_of(out: Output, keyword: Keyword) -> list[Record]:
    """Return a name's records, best rank first."""
    ranked = sorted(keyword.kept.values(), key=lambda source: (source.rank or 0, source.origin))
    found = (out.records.get((keyword.label, source.origin)) for source in ranked)
    return [record for record in found if record is not None]


def _sources_of(
    records: Iterable[Record], names: Mapping[str, Keyword], known: Mapping[str, Source]
) -> dict[str, Source]:
    """Return where each photo came from; of one that stands under two names the first of them says it."""
    found: dict[str, Source] = {}
    for record in records:
        here = names[record.moved_from or record.label].kept[record.id]
        # What earlier runs kept is known here by its rank alone.
        found.setdefault(record.origin, here if here.fetched_at else known.get(record.origin, here))
    return found


def _rejections_of(out: Output, order: Iterable[Keyword]) -> list[Rejection]:
    """Return what was left out by name, then rank; what a person removed stands behind what could not be had."""
    names = {keyword.label: keyword for keyword in order}
    kept = {label: {source.url for source in keyword.kept.values()} for label, keyword in names.items()}
    found: dict[str, dict[str, Rejection]] = {label: {} for label in names}
    for rejection in sorted(out.rejected, key=lambda rejection: _place(rejection, names)):
        # Of a link that was tried more than once, the last failure counts; none does where it worked in the end.
        if rejection.path not in kept.get(rejection.label, ()):
            found.setdefault(rejection.label, {})[rejection.id] = rejection
    return [rejection for label in found for rejection in found[label].values()]


def _place(rejection: Rejection, names: Mapping[str, Keyword]) -> int:
    if rejection.reason != REMOVED:
        return -1  # already in order of rank
    keyword = names.get(rejection.label)
    source = keyword.kept.get(rejection.id) if keyword else None
    return (source.rank or 0) if source else 0


def _check_engines(made: Plan) -> None:
    """Refuse to go on with other engines; more of them may always be added behind. Raises FacekitError."""
    root = made.options.output
    if made.options.overwrite or not root.is_dir() or is_blank(root):
        return
    info = read_info(root)
    before = list(info.engines) if info else []
    now = list(made.classes)
    if now[: len(before)] != before:
        raise FacekitError(
            f"{root} was made with --engine {','.join(before)}; list those engines first, or choose another folder"
        )
