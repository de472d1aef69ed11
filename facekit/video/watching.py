"""Watch a video: one appearance for each track of a face, as it ends."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from facekit.base import images
from facekit.base.contract import Image
from facekit.base.parallel import ordered_map, workers
from facekit.base.text import counted
from facekit.report.annotated import Mark
from facekit.report.timeline import clock
from facekit.video.eyes import Eyes, Who
from facekit.video.frames import Counts, Due, Frame
from facekit.video.joining import Joining, Lost, Reader
from facekit.video.live import Newest
from facekit.video.sources import Source
from facekit.video.spells import Spells
from facekit.video.strangers import Strangers
from facekit.video.tracking import Best, Sighting, Track, Tracker

log = logging.getLogger(__name__)

_PATIENCE = 1.0
"""Seconds for which a face may be out of sight before its track ends."""

_FACE_SIDE = 160
"""Longest side of the picture of a face that is kept of a track, in pixels."""

_MOST_WORKERS = 8
"""Threads that look at frames: each has four more ahead of it, of 12 MB where a video is 4K."""

_SOON = 1.0
"""Seconds after which a live input says who has come; the answer at the end rests on all frames."""


@dataclass(frozen=True)
class Settings:
    """How a video is watched."""

    fps: float = 5.0
    """Frames a second in which faces are looked for."""
    seconds: float | None = None
    """Stop after so many seconds of the video."""
    jobs: int = 0
    joining: Joining = field(default_factory=Joining)
    keep_frames: bool = False
    """Whether the best frame of each track is kept whole, to be annotated."""


@dataclass(frozen=True, kw_only=True)
class Times:
    """What answers of every command say of a part of a video."""

    track: int
    """The number of the track in its video, from 1."""
    start: float
    """When the face came, in seconds of the video; of a live input, since it began."""
    end: float
    best: float
    """The time of the best frame."""
    frames: int
    """Frames in which the face was seen."""
    stranger: int | None
    """The number of somebody unknown: the same person has one number through the whole video."""
    ended: bool
    """Whether the face has gone; of a live input, an answer comes soon after the face as well."""

    @property
    def cells(self) -> dict[str, str]:
        """What stands in a table for people in place of a photo's: column -> text."""
        name = {} if self.stranger is None else {"name": f"stranger {self.stranger}"}
        return {"face": f"{clock(self.start)} to {clock(self.end)}", **name}


@dataclass(frozen=True)
class Appearance:
    """Somebody's face through a part of a video."""

    track: int
    start: float
    end: float
    """Both in seconds of the video, half the time between two looks beyond the first and the last sighting."""
    frames: int
    """Frames in which the face was seen."""
    who: Who
    best: Best
    """The best frame."""
    ended: bool = True
    """Of a live input: whether the face has gone; if not, another answer follows."""

    def times(self) -> dict[str, Any]:
        """Return the values of `Times`."""
        return {
            "track": self.track,
            "start": self.start,
            "end": self.end,
            "best": round(self.best.time, 3),
            "frames": self.frames,
            "stranger": self.who.stranger,
            "ended": self.ended,
        }

    def marks(self) -> list[Mark]:
        """Return what is drawn around the face in its best frame."""
        return [Mark(self.best.box, self.who.label, self.who.name is not None)]


class Watch:
    """One video that is watched. Its counts are complete when its appearances have been taken."""

    def __init__(self, source: Source, eyes: Eyes, settings: Settings) -> None:
        """Open the video. Raises FacekitError for one that cannot be opened."""
        self.source, self._eyes, self._settings = source, eyes, settings
        self.counts = Counts()
        self._reader = Reader(source, settings.joining, self.counts)
        self.live = self._reader.live
        self.length = self._reader.seconds
        self._tracker = Tracker(eyes.likeness, max(_PATIENCE, 2.5 / settings.fps))
        self._strangers = None
        if eyes.likeness is not None and eyes.telling is not None and not eyes.changing:
            self._strangers = Strangers(eyes.likeness.metric, eyes.telling)
        self._spells = Spells(eyes.changing) if eyes.changing else None
        self._passed = 0
        """Tracks of one frame that got no name."""

    def appearances(self, progress: Callable[[Iterable[_Looked]], Iterable[_Looked]] = iter) -> Iterator[Appearance]:
        """Yield each face that appears, when it has gone; of a live input also a second after it came.

        `progress` wraps the loop over the frames that are looked at. Ctrl-C ends a live input: what has not been said
        is yielded before it is raised. Raises Lost for a stream that cannot be joined again, likewise.
        """
        end: BaseException | None = None
        try:
            for looked in progress(self._looked()):
                yield from self._step(looked)
        except Lost as error:
            end = error
        except KeyboardInterrupt as error:
            if not self.live:
                raise
            end = error
        finally:
            self._reader.close()
        yield from self._told(self._parts(self._tracker.close()))
        self._say()
        if end is not None:
            raise end

    def _looked(self) -> Iterator[_Looked]:
        see, settings = self._see, self._settings
        frames = self._until(Newest(self._reader, settings.fps).frames() if self.live else self._due())
        # A live frame is looked at before the next is taken, which is then the newest.
        return map(see, frames) if self.live else ordered_map(see, frames, min(_MOST_WORKERS, workers(settings.jobs)))

    def _due(self) -> Iterator[Frame]:
        due = Due(self._settings.fps)
        return (frame for frame in self._reader.frames() if due.take(frame.time))

    def _until(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        most = self._settings.seconds
        for frame in frames:
            if most is not None and frame.time >= most:
                self._reader.stop()
                return
            yield frame

    def _see(self, frame: Frame) -> _Looked:
        """Look at a frame. Of its pixels, only what may be shown is kept: many frames are under way at a time."""
        image = frame.image()
        seen = self._eyes.see(image)
        faces = [images.shrink(images.cut(image, images.square(one.box, 0.6)), _FACE_SIDE)[0].copy() for one in seen]
        whole = images.encode(image) if seen and self._settings.keep_frames else None
        return _Looked(frame.time, frame.arrived, seen, faces, whole)

    def _step(self, looked: _Looked) -> Iterator[Appearance]:
        tracks, ended = self._tracker.update(looked.time, looked.seen)
        over = self._parts(ended)
        for track, one, face in zip(tracks, looked.seen, looked.faces, strict=True):
            part = track
            if self._spells is not None:
                part, before = self._spells.see(track, one)
                over += [before] if before is not None else []
            if part.best is None or one.quality > part.best.quality:
                picture = images.encode(face, quality=88)
                part.best = Best(looked.time, one.quality, one.box, picture, looked.whole)
        self.counts.looked_at += 1
        self.counts.delay = max(self.counts.delay, time.monotonic() - looked.arrived) if self.live else 0.0
        yield from self._told(over)
        if self.live:
            yield from self._told_soon()

    def _parts(self, ended: list[Track]) -> list[Track]:
        """Return what is told of tracks that have ended: where classes change, their last part."""
        return ended if self._spells is None else [self._spells.close(track) for track in ended]

    def _going(self) -> list[Track]:
        return self._tracker.open if self._spells is None else self._spells.going()

    def _told(self, ended: list[Track]) -> Iterator[Appearance]:
        """Yield the appearances of tracks that have ended, named together with those that go on beside them."""
        left = deque(sorted(ended, key=lambda track: track.start))
        while left:
            track = left.popleft()
            beside = [other for other in (*left, *self._going()) if _together(track, other)]
            who = self._who(track, beside)
            if track.frames == 1 and (who.name is None or self._spells is not None):
                self._passed += 1
                continue
            for other in beside:
                _take(other, who)
            yield self._appearance(track, who, True)

    def _told_soon(self) -> Iterator[Appearance]:
        for track in self._going():
            if not track.told and track.last - track.start >= _SOON:
                track.told = True
                beside = [other for other in self._going() if other is not track]
                yield self._appearance(track, self._who(track, beside, keep=False), False)

    def _who(self, track: Track, beside: list[Track], keep: bool = True) -> Who:
        some = [track, *beside]
        who = self._eyes.name([one.evidence for one in some], [one.taken for one in some])[0]
        if who.name is not None or self._strangers is None or (track.frames == 1 and keep):
            return who
        return replace(who, stranger=self._strangers.number(track.evidence, track.strangers, keep))

    def _appearance(self, track: Track, who: Who, ended: bool) -> Appearance:
        assert track.best is not None
        half = 0.5 / self._settings.fps
        return Appearance(
            track.number, round(max(0.0, track.start - half), 3), round(track.last + half, 3), track.frames, who,
            track.best, ended,
        )  # fmt: skip

    def _say(self) -> None:
        counts = self.counts
        parts = [counted(counts.looked_at, "frame") + f" of {counts.read:,} looked at"]
        parts += [f"{counts.broken:,} broken"] if counts.broken else []
        parts += [f"{counts.dropped:,} dropped"] if counts.dropped else []
        parts += [f"joined again {counted(counts.joined, 'time')}"] if counts.joined else []
        parts += [f"{counted(self._passed, 'face')} of a single frame left out"] if self._passed else []
        parts += [f"longest delay {counts.delay:.1f} s"] if self.live else []
        log.info("%s: %s", self.source.name, ", ".join(parts))


@dataclass(frozen=True)
class _Looked:
    """A frame that was looked at."""

    time: float
    arrived: float
    seen: list[Sighting]
    faces: list[Image]
    """Each one with its surroundings, small."""
    whole: bytes | None
    """The frame as a JPEG, where it may be annotated."""


def _together(one: Track, other: Track) -> bool:
    return one is not other and one.start <= other.last and other.start <= one.last


def _take(other: Track, who: Who) -> None:
    """Keep a name, or a stranger's number, from a track that was seen beside."""
    if who.name is not None:
        other.taken.add(who.name)
    if who.stranger is not None:
        other.strangers.add(who.stranger)
