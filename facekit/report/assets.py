"""What every page contains inline: one stylesheet, one script, and a policy that allows only these two.

The libraries in `static/vendor` are as their authors publish them; `vendored.json` has their versions, licences and
SHA-256. `make vendor` fetches them again.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

STATIC = Path(__file__).parent / "static"
VENDOR = STATIC / "vendor"

_STYLES = (VENDOR / "uPlot.min.css", STATIC / "page.css")
_SCRIPTS = (
    *(VENDOR / "uPlot.iife.min.js", VENDOR / "tablesort.min.js"),
    *(STATIC / name for name in ("charts.js", "tables.js", "page.js")),
)


@dataclass(frozen=True)
class Assets:
    """The text between `<style>` and `</style>`, that between `<script>` and `</script>`, and the policy."""

    style: str
    script: str

    @property
    def policy(self) -> str:
        """The Content-Security-Policy: pictures within the page, this style and this script; no network, no forms."""
        return (
            f"default-src 'none'; img-src data:; style-src '{_hash(self.style)}'; script-src '{_hash(self.script)}'; "
            "base-uri 'none'; form-action 'none'"
        )


@lru_cache(maxsize=1)
def load() -> Assets:
    """Return the assets of a page."""
    return Assets(*("\n".join(file.read_text(encoding="utf-8") for file in files) for files in (_STYLES, _SCRIPTS)))


def _hash(text: str) -> str:
    """Return the source expression that allows a text to be inline (Content Security Policy Level 3)."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
