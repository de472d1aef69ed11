"""The page that shows what a network sees: one HTML file with everything in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from facekit.report import html
from facekit.runs import Run


@dataclass(frozen=True)
class Map:
    """A layer's strongest channels for one picture, as PNG."""

    name: str
    size: str
    channels: int
    shown: int
    picture: bytes


@dataclass(frozen=True)
class Sight:
    """One picture as the model sees it, as PNG: its answers, the one that is explained, and by what."""

    name: str
    true: str | None
    top: list[tuple[str, float]]
    explained: tuple[str, float]
    seen: bytes
    heated: bytes
    warm: bool
    """Whether anything in the picture speaks for the answer that is explained."""
    maps: list[Map]


def render(run: Run, about: str, of: str, sheet: bytes | None, filters: int, sights: Sequence[Sight]) -> str:
    """Return the page as HTML that needs no other file and no network; `sheet` is of the first filters, as PNG."""
    return html.render(
        "inspect.html",
        filters={"embedded": partial(html.embedded, "png")},
        title=run.folder.resolve().name,
        network=run.network if run.backbone is None else f"linear head on {run.backbone}",
        size=run.size if run.backbone is None else None,
        color=run.color,
        names=len(run.labels),
        about=about,
        of=of,
        sheet=sheet,
        shown=filters,
        sights=sights,
    )
