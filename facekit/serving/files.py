"""The files of the pages that facekit serves."""

from __future__ import annotations

from pathlib import Path

STATIC = Path(__file__).parent / "static"
"""Those of the API server's page. `text.js` belongs to the review page as well."""

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml; charset=utf-8",
}
"""What is served from a folder of a page's files -> its content type."""
