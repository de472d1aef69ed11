"""Google Images: a browser scrolls, and `google_page` reads what its page holds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlencode

from facekit.base.text import counted
from facekit.sources.engines import HANDFUL, REPEATED_SHARE, Results, Search, State
from facekit.sources.engines.driving import (
    LONGEST_RECORD,
    MOST_RECORDS,
    MOST_TEXT,
    REFUSED,
    STALLS,
    address,
    patience,
    press,
    run,
    scroll,
    wait,
)
from facekit.sources.engines.filters import AGES, day
from facekit.sources.engines.google_page import Harvest, Seen, harvest, is_original

if TYPE_CHECKING:
    from selenium.webdriver.remote.webdriver import WebDriver

SIZES = {
    "qsvga": 400 * 300, "vga": 640 * 480, "svga": 800 * 600, "xga": 1024 * 768,
    **{f"{n}mp": n * 1_000_000 for n in (2, 4, 6, 8, 10, 12, 15, 20, 40, 70)},
}  # fmt: skip
"""Google's names of sizes -> pixels; `isz:lt` asks for larger ones."""

LAYOUT_CHANGED = State.LAYOUT_CHANGED

SHORT_BODY = 2000
"""Characters below which a page that names `/sorry/` is nothing else."""

CONSENTS = 2
"""Forms that are answered before Google is taken to insist."""

_LOOK = r"""
const all = s => [...document.querySelectorAll(s)], shows = s => all(s).some(e => e.checkVisibility());
const entry = performance.getEntriesByType('navigation')[0];
const texts = [...document.scripts].map(script => script.textContent);
const triples = /encrypted-tbn\S{0,400}?,\s*\d+\s*,\s*\d+\s*\]/;
const cards = all('[data-docid]').length, state = Object.keys(window.W_jd || {}).length;
const scripts = texts.reduce((n, text) => n + text.split('encrypted-tbn').length - 1, 0);
const look = {
  path: location.pathname.slice(0, 200), status: entry ? entry.responseStatus || 0 : 0,
  held: [cards, state, scripts], records: cards + state > 0 || texts.some(text => triples.test(text)),
  consent: location.hostname.startsWith('consent.') || all('input[name=set_eom]').length > 0
    || shows('#W0wltc, #L2AGLb'),
};
if (look.records && !arguments[0]) return look;
const html = document.documentElement ? document.documentElement.outerHTML : '';
return {
  ...look, length: html.length, sorry: html.includes('/sorry/'), script: html.includes('enablejs'),
  results: all('#search, #rso, img').length,
  captcha: shows("#captcha-form, #recaptcha, .g-recaptcha, iframe[src*='recaptcha']"),
  none: /did not match any|aren.t any( great)? matches|no results found/i.test(document.body?.innerText || ''),
}
"""

# Objects may hold the record behind a Symbol, their properties may throw, and they may lead to anything.
_READ = r"""
const [most, longest, all] = arguments;
let left = 300000, text = all / 2;
function cut(value) {
  const part = value.slice(0, Math.max(Math.min(longest, text), 0));
  text -= part.length;
  return part;
}
function plain(value, above) {
  if (typeof value === 'string') return cut(value);
  if (value === null || ['number', 'boolean'].includes(typeof value)) return value;
  if (typeof value !== 'object' || value instanceof Node || value === window) return null;
  if (above.includes(value) || above.length > 14 || --left < 0) return null;
  const below = [...above, value];
  if (Array.isArray(value)) return Array.from(value, one => plain(one, below));
  const copy = {};
  for (const key of Reflect.ownKeys(value)) {
    const name = cut(String(key));
    try { copy[name] = plain(value[key], below); } catch (error) { copy[name] = null; }
  }
  return copy;
}
const state = Object.values(plain(window.W_jd || {}, []));
let rest = all / 2;
const texts = [...document.scripts].map(script => script.textContent).filter(one => one.includes('encrypted-tbn'))
  .map(one => { const part = one.slice(0, Math.max(rest, 0)); rest -= part.length; return part; }).filter(Boolean);
const cards = [...document.querySelectorAll('[data-docid]')].slice(0, most)
  .map(one => [one.dataset.docid.slice(0, 100), (one.dataset.lpage || '').slice(0, 1000)]);
return [state, texts, cards];
"""

_HOVER = r"""
for (const link of document.querySelectorAll('a:has(img)'))
  for (const kind of ['mouseover', 'mousedown'])
    link.dispatchEvent(new MouseEvent(kind, {bubbles: true, cancelable: true, view: window}));
return [...document.querySelectorAll('a[href*="/imgres?"]')].slice(0, arguments[0])
  .map(link => link.href.length > 4000 ? '' : link.href);
"""

# Role and form before words: those differ by language. A form that also sets `set_sc` accepts.
_REJECTS = (
    "#W0wltc",
    "form:has(input[name=set_eom][value=true]):not(:has(input[name=set_sc])) :is(button, input[type=submit])",
)

# Below the cards: the menu above them has a "More" of its own.
_MORE = r"""
const last = [...document.querySelectorAll('[data-docid]')].pop();
const below = e => !last || last.compareDocumentPosition(e) & Node.DOCUMENT_POSITION_FOLLOWING;
const words = /^(show|see|load)?\s*more(\s+(results|images))?$/i;
const said = e => (e.value || e.getAttribute('aria-label') || e.innerText || '').trim();
const button = [...document.querySelectorAll('input[type=button], button, [role=button], a[jsaction]')]
  .find(e => below(e) && e.checkVisibility() && words.test(said(e)));
if (button) button.click();
return Boolean(button);
"""

_OPEN = "document.querySelectorAll('[data-docid]')[arguments[0]]?.querySelector('a')?.click()"
_SHOWN = r"""
const shown = [...document.querySelectorAll('img[jsname=kn3ccd]')].filter(picture => picture.checkVisibility());
return shown.slice(0, 10).map(picture => (picture.getAttribute('src') || '').slice(0, 4000));
"""


@dataclass(frozen=True)
class Look:
    """What a page looks like at one moment. What follows `consent` is looked at where there are no records."""

    path: str
    status: int
    held: tuple[int, int, int]
    """Cards, records in the page's state, and thumbnails that its scripts name: more of any is progress."""
    records: bool
    consent: bool
    length: int = 0
    sorry: bool = False
    script: bool = False
    results: int = 0
    captcha: bool = False
    none: bool = False


class Google:
    """Searches Google Images in a browser. `click` opens each card where nothing else can be read: slow."""

    name: ClassVar[str] = "google"
    needs_browser: ClassVar[bool] = True
    interval: ClassVar[float] = 10.0
    # Its "commercial and other licences" are mostly for sale, so only `open` can be asked for.
    filters: ClassVar[frozenset[str]] = frozenset({"face_only", "min_width", "safe", "since", "license=open"})
    terms: ClassVar[str] = "https://policies.google.com/terms"
    hosts: ClassVar[tuple[str, ...]] = ("google.com", "*.google.com", "*.gstatic.com")

    def __init__(self, base_url: str | None = None, *, click: bool = False) -> None:
        self.base_url = (base_url or "https://www.google.com").rstrip("/")
        self._patience = patience(self.base_url)
        self._click = click

    def address(self, search: Search) -> str:
        """Return the address of the page of results."""
        safe = "active" if search.safe else "off"
        wanted = {"q": search.query, "udm": "2", "hl": "en", "safe": safe, "tbs": ",".join(_filters(search))}
        return f"{self.base_url}/search?{urlencode({name: value for name, value in wanted.items() if value})}"

    def search(self, driver: WebDriver, search: Search) -> Results:
        """Scroll until there are as many candidates as wanted or no more records come."""
        driver.get(self.address(search))
        look = self._await(driver)
        for _ in range(CONSENTS):
            if not look.consent or not _reject(driver):
                break
            wait(driver, lambda d: not _look(d).consent, self._patience.first)
            look = self._await(driver)
        state = verdict(look)
        if state is not None:
            return Results(state, note=f"{address(driver)} held no record")
        return self._collect(driver, search)

    def _await(self, driver: WebDriver) -> Look:
        """Wait until the page shows what it is, and return what it looks like."""
        # Each page has the link that a page without JavaScript shows: that alone says nothing while one loads.
        wait(driver, lambda d: verdict(replace(_look(d), script=False)) is not LAYOUT_CHANGED, self._patience.first)
        return _look(driver)

    def _collect(self, driver: WebDriver, search: Search) -> Results:
        before, stalls, opened = Harvest([], "", 0, 0), 0, dict[str, str]()
        while True:
            found = self._read(driver, search, opened)
            # What looked like records may be the state of something else, which a page without results has too.
            without = None if found.records else verdict(replace(_look(driver, whole=True), records=False))
            if without is not None and (without is not LAYOUT_CHANGED or stalls >= STALLS):
                return Results(without, note=f"{address(driver)} held no record that could be read")
            records, pictures = found.records - before.records, found.pictures - before.pictures
            repeats = records >= HANDFUL and records - pictures >= REPEATED_SHARE * records
            stalls = 0 if pictures > 0 else stalls + 1
            if found.records and (repeats or len(found.candidates) >= search.wanted or stalls >= STALLS):
                break
            before = found
            self._advance(driver)
        state = State.SOFT_BLOCK if repeats else State.OK if found.candidates else State.EMPTY
        note = f"{counted(found.records, 'record')}, {found.records - len(found.candidates)} double or not as asked for"
        return Results(state, found.candidates[: search.wanted], note, found.strategy)

    def _read(self, driver: WebDriver, search: Search, opened: dict[str, str]) -> Harvest:
        """Read the page by the first way that gives anything."""
        seen = _seen(driver)
        found = harvest(seen, search)
        if not found.records:
            seen = seen._replace(links=run(driver, list[str], _HOVER, MOST_RECORDS))
            found = harvest(seen, search)
        if not found.records and self._click:
            self._open(driver, [card[0] for card in seen.cards], opened, search.wanted)
            found = harvest(seen._replace(panel=list(opened.items())), search)
        return found

    def _open(self, driver: WebDriver, ids: list[str], opened: dict[str, str], wanted: int) -> None:
        """Open the cards that were not opened yet, and note the picture that the panel comes to show."""
        for place, id in enumerate(ids):
            if id not in opened and len(list(filter(None, opened.values()))) < wanted:
                driver.execute_script(_OPEN, place)
                shown = wait(driver, lambda d: _fresh(d, opened), self._patience.more)
                opened[id] = shown or ""

    def _advance(self, driver: WebDriver) -> None:
        """Scroll down, press "show more" where it shows, and wait until there is more."""
        held = _look(driver).held
        _reject(driver)  # a banner may come late
        scroll(driver)
        driver.execute_script(_MORE)
        wait(driver, lambda d: _look(d).held != held, self._patience.more)


def verdict(look: Look) -> State | None:
    """Return why a page holds no record; None where it holds one."""
    if look.consent:
        return State.CONSENT
    if look.path.startswith("/sorry") or look.status in REFUSED:
        return State.BLOCKED
    if look.records:
        return None
    if look.captcha or (look.sorry and look.length < SHORT_BODY):
        return State.BLOCKED
    if look.none:
        return State.EMPTY
    return State.BLOCKED if look.script and not look.results else LAYOUT_CHANGED


def _filters(search: Search) -> list[str]:
    """Return Google's `tbs`. Larger than half as high as wide is asked for: records tell the width itself."""
    sizes = [name for name, pixels in SIZES.items() if 2 * pixels <= search.min_width**2]
    wanted = ["itp:face"] if search.face_only else []
    wanted += [f"isz:lt,islt:{sizes[-1]}"] if sizes else []
    wanted += ["il:cl"] if search.license == "open" else []
    if search.since in AGES:
        wanted += [f"qdr:{search.since[0]}"]
    elif search.since:
        wanted += [f"cdr:1,cd_min:{_american(day(search.since))}"]
    return wanted


def _american(one: date) -> str:
    return f"{one.month}/{one.day}/{one.year}"


def _look(driver: WebDriver, whole: bool = False) -> Look:
    """Look at a page; at the `whole` of it also where it seems to hold records."""
    return run(driver, Look, _LOOK, whole)


def _seen(driver: WebDriver) -> Seen:
    state, scripts, cards = run(
        driver, tuple[list[Any], list[str], list[tuple[str, str]]], _READ, MOST_RECORDS, LONGEST_RECORD, MOST_TEXT
    )
    return Seen(state, scripts, cards)


def _reject(driver: WebDriver) -> bool:
    return any(press(driver, one) for one in _REJECTS)


def _fresh(driver: WebDriver, opened: dict[str, str]) -> str | None:
    """Return the original that the panel shows, where it is not that of a card before."""
    shown = run(driver, list[str], _SHOWN)
    return next((url for url in shown if is_original(url) and url not in opened.values()), None)
