"""Limit the size of a driver's replies, because it passes on whatever a page returned."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from selenium.webdriver.remote.remote_connection import RemoteConnection
    from selenium.webdriver.remote.webdriver import WebDriver
    from urllib3 import BaseHTTPResponse

MOST_BYTES = 24_000_000
"""Of one answer; what facekit's own scripts return is cut to less in the page."""

MOST_VALUES = 1_000_000
"""Values in one answer: a list of empty lists takes 20 times its own size in memory."""


class TooLong(OSError):
    """A driver's answer was longer than anything that facekit asks for."""


def connection_of(driver: WebDriver) -> RemoteConnection:
    """Return the connection to the driver, which Selenium types as an address or a connection."""
    return cast("RemoteConnection", driver.command_executor)


def bound(driver: WebDriver) -> None:
    """Send no command twice, and read no answer beyond a size.

    urllib3 asks four times, and a driver that hangs would cost four time-outs.
    """
    pools: Any = getattr(connection_of(driver), "_conn", None)
    if pools is None:
        return
    pools.connection_pool_kw["retries"] = False
    pools.clear()
    ask = pools.request

    def asked(method: str, url: str, **more: Any) -> BaseHTTPResponse:
        return _whole(ask(method, url, preload_content=False, **more))

    pools.request = asked


def _whole(response: BaseHTTPResponse) -> BaseHTTPResponse:
    from urllib3 import HTTPResponse

    data = response.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES or data.count(b",") + data.count(b"[") + data.count(b"{") > MOST_VALUES:
        response.close()
        raise TooLong(f"the page returned more than facekit asks for, {len(data) / 1e6:.0f} MB or more")
    response.release_conn()
    headers, reason = response.headers, response.reason
    return HTTPResponse(io.BytesIO(data), headers, response.status, reason=reason, decode_content=False)
