"""Watch the videos that a command was given, one after the other, with what it writes beside its answers."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from math import ceil
from pathlib import Path

from facekit.base import images
from facekit.base.contract import BadImage, FacekitError, Track
from facekit.options.watching import Watching
from facekit.report.annotated import Annotated
from facekit.video.eyes import Eyes
from facekit.video.joining import Joining
from facekit.video.sources import Source
from facekit.video.summary import Summary
from facekit.video.watching import Appearance, Settings, Watch

log = logging.getLogger(__name__)


class Watcher:
    """Watches videos with the same eyes. What is wrong with one does not keep the others from being watched."""

    def __init__(self, eyes: Eyes, options: Watching, stage: str, drawn: Annotated | None = None) -> None:
        """Watch as the options say; `drawn` takes the best frame of each face.

        Raises FacekitError where the summary's folder cannot be one.
        """
        self._eyes, self._stage, self._drawn = eyes, stage, drawn
        self._settings = Settings(
            options.fps, options.seconds, options.jobs, Joining(options.rejoin), keep_frames=drawn is not None
        )
        self._summary = None if options.summary is None else Summary(options.summary)
        self._faults: dict[Source, FacekitError] = {}

    def watch(self, source: Source, track: Track) -> Iterator[Appearance]:
        """Yield who appears in a video. What is wrong with it is kept for `close`."""
        try:
            watch = Watch(source, self._eyes, self._settings)
            if self._summary is not None:
                self._summary.begin(source, watch)
            total = self._total(watch)
            for one in watch.appearances(lambda frames: track(frames, self._stage, total=total)):
                self._keep(source, one)
                yield one
        except FacekitError as error:
            if self._faults:  # the first is what the command ends with
                log.warning("%s", error)
            self._faults[source] = error

    def failed(self, source: Source) -> bool:
        """Return whether a video could not be watched to its end."""
        return source in self._faults

    def write(self) -> None:
        """Write the summary of what has been watched so far. Raises FacekitError where the disk is full."""
        if self._summary is not None:
            self._summary.write()

    def close(self) -> None:
        """Raise what was wrong with the first video that could not be watched to its end."""
        for fault in self._faults.values():
            raise fault

    def _total(self, watch: Watch) -> int | None:
        """Return how many frames will be looked at, about; None where nobody knows."""
        ends = [end for end in (watch.length, self._settings.seconds) if end is not None]
        return ceil(min(ends) * self._settings.fps) if ends else None

    def _keep(self, source: Source, one: Appearance) -> None:
        if self._summary is not None:
            self._summary.add(one)
        if self._drawn is None or one.best.frame is None or not one.ended:
            return
        try:
            frame = images.decode(one.best.frame)
        except BadImage:  # it was encoded here
            raise AssertionError("a frame cannot be decoded again") from None
        name = Path(source.name).stem if source.path is not None else source.name.replace("/", "_")
        self._drawn.write(Path(f"{name}-{one.track}.jpg"), frame, one.marks())
