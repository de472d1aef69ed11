"""One headless Chrome or Chromium: found, started in a folder of its own, and gone without a trace.

Selenium is imported when a browser starts, because `facekit doctor` asks this room what is installed.
"""

from facekit.browser.folders import PREFIX, sweep
from facekit.browser.programs import MEND, Found, find
from facekit.browser.running import Browser, browse

__all__ = ["MEND", "PREFIX", "Browser", "Found", "browse", "find", "sweep"]
