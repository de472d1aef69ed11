"""What an inspection writes: a page with everything in it, and the same facts as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from facekit.base.files import replace_file, write_json
from facekit.report import html
from facekit.runs import Run, provenance
from facekit.scores.weights import WeightsCard

PAGE, FACTS = "report.html", "inspection.json"


class Share(NamedTuple):
    """A name, and its probability."""

    name: str
    share: float


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

    file: Path
    true: str | None
    top: tuple[Share, ...]
    explained: Share
    seen: bytes
    heated: bytes
    warm: bool
    """Whether anything in the picture speaks for the answer that is explained."""
    maps: tuple[Map, ...]

    @property
    def name(self) -> str:
        """The file's name."""
        return self.file.name


@dataclass(frozen=True)
class Filters:
    """The first convolution's filters as one picture, PNG."""

    count: int
    picture: bytes


@dataclass(frozen=True)
class Inspection:
    """All that was found out about a run, and the files written besides."""

    run: Run
    pictures_of: str
    """Where the pictures are from, in words."""
    explained_by: str
    """How the heat was found, in words."""
    filters: Filters | None
    """None for a network without a convolution."""
    sights: Sequence[Sight]
    files: Sequence[str]

    @property
    def weights(self) -> WeightsCard:
        """What the run's model knew before it was trained."""
        return provenance.of_run(self.run)


def write(folder: Path, inspection: Inspection) -> None:
    """Write `inspection.json` and `report.html`. Raises FacekitError for a full disk, or without `jinja2`."""
    pictures = [
        {"picture": one.name, "true": one.true, "top": one.top, "explained": one.explained} for one in inspection.sights
    ]
    facts = {
        "run": inspection.run.folder,
        "pictures_of": inspection.pictures_of,
        "explained_by": inspection.explained_by,
        "weights": inspection.weights,
        "files": inspection.files,
        "pictures": pictures,
    }
    write_json(folder / FACTS, facts)
    replace_file(folder / PAGE, render(inspection, folder).encode())


def render(inspection: Inspection, folder: Path) -> str:
    """Return the page as HTML that needs no other file and no network. Its links lead from `folder` to the pictures."""
    run = inspection.run
    return html.render(
        "inspect.html",
        filters={"embedded": partial(html.embedded, "png")},
        title=run.folder.resolve().name,
        network=run.network if run.backbone is None else f"linear head on {run.backbone}",
        size=run.size if run.backbone is None else None,
        color=run.color,
        names=len(run.labels),
        inspection=inspection,
        sights=[(one, html.link(one.file, folder)) for one in inspection.sights],
    )
