"""A browser on this machine, in its own process session, so that all its processes end with it."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from subprocess import Popen
from typing import TYPE_CHECKING

from facekit.base.contract import FacekitError
from facekit.sources.browser import processes
from facekit.sources.browser.confining import chrome_options, through
from facekit.sources.browser.programs import ADVICE, Found, find
from facekit.sources.browser.proxy import Proxy
from facekit.sources.browser.running import Browser
from facekit.sources.browser.watching import WATCH

if TYPE_CHECKING:
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.remote.webdriver import WebDriver


log = logging.getLogger(__name__)


class LocalBrowser(Browser):
    """A browser and its driver, in a session and a folder of their own; with a `proxy`, it connects through that."""

    def __init__(self, found: Found | None = None, proxy: Proxy | None = None) -> None:
        super().__init__()
        self._found, self._proxy = found or find(), proxy
        self._service: Service | None = None

    def kill(self, why: str = "") -> None:
        """End every process of the browser at once, and note why; what its thread waits for then fails."""
        self.cause = self.cause or why
        self._killed.set()
        process = _process(self._service)
        if process is not None:
            # The driver leads a session and a process group of its own, which have its number.
            processes.kill(process.pid)
            process.wait()

    def memory(self) -> int:
        """Return the bytes that the driver, the browser and its helpers use; what they share counts once."""
        process = _process(self._service)
        return processes.weighed(processes.members([process.pid])[process.pid]) if process is not None else 0

    def _open(self, folder: Path) -> WebDriver:
        from selenium.common.exceptions import NoSuchDriverException
        from selenium.webdriver.chrome.webdriver import WebDriver

        self._service = _service(self._found.driver, folder)
        try:
            driver = WebDriver(options=self._options(folder), service=self._service)
        except NoSuchDriverException:
            raise FacekitError(f"no Chrome or Chromium with a driver was found; {ADVICE}") from None
        WATCH.add(self._service.process.pid, self, folder)
        return driver

    def _options(self, folder: Path) -> Options:
        options = chrome_options(*(through(self._proxy) if self._proxy else ()))
        if self._found.browser:
            options.binary_location = self._found.browser
        options.add_argument(f"--user-data-dir={folder / 'profile'}")
        if os.geteuid() == 0:
            options.add_argument("--no-sandbox")  # Chrome refuses to start as root with it
        return options

    def _end(self) -> None:
        process = _process(self._service)
        if self._service is not None and process is not None:
            WATCH.discard(process.pid)
            left = processes.end(process.pid)
            if left:
                log.warning("browser processes do not end: %s", ", ".join(map(str, left)))
            self._service.stop()  # closes the pipe of a process that is dead already
        self._service = None


def _service(driver: str | None, folder: Path) -> Service:
    from selenium.webdriver.chrome.service import Service

    return Service(
        driver,
        # facekit's own variables have been read; a second look by Selenium could only differ.
        driver_path_env_key="FACEKIT_DRIVER",
        env={**os.environ, "TMPDIR": str(folder)},
        popen_kw={"start_new_session": True},
    )


def _process(service: Service | None) -> Popen[bytes] | None:
    """Return the driver's process; Selenium sets the attribute only once it has started."""
    return getattr(service, "process", None)
