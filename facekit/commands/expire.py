"""Expire: remove photos by age from everything that facekit wrote."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from facekit.base.contract import Report, Track, quiet
from facekit.base.figures import seconds_of
from facekit.options.expire import Expire
from facekit.removal import Asked, remove

STAGE = "expire"


def expire(options: Expire, track: Track = quiet) -> Report:
    """Remove all photos that were fetched too long ago from all that facekit wrote in some folders; write a receipt.

    Killed and typed again it goes on. Where no photo is that old, nothing is changed and no receipt is written. Raises
    FacekitError, before anything is changed, for folders that are not facekit's.
    """
    before = datetime.now(UTC) - timedelta(seconds=seconds_of(options.older_than))
    return remove(
        Asked(
            command=STAGE,
            roots=options.folders,
            receipts=options.output,
            before=before.isoformat(timespec="seconds"),
            age=options.older_than,
            keep_models=options.keep_models,
            likeness=options.likeness,
            dry_run=options.dry_run,
            jobs=options.jobs,
            shown=f"older than {options.older_than}",
        ),
        track,
    )
