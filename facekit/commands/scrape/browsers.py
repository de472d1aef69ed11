"""The browsers of all bots: started a few at a time, and ended, one or all, at any moment."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import urllib3.exceptions
from selenium.common.exceptions import WebDriverException

from facekit.base.contract import FacekitError
from facekit.base.parallel import workers
from facekit.base.text import visible

if TYPE_CHECKING:
    from facekit.sources.browser import Browser

DEATHS = (WebDriverException, urllib3.exceptions.HTTPError, OSError)
"""What a browser, its driver or a server raises when it dies or hangs."""

FAILURES = 2
"""Browsers that fail to start, one after another and with none running, before there is no hope of any."""


class Browsers:
    """Starts browsers, and knows every one of them."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._all: set[Browser] = set()
        self._failures = 0
        self._lock = threading.Lock()
        # Ten browsers started at once take longer than ten started a few at a time.
        self._starts = threading.BoundedSemaphore(workers(0))

    def start(self, browser: Browser) -> None:
        """Start a browser. Raises what it fails with; FacekitError where no other runs and none ever starts."""
        try:
            with self._starts:
                if self._stop.is_set():
                    raise InterruptedError("stopped before the browser started")
                with self._lock:
                    self._all.add(browser)
                browser.start()
        except DEATHS as error:
            with self._lock:
                self._all.discard(browser)
                self._failures += 1
                hopeless = self._failures > FAILURES and not self._all
            if hopeless and not self._stop.is_set():
                raise FacekitError(f"the browser does not start ({brief(error)}); see `facekit doctor`") from error
            raise
        with self._lock:
            self._failures = 0

    def close(self, browser: Browser) -> None:
        """Quit a browser."""
        browser.close()
        with self._lock:
            self._all.discard(browser)

    def kill(self) -> None:
        """End every browser at once."""
        with self._lock:
            browsers = list(self._all)
        for browser in browsers:
            browser.kill()


def brief(error: BaseException) -> str:
    """Return an error's kind and the first line of its message, which may quote a page."""
    message = error.msg if isinstance(error, WebDriverException) else str(error)
    first = (message or "").strip()[:2000].partition("\n")[0]
    return visible(f"{type(error).__name__}: {first[:160]}")
