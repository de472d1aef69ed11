"""The options of a browser that limit what it and its pages can reach and use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facekit.sources.addresses import Gate
from facekit.sources.browser.proxy import HERE, Proxy

if TYPE_CHECKING:
    from selenium.webdriver.chrome.options import Options

_FLAGS = (
    "--headless=new",
    "--disable-gpu",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--window-size=1400,1050",
    "--js-flags=--max-old-space-size=1024",
)

_NEVER = 2
_PREFERENCES: dict[str, int | str | bool] = {
    # Thumbnails are never fetched; style sheets are, because layout drives lazy loading. The preference, because
    # --blink-settings=imagesEnabled=false was seen to let some of them through.
    "profile.managed_default_content_settings.images": _NEVER,
    "profile.managed_default_content_settings.popups": _NEVER,
    "profile.managed_default_content_settings.notifications": _NEVER,
    "profile.managed_default_content_settings.geolocation": _NEVER,
    "profile.managed_default_content_settings.automatic_downloads": _NEVER,
    "download_restrictions": 3,  # all
    "download.prompt_for_download": False,
    # UDP would go past the proxy.
    "webrtc.ip_handling_policy": "disable_non_proxied_udp",
}

_NOWHERE = "MAP * ~NOTFOUND"


def chrome_options(*flags: str) -> Options:
    """Return the options of a browser anywhere: they name no path of this machine."""
    from selenium.webdriver.chrome.options import Options

    options = Options()
    options.page_load_strategy = "eager"
    for flag in (*_FLAGS, *flags):
        options.add_argument(flag)
    options.add_experimental_option("prefs", dict(_PREFERENCES))
    # The driver asks for windows to pop up as pages like.
    options.add_experimental_option("excludeSwitches", ["disable-popup-blocking"])
    return options


def through(proxy: Proxy) -> list[str]:
    """Return the flags of a browser that connects through a proxy alone, and looks up no name itself.

    Loopback addresses go through it too: by default a browser connects to those directly.
    """
    return [
        f"--proxy-server={proxy.address}",
        "--proxy-bypass-list=<-loopback>",
        f"--host-resolver-rules={_NOWHERE} , EXCLUDE {HERE}",
    ]


def within(gate: Gate) -> list[str]:
    """Return the flags of a browser on another machine, which no proxy of ours serves: it knows no other hosts.

    Addresses written as numbers are refused like unknown names. What a known name leads to is not checked.
    """
    known = [*gate.hosts, *([gate.own.host] if gate.own else [])]
    return [f"--host-resolver-rules={' , '.join([_NOWHERE, *(f'EXCLUDE {host}' for host in known)])}"]
