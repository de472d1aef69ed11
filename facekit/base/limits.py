"""The largest photo that is decoded: one setting for the process and the workers that it starts."""

from __future__ import annotations

import os

from facekit.base.text import whole

LIMIT = "FACEKIT_MAX_MEGAPIXELS"
"""Environment variable that holds the limit, in millions of pixels; the option `--max-megapixels` sets it."""

MOST = 250
"""The limit where none is set. The largest sensors in phones have 200 million pixels."""


def limit() -> int | None:
    """Return the limit that is set, in millions of pixels; None where none is."""
    return whole(os.environ.get(LIMIT, ""))
