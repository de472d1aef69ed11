"""The stage: bots search, one pool downloads, and one thread, the caller's, writes."""

from __future__ import annotations

import logging
from collections import Counter

from facekit.base.contract import FacekitError, Report, Track, quiet, replace
from facekit.commands.scrape import names as naming
from facekit.commands.scrape import summary
from facekit.commands.scrape.choice import Choice, choose
from facekit.commands.scrape.evidence import Drawer
from facekit.commands.scrape.fill import Fill
from facekit.commands.scrape.keep import STAGE, Shelf
from facekit.commands.scrape.notices import notices_of
from facekit.commands.scrape.order import records_of, rejections_of, sources_of
from facekit.commands.scrape.probe import probe
from facekit.commands.scrape.state import COLLECTED, DONE, PENDING, Keyword, States
from facekit.dataset import Output, read_info
from facekit.dataset.folder import is_blank
from facekit.options.scrape import Scrape
from facekit.sources import browser
from facekit.sources.engines import State

log = logging.getLogger(__name__)


def scrape(options: Scrape, track: Track = quiet) -> Report:
    """Search for each name and keep its `per_name` best-ranked pictures, a folder a name, as they were found.

    With `probe`, search once and keep nothing. Raises FacekitError: no names, no browser, a folder that is not this
    stage's, every search blocked, nothing found.
    """
    choice = choose(options)
    if options.probe:
        return probe(choice)
    asked, notices = naming.merge(naming.read_names(options.names))
    _check_engines(choice)
    folder = Output(options.output, STAGE, options)
    folder.info = replace(folder.info, engines=choice.terms())
    with folder as out:
        run = _Run(choice, out, asked, notices)
        if options.dry_run:
            return run.plan()
        if run.open:
            run.work(track)
        return run.finish()


class _Run:
    """One run over one folder."""

    def __init__(self, choice: Choice, out: Output, asked: list[str], notices: list[str]) -> None:
        self.choice, self.out, self.notices = choice, out, notices
        self.states = States(out.root, write=not choice.options.dry_run)
        self._drawer = Drawer(out.root)
        if out.fresh:
            self.states.clear()
            if not choice.options.dry_run:
                self._drawer.clear()
                (out.root / summary.FILE).unlink(missing_ok=True)
        self.shelf = Shelf(out, self.states)
        self._sources = dict(out.sources)
        self.asked = self._keywords(asked)
        self._reopen()
        self.open = [keyword for keyword in self.asked if keyword.open]

    def plan(self) -> Report:
        """Say what would be searched for."""
        report = self.out.report()
        report.details = {
            "would_search": [k.name for k in self.open if not k.candidates],
            "would_keep": sum(self.choice.options.per_name - len(k.kept) for k in self.open),
            "folders": {k.name: k.label for k in self.asked},
            "notices": self.notices,
        }
        return report

    def work(self, track: Track) -> None:
        """Search and download until every name is finished."""
        self.notices += notices_of(self.choice, sum(not keyword.candidates for keyword in self.open))
        if self.choice.needs_browser:
            browser.sweep()
        self.states.begin()
        total = len(self.asked) * self.choice.options.per_name
        Fill(self.choice, self.shelf, self._drawer, self.open).run(track, total)

    def finish(self) -> Report:
        """Put records and lines in order and say how each name fared. Raises FacekitError where nothing was found."""
        asked = {keyword.label for keyword in self.asked}
        order = [k for k in self.states.names.values() if k.label not in asked] + self.asked
        rejections = rejections_of(self.out, order)
        rows = summary.fared(rejections, self.asked, self.choice.options.per_name)
        try:
            summary.check(rows, self.choice.classes)
        except FacekitError:
            self.states.tidy(order)
            raise
        records = [record for keyword in order for record in records_of(self.out, keyword)]
        self.out.sources = sources_of(records, self.states.names, self._sources)
        report = self.out.finish(records, rejections)
        self.states.tidy(order)
        summary.write(self.out.root, summary.fared(rejections, order, self.choice.options.per_name))
        report.details = {**summary.details(rows), "notices": self.notices, **self._oddities(rows)}
        return report

    def _oddities(self, rows: list[summary.Fared]) -> dict[str, object]:
        """Say loudly what a person ought to look at."""
        changed = Counter(e for row in rows for e, state in row.searches.items() if state == State.LAYOUT_CHANGED)
        files = [str(path) for path in self._drawer.files]
        for engine, count in changed.items():
            where = f"; its pages are kept in {self._drawer.folder}" if files else ""
            log.warning("THE PAGE OF %s HAS CHANGED: %d names could not be searched for%s", engine, count, where)
        labels: dict[str, list[str]] = {}
        for label, id in self.out.records:
            labels.setdefault(id, []).append(label)
        doubtful = [found for found in labels.values() if len(found) > 1]
        if doubtful:
            log.warning("%d pictures stand under more than one name: at least one of each is wrong", len(doubtful))
        return {"kept_pages": files} | ({"under_several_names": len(doubtful)} if doubtful else {})

    def _keywords(self, asked: list[str]) -> list[Keyword]:
        for keyword in self.states.names.values():
            self.shelf.sort(keyword)
        known = {naming.fold(keyword.name): keyword for keyword in self.states.names.values()}
        labels = naming.labels(asked, {folded: keyword.label for folded, keyword in known.items()})
        found = []
        for name in asked:
            keyword = known.get(naming.fold(name)) or Keyword(name, labels[name])
            if keyword.label not in self.states.names:
                self.states.names[keyword.label] = keyword
                self.shelf.sort(keyword)
            found.append(keyword)
        return found

    def _reopen(self) -> None:
        """Take up again what may end better: failed searches, and, after a run that ended, failed downloads.

        A run that was killed and goes on tries no download again that it has settled: its result is that of a run
        which nobody killed.
        """
        for keyword in self.asked:
            if keyword.open or keyword.state == DONE:
                continue
            again = {e: found for e, found in keyword.searches.items() if not found.fine and e in self.choice.classes}
            for engine in again:
                del keyword.searches[engine]
            keyword.retrying = self.states.over
            if self.shelf.untried(keyword) or self.choice.next(keyword) is not None:
                keyword.state = COLLECTED if keyword.searches else PENDING
            else:
                keyword.retrying = False


def _check_engines(choice: Choice) -> None:
    """Refuse to go on with other engines; more of them may always be added behind. Raises FacekitError."""
    root = choice.options.output
    if choice.options.overwrite or not root.is_dir() or is_blank(root):
        return
    info = read_info(root)
    before = list(info.engines) if info else []
    now = list(choice.classes)
    if now[: len(before)] != before:
        raise FacekitError(
            f"{root} was made with --engine {','.join(before)}; give these first, or choose another folder"
        )
