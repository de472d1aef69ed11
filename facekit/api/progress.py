"""What a function shows while it works: nothing, bars, or what its caller makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from facekit.base.contract import Track, quiet


@contextmanager
def tracking(progress: bool | Track) -> Iterator[Track]:
    """Yield what loops are wrapped in: bars with True, nothing with False, or the caller's own."""
    if not isinstance(progress, bool):
        yield progress
        return
    if not progress:
        yield quiet
        return
    from facekit.cli.tracking import Tracker  # here, because it loads Rich

    tracker = Tracker.on_stderr()
    try:
        yield tracker.track
    finally:
        tracker.stop()
