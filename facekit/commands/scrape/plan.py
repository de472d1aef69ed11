"""Which engines a run asks, in which order, and how politely: decided before any work starts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

import requests

from facekit.base import plugins
from facekit.base.contract import FacekitError
from facekit.commands.scrape import names as naming
from facekit.commands.scrape.bot import Tools
from facekit.commands.scrape.download import user_agent
from facekit.commands.scrape.keyword import Keyword
from facekit.commands.scrape.tasks import REST, Pace, Task
from facekit.dataset.info import Terms
from facekit.options.scrape import Scrape
from facekit.sources import browser
from facekit.sources.addresses import Gate, is_loopback, is_web, own_server
from facekit.sources.connections import GuardedAdapter
from facekit.sources.engines import Engine, Search, hosts_of
from facekit.sources.engines.filters import day, unfiltered

SURPLUS = 1.5
"""Candidates to collect for each picture wanted: 75 to 90 in 100 fresh links still lead to one."""

DEEPER, DEEPEST = 2, 4
"""A search whose candidates did not suffice asks for so many times as many, and for so many times at most."""

WEB_PORTS = frozenset({80, 443})


@dataclass(frozen=True)
class Plan:
    """The engines of a run, in order; each fills what those before it left."""

    options: Scrape
    classes: Mapping[str, type[Engine]]

    @property
    def near(self) -> bool:
        """Whether nobody but this machine is asked: then there is nobody to be polite to."""
        return self.options.base_url is not None and is_loopback(self.options.base_url)

    @property
    def needs_browser(self) -> bool:
        """Whether any engine drives a browser."""
        return any(cls.needs_browser for cls in self.classes.values())

    def interval(self, engine: str) -> float:
        """Return the seconds between two searches of an engine: what is asked for, and no less than is polite."""
        return 0.0 if self.near else max(self.options.search_interval, self.classes[engine].interval)

    def paces(self) -> dict[str, Pace]:
        """Return how fast each engine may be asked."""
        return {name: Pace(name, self.interval(name), 0.0 if self.near else REST) for name in self.classes}

    def gate(self) -> Gate:
        """Return whom the browsers may connect to: the engines' hosts, and the server of `--base-url`."""
        engines = [] if self.near else [cls for cls in self.classes.values() if cls.needs_browser]
        hosts = [host for engine in engines for host in hosts_of(engine)]
        return Gate(tuple(hosts), WEB_PORTS, own=own_server(self.options.base_url))

    @contextmanager
    def tools(self) -> Iterator[Tools]:
        """Hand out what the bots search with. Raises FacekitError for a browser that is named and not there."""
        engines = {name: partial(cls, self.options.base_url) for name, cls in self.classes.items()}
        with ExitStack() as stack:
            yield Tools(engines, self._browsers(stack), self.session)

    def session(self) -> requests.Session:
        """Return what an engine without a browser asks with: facekit by name, and never without end."""
        session = requests.Session()
        session.headers["User-Agent"] = user_agent(self.options.contact)
        for scheme in ("http://", "https://"):
            session.mount(scheme, GuardedAdapter(Gate(own=own_server(self.options.base_url))))
        return session

    def search(self, name: str, wanted: int) -> Search:
        """Return what to ask an engine for a name."""
        chosen = self.options
        return Search(
            naming.words(name, chosen.query),
            wanted,
            face_only=chosen.face_only,
            min_width=chosen.min_width,
            safe=chosen.safe,
            since=chosen.since,
            license=chosen.license,
        )

    def next(self, keyword: Keyword) -> Task | None:
        """Return the search that may find what a name is short of; None where no engine has any more."""
        wanted = math.ceil(SURPLUS * max(1, self.options.per_name - len(keyword.kept)))
        most = DEEPEST * math.ceil(SURPLUS * self.options.per_name)
        for engine in self.classes:
            search = keyword.searches.get(engine)
            if search is None:
                return Task(keyword.label, engine, self.search(keyword.name, wanted))
            deeper = min(DEEPER * search.asked, most)
            if search.fine and search.given >= search.asked and deeper > search.asked:
                return Task(keyword.label, engine, self.search(keyword.name, deeper))
        return None

    def terms(self) -> dict[str, Terms]:
        """Return what is recorded of each engine."""
        search = self.search("", 0)
        return {name: Terms(cls.terms, tuple(unfiltered(cls, search))) for name, cls in self.classes.items()}

    def _browsers(self, stack: ExitStack) -> Callable[[], browser.Browser]:
        """Return what makes a browser that reaches the engines alone."""
        if not self.needs_browser:
            return _no_browser
        if self.options.grid:
            return partial(browser.GridBrowser, self.options.grid, self.gate())
        found, proxy = browser.find(), stack.enter_context(browser.Proxy(self.gate()))
        return partial(browser.LocalBrowser, found, proxy)


def plan(options: Scrape) -> Plan:
    """Return the engines that the options name. Raises FacekitError for whatever cannot work."""
    names = [options.probe] if options.probe else [name.strip() for name in options.engine.split(",") if name.strip()]
    if not names or len(set(names)) < len(names):
        raise FacekitError(
            f"--engine is {options.engine!r}; give one engine, or several different ones, as in bing,commons"
        )
    made = Plan(options, {name: plugins.load("engine", name) for name in names})
    for flag, address in (("--base-url", options.base_url), ("--grid", options.grid)):
        if address is not None and not is_web(address):
            raise FacekitError(f"{flag} is {address!r}; give an address that begins with http:// or https://")
    if len(names) > 1 and options.base_url is not None and not made.near:
        raise FacekitError("--base-url is the address of one engine; give one --engine with it")
    if "{name}" not in options.query:
        raise FacekitError(f"--query is {options.query!r}; it must contain {{name}}")
    if options.since is not None:
        day(options.since)
    user_agent(options.contact)
    return made


def _no_browser() -> browser.Browser:
    raise RuntimeError("no engine of this run drives a browser")
