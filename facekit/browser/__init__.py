"""One headless Chrome or Chromium, here or on a Grid: started in a folder of its own, and gone without a trace.

Selenium is imported when a browser starts, because `facekit doctor` asks this room what is installed.
"""

from facekit.browser.folders import PREFIX
from facekit.browser.grid import GridBrowser
from facekit.browser.local import LocalBrowser, browse
from facekit.browser.programs import MEND, Found, find
from facekit.browser.running import Browser
from facekit.browser.sweeping import sweep

__all__ = ["MEND", "PREFIX", "Browser", "Found", "GridBrowser", "LocalBrowser", "browse", "find", "sweep"]
