"""One headless browser of one bot: started in its own folder, and removed without a trace."""

from __future__ import annotations

import atexit
import threading
import weakref
from abc import ABC, abstractmethod
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from facekit.sources.browser.folders import bot_folder
from facekit.sources.browser.replies import bound, connection_of

if TYPE_CHECKING:
    from selenium.webdriver.remote.webdriver import WebDriver

PAGE_SECONDS, SCRIPT_SECONDS, CLIENT_SECONDS, QUIT_SECONDS = 30, 10, 45, 5

LEAVE_SECONDS = 5
"""How long a page may take to be left."""

_ALIVE: weakref.WeakSet[Browser] = weakref.WeakSet()


class Browser(ABC):
    """One browser and its driver, wherever they run.

    Made and used in one thread; `kill` and `memory` alone may be called from another.
    """

    def __init__(self) -> None:
        self._driver: WebDriver | None = None
        self._folder: Path | None = None
        self._stack = ExitStack()
        self._killed = threading.Event()
        self.cause = ""
        """Why it was killed, where that was its own fault."""

    @property
    def driver(self) -> WebDriver:
        """The driver of the running browser."""
        if self._driver is None:
            raise RuntimeError("the browser has not been started")
        return self._driver

    def start(self) -> WebDriver:
        """Start the browser and return its driver.

        Raises FacekitError where there is no browser, and Selenium's WebDriverException where it does not start.
        """
        self._folder = self._stack.enter_context(bot_folder())
        _ALIVE.add(self)
        try:
            self._driver = self._open(self._folder)
            bound(self._driver)
            self.set_patience()
        except BaseException:
            self.close()
            raise
        if self._killed.is_set():
            self.close()
            raise InterruptedError("the browser was killed while it started")
        return self._driver

    def set_patience(self, most: float = CLIENT_SECONDS) -> None:
        """Wait no longer than this for a page, a script, or any answer of the driver."""
        connection_of(self.driver).client_config.timeout = min(most, CLIENT_SECONDS)
        self.driver.set_page_load_timeout(min(most, PAGE_SECONDS))
        self.driver.set_script_timeout(min(most, SCRIPT_SECONDS))

    def leave(self) -> None:
        """Leave the page, so that it does nothing until the next search. Raises what a dead browser does."""
        self.set_patience(LEAVE_SECONDS)
        self.driver.get("about:blank")
        self.set_patience()

    def close(self) -> None:
        """Quit within five seconds, or be killed; remove the folder. Safe to call twice."""
        if self._driver is not None and not self._killed.is_set():
            # A dead or hung driver would hold quit() for most of a minute.
            quitter = threading.Thread(target=_quit, args=(self._driver,), daemon=True)
            quitter.start()
            quitter.join(QUIT_SECONDS)
        self.kill()
        self._end()
        if self._driver is not None:
            connection_of(self._driver).close()  # type: ignore[no-untyped-call]
        self._driver = None
        self._stack.close()
        self._folder = None
        _ALIVE.discard(self)

    def memory(self) -> int:
        """Return the bytes of memory that the browser uses on this machine."""
        return 0

    @abstractmethod
    def kill(self, why: str = "") -> None:
        """End the browser at once, and note why; what its thread waits for then fails."""

    @abstractmethod
    def _open(self, folder: Path) -> WebDriver:
        """Start a browser; `folder` is its own, and is removed when it has ended."""

    @abstractmethod
    def _end(self) -> None:
        """Wait until nothing is left of a browser that has quit or was killed."""


def _quit(driver: WebDriver) -> None:
    """End the session. Not `driver.quit()`: that sleeps for a second after the driver is gone."""
    from selenium.common.exceptions import WebDriverException
    from urllib3.exceptions import HTTPError

    with suppress(WebDriverException, HTTPError, OSError):
        driver.execute("quit")


@atexit.register
def _close_all() -> None:
    for browser in list(_ALIVE):
        browser.kill()
        browser.close()
