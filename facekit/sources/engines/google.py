"""Google Images: a browser is scrolled, and what its page holds is read by `google_page`."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlencode

from facekit.sources.engines import HANDFUL, REPEATED_SHARE, Results, Search, State
from facekit.sources.engines.driving import REFUSED, STALLS, patience, press, scroll, wait
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
  path: location.pathname, status: entry ? entry.responseStatus || 0 : 0,
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
let left = 300000;
function plain(value, above) {
  if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) return value;
  if (typeof value !== 'object' || value instanceof Node || value === window) return null;
  if (above.includes(value) || above.length > 14 || --left < 0) return null;
  const below = [...above, value];
  if (Array.isArray(value)) return Array.from(value, one => plain(one, below));
  const copy = {};
  for (const key of Reflect.ownKeys(value)) {
    try { copy[String(key)] = plain(value[key], below); } catch (error) { copy[String(key)] = null; }
  }
  return copy;
}
const texts = [...document.scripts].map(script => script.textContent).filter(text => text.includes('encrypted-tbn'));
const cards = [...document.querySelectorAll('[data-docid]')].map(one => [one.dataset.docid, one.dataset.lpage || '']);
return [Object.values(plain(window.W_jd || {}, [])), texts, cards];
"""

_HOVER = r"""
for (const link of document.querySelectorAll('a:has(img)'))
  for (const kind of ['mouseover', 'mousedown'])
    link.dispatchEvent(new MouseEvent(kind, {bubbles: true, cancelable: true, view: window}));
return [...document.querySelectorAll('a[href*="/imgres?"]')].map(link => link.href);
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

_OPEN = "const a = document.querySelectorAll('[data-docid]')[arguments[0]].querySelector('a'); if (a) a.click()"
_SHOWN = r"""
const shown = [...document.querySelectorAll('img[jsname=kn3ccd]')].filter(picture => picture.checkVisibility());
return shown.map(picture => picture.getAttribute('src'));
"""


class Google:
    """Searches Google Images in a browser. `click` opens each card where nothing else can be read: slow."""

    name: ClassVar[str] = "google"
    needs_browser: ClassVar[bool] = True
    interval: ClassVar[float] = 10.0
    # Its "commercial and other licences" are mostly for sale, so only `open` can be asked for.
    filters: ClassVar[frozenset[str]] = frozenset({"face_only", "min_width", "safe", "since", "license=open"})
    terms: ClassVar[str] = "https://policies.google.com/terms"

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
        look = self._settle(driver)
        for _ in range(CONSENTS):
            if not look["consent"] or not _reject(driver):
                break
            wait(driver, lambda d: not _look(d)["consent"], self._patience.first)
            look = self._settle(driver)
        state = verdict(look)
        if state is not None:
            return Results(state, note=f"{driver.current_url} held no record")
        return self._collect(driver, search)

    def _settle(self, driver: WebDriver) -> dict[str, Any]:
        """Wait until the page tells what it is, and return what it looks like."""
        # Each page has the link that a page without JavaScript shows: that alone tells nothing while one loads.
        wait(driver, lambda d: verdict({**_look(d), "script": False}) is not LAYOUT_CHANGED, self._patience.first)
        return _look(driver)

    def _collect(self, driver: WebDriver, search: Search) -> Results:
        before, stalls, opened = Harvest([], "", 0, 0), 0, dict[str, str]()
        while True:
            found = self._read(driver, search, opened)
            # What looked like records may be the state of something else, which a page without results has too.
            without = None if found.records else verdict({**_look(driver, whole=True), "records": False})
            if without is not None and (without is not LAYOUT_CHANGED or stalls >= STALLS):
                return Results(without, note=f"{driver.current_url} held no record that could be read")
            records, pictures = found.records - before.records, found.pictures - before.pictures
            repeats = records >= HANDFUL and records - pictures >= REPEATED_SHARE * records
            stalls = 0 if pictures > 0 else stalls + 1
            if found.records and (repeats or len(found.candidates) >= search.wanted or stalls >= STALLS):
                break
            before = found
            self._advance(driver)
        state = State.SOFT_BLOCK if repeats else State.OK if found.candidates else State.EMPTY
        note = f"{found.records} records, {found.records - len(found.candidates)} double or not as asked for"
        return Results(state, found.candidates[: search.wanted], note, found.strategy)

    def _read(self, driver: WebDriver, search: Search, opened: dict[str, str]) -> Harvest:
        """Read the page by the first way that gives anything."""
        seen = Seen(*driver.execute_script(_READ))
        found = harvest(seen, search)
        if not found.records:
            seen = seen._replace(links=driver.execute_script(_HOVER))
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
        held = _look(driver)["held"]
        _reject(driver)  # a banner may come late
        scroll(driver)
        driver.execute_script(_MORE)
        wait(driver, lambda d: _look(d)["held"] != held, self._patience.more)


def verdict(look: dict[str, Any]) -> State | None:
    """Say why a page holds no record; None where it holds one."""
    if look["consent"]:
        return State.CONSENT
    if look["path"].startswith("/sorry") or look["status"] in REFUSED:
        return State.BLOCKED
    if look["records"]:
        return None
    if look["captcha"] or (look["sorry"] and look["length"] < SHORT_BODY):
        return State.BLOCKED
    if look["none"]:
        return State.EMPTY
    return State.BLOCKED if look["script"] and not look["results"] else LAYOUT_CHANGED


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


def _look(driver: WebDriver, whole: bool = False) -> dict[str, Any]:
    """Look at a page; the `whole` of it also where it seems to hold records."""
    look: dict[str, Any] = driver.execute_script(_LOOK, whole)
    return look


def _reject(driver: WebDriver) -> bool:
    return any(press(driver, one) for one in _REJECTS)


def _fresh(driver: WebDriver, opened: dict[str, str]) -> str | None:
    """Return the original that the panel shows, where it is not that of a card before."""
    shown: list[str | None] = driver.execute_script(_SHOWN)
    return next((url for url in shown if url and is_original(url) and url not in opened.values()), None)
