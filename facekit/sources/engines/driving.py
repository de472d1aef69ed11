"""What browser-driven engines share: waiting, reading a page, clicking what it shows.

A page is a stranger's. What its scripts return is cut to size in the page and checked here, and an answer of another
type than asked for counts as a script that failed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec
from selenium.common.exceptions import JavascriptException, TimeoutException
from selenium.webdriver.support.ui import WebDriverWait

from facekit.sources.addresses import is_loopback

if TYPE_CHECKING:
    from selenium.webdriver.remote.webdriver import WebDriver

T = TypeVar("T")

POLL = 0.05
STALLS = 2
"""Scrolls without anything new after which there is no more."""

REFUSED = (403, 429, 503)
"""HTTP statuses by which a page says that it refuses us."""

MOST_RECORDS = 6000
"""Records of one page that are read: no search asks for more, and no engine shows as many."""

MOST_TEXT = 6_000_000
"""Characters that one script returns from a page."""

LONGEST_RECORD = 20_000
"""Characters of one record; real ones have 2,000."""

_STATUS = "const e = performance.getEntriesByType('navigation')[0]; return e ? e.responseStatus || 0 : 0"
_SCROLL = "window.scrollTo(0, document.body ? document.body.scrollHeight : 0)"
_EXISTS = "return document.querySelector(arguments[0]) !== null"
_VISIBLE = "return [...document.querySelectorAll(arguments[0])].some(e => e.checkVisibility())"
_PRESS = """
const shown = [...document.querySelectorAll(arguments[0])].find(e => e.checkVisibility());
if (shown) shown.click();
return Boolean(shown);
"""


class Patience(NamedTuple):
    """Seconds that the first record, and the next ones after a scroll, may take."""

    first: float
    more: float


def patience(base_url: str) -> Patience:
    """Return how long to wait for a server: less for one on this machine."""
    return Patience(3.0, 2.0) if is_loopback(base_url) else Patience(10.0, 3.0)


def run(driver: WebDriver, kind: type[T], script: str, *arguments: str | int | bool) -> T:
    """Run a script in the page and return what it returns, checked to be of that type.

    Raises JavascriptException where it is not, as where the script fails.
    """
    try:
        return msgspec.convert(driver.execute_script(script, *arguments), kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise JavascriptException(f"the page made the script return something else ({error})") from None


def wait(driver: WebDriver, condition: Callable[[WebDriver], T], seconds: float) -> T | None:
    """Return the condition's first value that counts as true; None where there was none in time.

    A script may be cut off because its page is left: then the next look decides.
    """
    try:
        return WebDriverWait(driver, seconds, POLL, [JavascriptException]).until(condition)
    except TimeoutException:
        return None


def address(driver: WebDriver) -> str:
    """Return the beginning of the page's address, for a person to look at."""
    return str(driver.current_url)[:200]


def status(driver: WebDriver) -> int:
    """Return the HTTP status of the page; 0 where the browser does not know it."""
    return run(driver, int, _STATUS)


def scroll(driver: WebDriver) -> None:
    """Scroll to the end of the page."""
    driver.execute_script(_SCROLL)


def exists(driver: WebDriver, selector: str) -> bool:
    """Return whether the page has an element of that kind."""
    return run(driver, bool, _EXISTS, selector)


def visible(driver: WebDriver, selector: str) -> bool:
    """Return whether the page shows an element of that kind."""
    return run(driver, bool, _VISIBLE, selector)


def press(driver: WebDriver, selector: str) -> bool:
    """Press the first element that shows; return whether there was one.

    By script: a banner may lie over the element, and a click must not hit that.
    """
    return run(driver, bool, _PRESS, selector)
