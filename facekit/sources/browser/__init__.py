"""One headless Chrome or Chromium, here or on a Grid: started in a folder of its own, and gone without a trace.

Selenium is imported when a browser starts, because `facekit doctor` asks this room what is installed.
"""

from facekit.sources.browser.folders import PREFIX
from facekit.sources.browser.grid import GridBrowser
from facekit.sources.browser.local import LocalBrowser, browse
from facekit.sources.browser.programs import MEND, Found, find
from facekit.sources.browser.running import Browser
from facekit.sources.browser.sweeping import sweep

__all__ = ["MEND", "PREFIX", "Browser", "Found", "GridBrowser", "LocalBrowser", "browse", "find", "sweep"]
