"""The page that shows a model's scores: one HTML file with everything in it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from facekit import __version__, images
from facekit.contract import BadImage
from facekit.report.plots import confusion_svg, history_plot
from facekit.runs import Run

PROTOCOLS = {
    "group": "by photo: no photo, nor anything made from it, stands in two parts",
    "image": "over files: copies and children of one photo stand in several parts",
}

_THUMBNAIL = 160


@dataclass(frozen=True)
class Mistake:
    """A picture that the model named wrongly, and how sure it was."""

    file: Path
    true: str
    predicted: str
    confidence: float


def render(run: Run, result: dict[str, Any], history: Sequence[dict[str, float]], mistakes: Sequence[Mistake]) -> str:
    """Return the page as HTML that needs no other file and no network."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["percent"] = lambda share: f"{100 * share:.1f}%"
    names = [run.name(label) for label in result["labels"]]
    return environment.get_template("page.html").render(
        title=run.folder.resolve().name,
        result=result,
        info=run.info,
        name=run.name,
        protocol=PROTOCOLS[run.protocol],
        classes=sorted(result["by_class"], key=lambda row: (row["f1"], row["label"])),
        plots=_plots(history, run),
        confusion=confusion_svg(*_filled(result["confusion"], names)),
        mistakes=[(mistake, _picture(mistake.file)) for mistake in mistakes],
        wrong=sum(map(sum, result["confusion"])) - sum(row[i] for i, row in enumerate(result["confusion"])),
        version=__version__,
    )


def _plots(history: Sequence[dict[str, float]], run: Run) -> list[tuple[str, str]]:
    if not history:
        return []
    best = int(run.info["scores"]["epoch"])
    return [(name, _embedded("png", history_plot(history, best, [name]))) for name in ("accuracy", "loss")]


def _filled(confusion: Sequence[Sequence[int]], names: Sequence[str]) -> tuple[list[list[int]], list[str]]:
    """Drop the names that neither stand nor were answered among the scored pictures."""
    used = [i for i in range(len(names)) if any(confusion[i]) or any(row[i] for row in confusion)]
    return [[confusion[i][j] for j in used] for i in used], [names[i] for i in used]


def _picture(file: Path) -> str:
    try:
        small, _ = images.shrink(images.read(file), _THUMBNAIL)
    except BadImage:  # gone since it was scored
        return ""
    return _embedded("jpeg", images.encode(small, quality=85))


def _embedded(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
