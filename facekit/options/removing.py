"""What `forget` and `expire` share: where receipts go, and how hosts and ids are typed."""

from __future__ import annotations

import re

RECEIPTS = "Folder for the receipt, as JSON and as a page: what was removed, when and from where."

ROOTS = (
    "Folder in which everything that facekit wrote is looked through: data sets, models, galleries, reports, exports. "
    "Can be given several times; also the address of a gallery in PostgreSQL."
)

KEEP = (
    "Keep networks that have learned from what is removed; their cards then say so. Without it they refuse to answer "
    "until they are trained again."
)

_HOST = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?(:\d+)?")
_ID = re.compile(r"[0-9a-f]{8,64}")


def is_host(text: str) -> bool:
    """Whether a text can be the name of a host."""
    return _HOST.fullmatch(text) is not None


def is_id(text: str) -> bool:
    """Whether a text can be the beginning of an id."""
    return _ID.fullmatch(text) is not None
