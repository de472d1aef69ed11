"""The page that shows who was in a video when: a time line of each person, and the times as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from facekit.report.html import embedded, render

_TICKS = 6
"""Times below a time line, about."""

_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)
"""Seconds between two of them."""

_THINNEST = 0.15
"""Width of a span that is drawn, in percent: shorter ones would not be seen."""


@dataclass(frozen=True)
class Span:
    """A time for which somebody was there, in seconds."""

    start: float
    end: float
    probability: float | None
    best: float
    """The time of the best frame."""
    frames: int
    """Frames in which the face was seen."""


@dataclass
class Presence:
    """Somebody who was there."""

    label: str
    """What the person is called in tables and pages."""
    name: str | None
    stranger: int | None
    picture: bytes
    """The best picture of the face, a JPEG."""
    spans: list[Span] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """How long the person was there."""
        return sum(span.end - span.start for span in self.spans)


@dataclass(frozen=True)
class Video:
    """A video that was watched, and who was there, in the order in which they came."""

    name: str
    seconds: float
    people: list[Presence]


def page(videos: Sequence[Video]) -> str:
    """Return the page as HTML that needs no other file and no network. Raises FacekitError without `jinja2`."""
    names = [Path(video.name).name if "://" not in video.name else video.name for video in videos]
    return render(
        "timeline.html",
        "the summary",
        filters={"clock": clock, "probability": _probability},
        title=f"Who was there: {names[0]}" if len(names) == 1 else "Who was there",
        videos=[_drawn(video, name) for video, name in zip(videos, names, strict=True)],
    )


def clock(seconds: float) -> str:
    """Return a time as people read it: `1:02.5`, and `1:01:02` where there are hours."""
    tenths = round(seconds * 10)
    hours, minutes, rest = tenths // 36_000, tenths // 600 % 60, tenths % 600
    if hours:
        return f"{hours}:{minutes:02}:{rest // 10:02}"
    return f"{minutes}:{rest // 10:02}.{rest % 10}"


@dataclass(frozen=True)
class _Bar:
    """A span on the line, in percent of it."""

    left: float
    width: float
    span: Span


@dataclass(frozen=True)
class _Line:
    who: Presence
    picture: str
    bars: list[_Bar]


@dataclass(frozen=True)
class _Drawn:
    video: Video
    name: str
    lines: list[_Line]
    ticks: list[tuple[float, str]]
    """Where on the line, in percent, and what is written there."""


def _drawn(video: Video, name: str) -> _Drawn:
    length = max([video.seconds, *(span.end for who in video.people for span in who.spans), 0.1])
    lines = [
        _Line(who, embedded("jpeg", who.picture), [_bar(span, length) for span in who.spans]) for who in video.people
    ]
    step = next((step for step in _STEPS if length / step <= _TICKS), _STEPS[-1])
    ticks = [(100 * at / length, _tick(at)) for at in range(0, int(length) + 1, step)]
    return _Drawn(video, name, lines, ticks)


def _bar(span: Span, length: float) -> _Bar:
    left = 100 * span.start / length
    return _Bar(left, min(max(_THINNEST, 100 * (span.end - span.start) / length), 100 - left), span)


def _tick(seconds: int) -> str:
    hours = f"{seconds // 3600}:{seconds // 60 % 60:02}" if seconds >= 3600 else f"{seconds // 60}"
    return f"{hours}:{seconds % 60:02}"


def _probability(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
