"""One headless browser: started in a folder of its own, and gone without a trace."""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from facekit.browser.folders import kill_group, new_folder, remove
from facekit.browser.programs import MEND, Found, find
from facekit.contract import FacekitError

if TYPE_CHECKING:
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.chrome.webdriver import WebDriver
    from selenium.webdriver.remote.remote_connection import RemoteConnection

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


class Browser:
    """One browser and its driver, in a process group and a folder of their own.

    Made and used in one thread; `kill` alone may be called from another.
    """

    def __init__(self, found: Found | None = None) -> None:
        self._found = found or find()
        self._driver: WebDriver | None = None
        self._service: Service | None = None
        self._folder: Path | None = None
        self._lock: int | None = None
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
        from selenium.common.exceptions import NoSuchDriverException
        from selenium.webdriver.chrome.webdriver import WebDriver

        self._folder, self._lock = new_folder()
        _ALIVE.add(self)
        try:
            self._service = _service(self._found.driver, self._folder)
            self._driver = WebDriver(options=_options(self._found.browser, self._folder), service=self._service)
            self._set_limits(self._driver)
        except NoSuchDriverException:
            self.close()
            raise FacekitError(f"no Chrome or Chromium with a driver was found; {MEND}") from None
        except BaseException:
            self.close()
            raise
        if self._killed.is_set():
            self.close()
            raise InterruptedError("the browser was killed while it started")
        return self._driver

    def close(self) -> None:
        """Quit within five seconds, or be killed; remove the folder. Safe to call twice."""
        if self._driver is not None and not self._killed.is_set():
            # A dead or hung driver would hold quit() for most of a minute.
            quitter = threading.Thread(target=_quit, args=(self._driver,), daemon=True)
            quitter.start()
            quitter.join(QUIT_SECONDS)
        self.kill()
        if self._service is not None and _process(self._service) is not None:
            self._service.stop()  # closes the pipe of a process that is dead already
        if self._driver is not None:
            _connection(self._driver).close()  # type: ignore[no-untyped-call]
        self._driver = self._service = None
        if self._folder is not None and self._lock is not None:
            remove(self._folder)
            os.close(self._lock)
        self._folder = self._lock = None
        _ALIVE.discard(self)

    def kill(self) -> None:
        """End every process of the browser at once; what its thread waits for then fails."""
        self._killed.set()
        process = _process(self._service)
        if process is None:
            return
        # The driver leads a process group of its own (start_new_session), so its number is the group's.
        kill_group(process.pid)
        process.wait()

    def _set_limits(self, driver: WebDriver) -> None:
        driver.set_page_load_timeout(PAGE_SECONDS)
        driver.set_script_timeout(SCRIPT_SECONDS)
        _connection(driver).client_config.timeout = CLIENT_SECONDS


@contextmanager
def browse(found: Found | None = None) -> Iterator[WebDriver]:
    """Hand out the driver of one browser that is gone when the block ends."""
    browser = Browser(found)
    try:
        yield browser.start()
    finally:
        browser.close()


@atexit.register
def _close_all() -> None:
    for browser in list(_ALIVE):
        browser.kill()
        browser.close()


def _service(driver: str | None, folder: Path) -> Service:
    from selenium.webdriver.chrome.service import Service

    return Service(
        driver,
        # facekit's own variables have been read; a second look by Selenium could only differ.
        driver_path_env_key="FACEKIT_DRIVER",
        env={**os.environ, "TMPDIR": str(folder)},
        popen_kw={"start_new_session": True},
    )


def _options(browser: str | None, folder: Path) -> Any:
    from selenium.webdriver.chrome.options import Options

    options = Options()
    if browser:
        options.binary_location = browser
    options.page_load_strategy = "eager"
    for flag in (*_FLAGS, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(flag)
    options.add_experimental_option("prefs", _PREFERENCES)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # Chrome refuses to start as root with it
    return options


def _quit(driver: WebDriver) -> None:
    """End the session. Not `driver.quit()`: that sleeps for a second after the driver is gone."""
    from selenium.common.exceptions import WebDriverException
    from urllib3.exceptions import HTTPError

    with suppress(WebDriverException, HTTPError, OSError):
        driver.execute("quit")


def _connection(driver: WebDriver) -> RemoteConnection:
    """Return the connection to the driver, which Selenium types as an address or a connection."""
    return cast("RemoteConnection", driver.command_executor)


def _process(service: Service | None) -> Any:
    """Return the driver's process; Selenium sets the attribute only once it has begun."""
    return getattr(service, "process", None)
