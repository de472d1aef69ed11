"""A browser on this machine: a process group of its own, whose every process ends with it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facekit.base.contract import FacekitError
from facekit.sources.browser.folders import kill_group
from facekit.sources.browser.programs import MEND, Found, find
from facekit.sources.browser.running import Browser, chrome_options

if TYPE_CHECKING:
    import psutil
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.remote.webdriver import WebDriver


class LocalBrowser(Browser):
    """A browser and its driver, in a process group and a folder of their own."""

    def __init__(self, found: Found | None = None) -> None:
        super().__init__()
        self._found = found or find()
        self._service: Service | None = None

    def kill(self) -> None:
        """End every process of the browser at once; what its thread waits for then fails."""
        self._killed.set()
        process = _process(self._service)
        if process is None:
            return
        # The driver leads a process group of its own (start_new_session), so its number is the group's.
        kill_group(process.pid)
        process.wait()

    def memory(self) -> int:
        """Return the bytes that the driver, the browser and its helpers use; what they share counts once."""
        import psutil

        process = _process(self._service)
        if process is None:
            return 0
        try:
            driver = psutil.Process(process.pid)
            return sum(_used(one) for one in (driver, *driver.children(recursive=True)))
        except psutil.Error:
            return 0

    def _open(self, folder: Path) -> WebDriver:
        from selenium.common.exceptions import NoSuchDriverException
        from selenium.webdriver.chrome.webdriver import WebDriver

        self._service = _service(self._found.driver, folder)
        try:
            return WebDriver(options=_options(self._found.browser, folder), service=self._service)
        except NoSuchDriverException:
            raise FacekitError(f"no Chrome or Chromium with a driver was found; {MEND}") from None

    def _end(self) -> None:
        if self._service is not None and _process(self._service) is not None:
            self._service.stop()  # closes the pipe of a process that is dead already
        self._service = None


@contextmanager
def browse(found: Found | None = None) -> Iterator[WebDriver]:
    """Hand out the driver of one browser that is gone when the block ends."""
    browser = LocalBrowser(found)
    try:
        yield browser.start()
    finally:
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
    options = chrome_options()
    if browser:
        options.binary_location = browser
    options.add_argument(f"--user-data-dir={folder / 'profile'}")
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # Chrome refuses to start as root with it
    return options


def _used(process: psutil.Process) -> int:
    """Return a process's share of memory; where the system does not say (macOS), what it holds."""
    import psutil

    with suppress(psutil.Error):
        found = process.memory_full_info()
        return int(getattr(found, "pss", found.rss))
    return 0  # it has ended meanwhile


def _process(service: Service | None) -> Any:
    """Return the driver's process; Selenium sets the attribute only once it has begun."""
    return getattr(service, "process", None)
