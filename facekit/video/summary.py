"""Who was there when: what `--summary` writes of the videos that were watched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from facekit.base import plugins
from facekit.base.contract import FacekitError
from facekit.base.files import guarded, replace_file, write_csv, write_json
from facekit.base.foldernames import safe
from facekit.base.text import visible
from facekit.report import timeline
from facekit.report.timeline import Presence, Span, Video
from facekit.video.sources import Source
from facekit.video.watching import Appearance, Watch

JSON, CSV, PAGE = "summary.json", "summary.csv", "summary.html"

_GAP = 1.5
"""Seconds out of sight, at most, that count as one presence: somebody turned away, or was hidden for a moment."""


@dataclass
class _Person:
    presence: Presence
    quality: float
    parts: list[Appearance] = field(default_factory=list)


@dataclass
class _Watched:
    source: Source
    watch: Watch
    people: dict[str, _Person] = field(default_factory=dict)


class Summary:
    """The summary of one run of a command."""

    def __init__(self, folder: Path) -> None:
        """Make the folder, so that a fault shows before the work. Raises FacekitError where it cannot be one."""
        if folder.exists() and not folder.is_dir():
            raise FacekitError(f"--summary is {folder}, which is a file; give a folder")
        plugins.need("jinja2", "--summary")
        with guarded(folder):
            folder.mkdir(parents=True, exist_ok=True)
            replace_file(folder / PAGE, b"")  # a full disk shows now
        self.folder = folder
        self._videos: list[_Watched] = []

    def begin(self, source: Source, watch: Watch) -> None:
        """Go on with the appearances of another video."""
        self._videos.append(_Watched(source, watch))

    def add(self, one: Appearance) -> None:
        """Add an appearance that has ended; what is said of one that goes on is passed over."""
        if not one.ended:
            return
        people, who = self._videos[-1].people, one.who
        key = f"{who.name is None} {who.label}"
        if who.name is None and who.stranger is None:  # nothing can tell whether it is somebody who was there before
            key = f"track {one.track}"
        person = people.get(key)
        if person is None:
            person = people[key] = _Person(Presence(who.label, who.name, who.stranger, one.best.picture), 0.0)
        if one.best.quality > person.quality:
            person.quality, person.presence.picture = one.best.quality, one.best.picture
        _extend(person.presence.spans, one)

    def write(self) -> None:
        """Write all files. Raises FacekitError where the disk is full."""
        videos = [
            Video(
                one.source.name,
                round(one.watch.counts.seconds, 3),
                sorted((person.presence for person in one.people.values()), key=lambda who: who.spans[0].start),
            )
            for one in self._videos
        ]
        with guarded(self.folder):
            write_json(self.folder / JSON, {"videos": [_plain(video) for video in videos]})
            write_csv(self.folder / CSV, _COLUMNS, [row for video in videos for row in _rows(video)])
            for name, video in zip(_names(videos), videos, strict=True):
                replace_file(self.folder / f"{name}.vtt", webvtt(video).encode())
            replace_file(self.folder / PAGE, timeline.page(videos).encode())


def _extend(spans: list[Span], one: Appearance) -> None:
    """Add the time of an appearance to the spans of a person, which stay in order: tracks end in another."""
    near = [span for span in spans if one.start <= span.end + _GAP and span.start <= one.end + _GAP]
    merged = Span(one.start, one.end, one.who.probability, one.best.time, one.frames)
    for span in near:
        merged = _merged(span, merged)
    spans[:] = sorted([*(span for span in spans if span not in near), merged], key=lambda span: span.start)


def _merged(a: Span, b: Span) -> Span:
    both = [one for one in (a, b) if one.probability is not None]
    frames = a.frames + b.frames
    weighed = sum((one.probability or 0.0) * one.frames for one in both) / max(1, sum(one.frames for one in both))
    best = a if a.frames >= b.frames else b
    return Span(min(a.start, b.start), max(a.end, b.end), round(weighed, 4) if both else None, best.best, frames)


_COLUMNS = ("video", "name", "stranger", "start", "end", "probability", "best", "frames")


def _rows(video: Video) -> Iterator[list[str | int | float | None]]:
    for who in video.people:
        for span in who.spans:
            yield [
                video.name, who.name or "unknown", who.stranger, span.start, span.end, span.probability, span.best,
                span.frames,
            ]  # fmt: skip


def _plain(video: Video) -> dict[str, object]:
    return {
        "video": video.name,
        "seconds": video.seconds,
        "people": [
            {
                "name": who.name or "unknown",
                "stranger": who.stranger,
                "seconds": round(sum(span.end - span.start for span in who.spans), 3),
                "spans": [vars(span) for span in who.spans],
            }
            for who in video.people
        ],
    }


def _names(videos: list[Video]) -> Iterator[str]:
    """Yield what the captions of each video are called: as it is, so that players find them; with numbers where two
    are called alike.
    """
    used: set[str] = set()
    for video in videos:
        stem = safe(Path(video.name.rstrip("/")).stem) if "://" not in video.name else safe(video.name)
        name, number = stem, 1
        while name.casefold() in used:
            number += 1
            name = f"{stem}-{number}"
        used.add(name.casefold())
        yield name


def webvtt(video: Video) -> str:
    """Return captions that name who is there, for players and for search in them."""
    cues = sorted((span.start, span.end, who.label, span.probability) for who in video.people for span in who.spans)
    lines = ["WEBVTT", ""]
    for start, end, label, probability in cues:
        sure = "" if probability is None or label.startswith("stranger ") else f" ({probability:.2f})"
        lines += [f"{timestamp(start)} --> {timestamp(end)}", f"{_escaped(label)}{sure}", ""]
    return "\n".join(lines)


def timestamp(seconds: float) -> str:
    """Return a time as WebVTT writes it: `00:01:02.500`."""
    whole = round(seconds * 1000)
    return f"{whole // 3_600_000:02}:{whole // 60_000 % 60:02}:{whole // 1000 % 60:02}.{whole % 1000:03}"


def _escaped(text: str) -> str:
    return visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
