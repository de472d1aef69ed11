"""One headless Chrome or Chromium, local or on a Grid: started in its own folder, and removed without a trace.

A page is a stranger's. What it makes the browser reach is limited by `proxy`, what it makes it take by `watching`, and
what it returns to facekit by `replies`.
"""

from facekit.sources.browser.folders import PREFIX
from facekit.sources.browser.grid import GridBrowser
from facekit.sources.browser.local import LocalBrowser
from facekit.sources.browser.programs import ADVICE, Found, find
from facekit.sources.browser.proxy import Proxy
from facekit.sources.browser.running import Browser
from facekit.sources.browser.sweeping import sweep

__all__ = ["ADVICE", "PREFIX", "Browser", "Found", "GridBrowser", "LocalBrowser", "Proxy", "find", "sweep"]
