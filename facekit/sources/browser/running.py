"""One headless browser in the hands of one bot: started in a folder of its own, and gone without a trace."""

from __future__ import annotations

import atexit
import threading
import weakref
from abc import ABC, abstractmethod
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from facekit.sources.browser.folders import bot_folder

if TYPE_CHECKING:
    from selenium.webdriver.remote.remote_connection import RemoteConnection
    from selenium.webdriver.remote.webdriver import WebDriver

PAGE_SECONDS, SCRIPT_SECONDS, CLIENT_SECONDS, QUIT_SECONDS = 30, 10, 45, 5

_FLAGS = (
    "--headless=new",
    "--disable-gpu",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1400,1050",
)
# Thumbnails are never fetched; style sheets are, because layout drives lazy loading. The preference, because
# --blink-settings=imagesEnabled=false was seen to let some of them through.
_PREFERENCES = {"profile.managed_default_content_settings.images": 2}

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
            _ask_once(self._driver)
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
    def kill(self) -> None:
        """End the browser at once; what its thread waits for then fails."""

    @abstractmethod
    def _open(self, folder: Path) -> WebDriver:
        """Start a browser; `folder` is its own, and is removed when it has ended."""

    @abstractmethod
    def _end(self) -> None:
        """Let go of what is left of a browser that has quit or was killed."""


def chrome_options() -> Any:
    """Return the options of a browser anywhere: they name no path of this machine."""
    from selenium.webdriver.chrome.options import Options

    options = Options()
    options.page_load_strategy = "eager"
    for flag in _FLAGS:
        options.add_argument(flag)
    options.add_experimental_option("prefs", _PREFERENCES)
    return options


def connection_of(driver: WebDriver) -> RemoteConnection:
    """Return the connection to the driver, which Selenium types as an address or a connection."""
    return cast("RemoteConnection", driver.command_executor)


def _ask_once(driver: WebDriver) -> None:
    """Let no command be repeated: urllib3 asks four times, and a hung driver would cost four time-outs."""
    pools: Any = getattr(connection_of(driver), "_conn", None)
    if pools is not None:
        pools.connection_pool_kw["retries"] = False
        pools.clear()


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
