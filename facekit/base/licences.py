"""Which licences are open, and which of these allow commercial use and changes, by the names that people give them."""

from __future__ import annotations

import re

_OPEN = re.compile(r"\b(cc|cc0|pd|pdm|public domain|gfdl|fal|free art|no restrictions|attribution|copyrighted free)\b")
_BOUND = re.compile(r"\b(nc|nd|non-?commercial|no-?derivatives|no-?derivs)\b")


def allows(licence: str | None, wanted: str) -> bool:
    """Return whether a licence's short name is one that `any`, `open` or `commercial` asks for.

    A picture without one has none. `commercial` asks for commercial use and for changes, because facekit crops.
    """
    if wanted == "any":
        return True
    name = (licence or "").lower()
    return bool(_OPEN.search(name)) and (wanted == "open" or not _BOUND.search(name))
