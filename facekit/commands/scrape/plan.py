"""Which engines a run asks, in which order, with what manners; settled before any work starts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from facekit.base import plugins
from facekit.base.contract import FacekitError
from facekit.commands.scrape import names as naming
from facekit.commands.scrape.bot import Means
from facekit.commands.scrape.download import user_agent
from facekit.commands.scrape.state import Keyword
from facekit.commands.scrape.tasks import REST, Pace, Task
from facekit.options.scrape import Scrape
from facekit.sources import browser
from facekit.sources.engines import Engine, Search, is_loopback, is_web
from facekit.sources.engines.filters import day, unfiltered

SURPLUS = 1.5
"""Candidates to collect for each picture wanted: 75 to 90 in 100 fresh links still lead to one."""

DEEPER, DEEPEST = 2, 4
"""A search whose candidates did not suffice asks for so many times as many, and for so many times at most."""

API_SECONDS = (5.0, 30.0)
"""Seconds to connect to an API, and to wait for its answer, where an engine sets no limit of its own."""


@dataclass(frozen=True)
class Choice:
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
        """Return the seconds between two searches of an engine: what is asked for, and no less than its manners."""
        return 0.0 if self.near else max(self.options.search_interval, self.classes[engine].interval)

    def paces(self) -> dict[str, Pace]:
        """Return each engine's patience."""
        return {name: Pace(name, self.interval(name), 0.0 if self.near else REST) for name in self.classes}

    def means(self) -> Means:
        """Return what the bots search with. Raises FacekitError for a browser that is named and not there."""
        found = browser.find() if self.needs_browser and not self.options.grid else browser.Found(None, None)

        def start() -> browser.Browser:
            return browser.GridBrowser(self.options.grid) if self.options.grid else browser.LocalBrowser(found)

        engines = {name: self._maker(name) for name in self.classes}
        return Means(engines, start, self.session)

    def session(self) -> requests.Session:
        """Return what an engine without a browser asks with: facekit by name, and never without end."""
        session = requests.Session()
        session.headers["User-Agent"] = user_agent(self.options.contact)
        for scheme in ("http://", "https://"):
            session.mount(scheme, _Patient())
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
        """Return the search that may give a name what it is short of; None where every engine has given its all."""
        wanted = math.ceil(SURPLUS * max(1, self.options.per_name - len(keyword.kept)))
        most = DEEPEST * math.ceil(SURPLUS * self.options.per_name)
        for engine in self.classes:
            found = keyword.searches.get(engine)
            if found is None:
                return Task(keyword.label, engine, self.search(keyword.name, wanted))
            deeper = min(DEEPER * found.asked, most)
            if found.fine and found.given >= found.asked and deeper > found.asked:
                return Task(keyword.label, engine, self.search(keyword.name, deeper))
        return None

    def terms(self) -> dict[str, dict[str, Any]]:
        """Return what is written down of each engine: its terms, and which of the filters asked for it has not."""
        search = self.search("", 0)
        return {name: {"terms": cls.terms, "unfiltered": unfiltered(cls, search)} for name, cls in self.classes.items()}

    def _maker(self, name: str) -> Any:
        cls = self.classes[name]
        return lambda: cls(self.options.base_url)


def choose(options: Scrape) -> Choice:
    """Return the engines that the options name. Raises FacekitError for whatever cannot work."""
    names = [options.probe] if options.probe else [name.strip() for name in options.engine.split(",") if name.strip()]
    if not names or len(set(names)) < len(names):
        raise FacekitError(f"--engine is {options.engine!r}; give one engine, or several once each, as in bing,commons")
    choice = Choice(options, {name: plugins.load("engine", name) for name in names})
    for flag, address in (("--base-url", options.base_url), ("--grid", options.grid)):
        if address is not None and not is_web(address):
            raise FacekitError(f"{flag} is {address!r}; give an address that begins with http:// or https://")
    if len(names) > 1 and options.base_url is not None and not choice.near:
        raise FacekitError("--base-url is the address of one engine; give one --engine with it")
    if "{name}" not in options.query:
        raise FacekitError(f"--query is {options.query!r}; it must hold {{name}}")
    if options.since is not None:
        day(options.since)
    user_agent(options.contact)
    return choice


class _Patient(HTTPAdapter):
    """Sets a limit to every wait that has none."""

    def send(
        self, request: requests.PreparedRequest, stream: bool = False, timeout: Any = None, *args: Any, **more: Any
    ) -> requests.Response:
        return super().send(request, stream, API_SECONDS if timeout is None else timeout, *args, **more)
