"""A browser on a Selenium Grid, or behind any listening driver: its session is recorded locally."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from facekit.base.contract import FacekitError
from facekit.base.files import read_json, write_json
from facekit.sources.addresses import Gate, is_loopback
from facekit.sources.browser.confining import chrome_options, within
from facekit.sources.browser.running import QUIT_SECONDS, Browser

if TYPE_CHECKING:
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.remote.webdriver import WebDriver


NOTE = "session.json"
"""The file of a bot's folder that names its session, so that what a killed facekit left can be ended."""

START_SECONDS = 330
"""How long a session may wait for a free browser: the Grid itself gives up after 300 seconds, and says so."""


@dataclass(frozen=True)
class Note:
    """The session of a bot, for the process that has to end it when the bot's facekit is gone."""

    address: str
    session: str


class GridBrowser(Browser):
    """A session on a Grid; of this machine it uses a folder with a note, and no program.

    With a `gate` the browser knows no other hosts. What it uses of its machine is for that machine to limit.
    """

    def __init__(self, address: str, gate: Gate | None = None) -> None:
        super().__init__()
        self._address, self._gate = address, gate
        self._ender: threading.Thread | None = None

    def kill(self, why: str = "") -> None:
        """Ask the Grid to end the session; what its thread waits for then fails."""
        self.cause = self.cause or why
        self._killed.set()
        if self._driver is not None and self._ender is None:
            session = str(self._driver.session_id)
            self._ender = threading.Thread(target=end_session, args=(self._address, session), daemon=True)
            self._ender.start()

    def _open(self, folder: Path) -> WebDriver:
        """Wait for a session in another thread: the wait for a free browser is long, and must end with a kill."""
        found: list[WebDriver | BaseException] = []
        opener = threading.Thread(target=self._ask, args=(folder, found), daemon=True)
        opener.start()
        while opener.is_alive():
            opener.join(0.1)
            if self._killed.is_set():
                raise InterruptedError("the session was given up while it waited for a browser")
        if isinstance(found[0], BaseException):
            raise found[0]
        return found[0]

    def _ask(self, folder: Path, found: list[WebDriver | BaseException]) -> None:
        from selenium.webdriver.remote.client_config import ClientConfig
        from selenium.webdriver.remote.webdriver import WebDriver

        config = ClientConfig(self._address, timeout=START_SECONDS)
        try:
            driver = WebDriver(self._address, options=_options(self._address, self._gate), client_config=config)
            if self._killed.is_set():  # nobody waits any more
                end_session(self._address, str(driver.session_id))
            write_json(folder / NOTE, Note(self._address, str(driver.session_id)))
        except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
            found.append(error)
        else:
            found.append(driver)

    def _end(self) -> None:
        if self._ender is not None:
            self._ender.join(QUIT_SECONDS)


def end_session(address: str, session: str) -> None:
    """End a session, also one of another process; say nothing where the Grid or the session is gone."""
    from selenium.common.exceptions import WebDriverException
    from selenium.webdriver.remote.client_config import ClientConfig
    from selenium.webdriver.remote.command import Command
    from selenium.webdriver.remote.remote_connection import RemoteConnection
    from urllib3.exceptions import HTTPError

    connection = RemoteConnection(client_config=ClientConfig(address, timeout=QUIT_SECONDS))
    with suppress(WebDriverException, HTTPError, OSError):
        connection.execute(Command.QUIT, {"sessionId": session})  # type: ignore[no-untyped-call]
    connection.close()  # type: ignore[no-untyped-call]


def end_noted(folder: Path) -> None:
    """End the session that a bot's folder notes, if it notes one."""
    with suppress(OSError, FacekitError):
        note = read_json(folder / NOTE, Note)
        end_session(note.address, note.session)


def _options(address: str, gate: Gate | None) -> Options:
    options = chrome_options(*(within(gate) if gate else ()))
    if os.geteuid() == 0 and is_loopback(address):
        # A Grid of this machine's root starts Chrome as root, which Chrome refuses with its sandbox.
        options.add_argument("--no-sandbox")
    return options
