"""Review: serve the page until Ctrl-C, then say what was decided."""

from __future__ import annotations

import logging
import os
import sys
import time
import webbrowser
from contextlib import suppress

from facekit.base.contract import FacekitError, Report, Track, quiet
from facekit.commands.review.app import build
from facekit.commands.review.session import Desk
from facekit.dataset import DECISIONS
from facekit.options.review import Review
from facekit.serving import Server

STAGE = "review"

log = logging.getLogger(__name__)


def review(options: Review, track: Track = quiet) -> Report:
    """Serve the page for a folder that `clean` made; return, when that is ended, what was decided.

    Raises FacekitError for a folder that `clean` did not make, and for a port that cannot be had.
    """
    began = time.monotonic()
    if options.overwrite:
        raise FacekitError(
            f"review does not overwrite what was decided; undo it on the page, or delete {options.folder / DECISIONS}"
        )
    desk = Desk(options.folder, live=options.live and not options.dry_run)
    if not options.dry_run:
        _serve(desk, options)
    kept = sum(card.here is not None for card in desk.pile.cards.values())
    undecided = sum(row["unsure"] for row in desk.overview()["names"])
    report = Report(STAGE, str(options.folder), kept=kept, seconds=round(time.monotonic() - began, 2))
    report.details = {"decisions": desk.decided, "undecided": undecided}
    if desk.decided and not options.live:
        report.details["to_carry_out"] = desk.command
    return report


def _serve(desk: Desk, options: Review) -> None:
    """Serve until Ctrl-C, which is how a review ends, not how it is broken off."""
    with suppress(KeyboardInterrupt), Server(build(desk), STAGE, options.port) as server:
        log.info("%s: %s  (Ctrl-C ends it)", STAGE, server.url)
        if options.browser and _has_screen():
            webbrowser.open(server.url)
        server.wait()


def _has_screen() -> bool:
    """Whether a browser can be seen: without a screen Python would open one in the terminal, and wait for it."""
    shown = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    return sys.platform == "darwin" or any(os.environ.get(name) for name in shown)
