"""Serve the page until Ctrl-C, then report what was decided."""

from __future__ import annotations

import logging
import os
import sys
import time
import webbrowser
from contextlib import suppress

from facekit.base.contract import FacekitError, Report, Track, quiet
from facekit.base.text import counted
from facekit.commands.review.app import build
from facekit.commands.review.session import Session
from facekit.dataset import DECISIONS
from facekit.options.review import Review
from facekit.serving.server import Server

STAGE = "review"

log = logging.getLogger(__name__)


def review(options: Review, track: Track = quiet) -> Report:
    """Serve the page for a folder that `clean` made; return, when that is ended, what was decided.

    Raises FacekitError for a folder that `clean` did not make, and for a port that cannot be had.
    """
    began = time.monotonic()
    if options.overwrite:
        raise FacekitError(
            f"review does not overwrite decisions; undo them on the page, or delete {options.folder / DECISIONS}"
        )
    session = Session(options.folder, live=options.live and not options.dry_run)
    if not options.dry_run:
        _serve(session, options)
        decided = f"{counted(session.decided, 'decision is', 'decisions are')} saved in {session.root / DECISIONS}"
        log.info("review closed; %s", decided if session.decided else "nothing was decided")
    kept = sum(card.here is not None for card in session.folder.cards.values())
    report = Report(STAGE, str(options.folder), kept=kept, seconds=round(time.monotonic() - began, 2))
    report.details = {"decisions": session.decided, "undecided": session.undecided}
    if session.decided and not options.live:
        report.details["to_carry_out"] = session.command
    return report


def _serve(session: Session, options: Review) -> None:
    """Serve until Ctrl-C, which is the normal end of a review."""
    with suppress(KeyboardInterrupt), Server(build(session), STAGE, options.port) as server:
        log.info("%s: %s  (press Ctrl-C to stop)", STAGE, server.url)
        if options.browser and _has_screen():
            webbrowser.open(server.url)
        server.wait()


def _has_screen() -> bool:
    """Whether a browser can be seen: without a screen Python would open one in the terminal, and wait for it."""
    shown = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    return sys.platform == "darwin" or any(os.environ.get(name) for name in shown)
