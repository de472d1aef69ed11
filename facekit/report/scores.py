"""The page that shows a model's scores: one HTML file with everything in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from facekit.base.files import guarded, replace_file, write_json
from facekit.report.html import embedded, filled, thumbnail
from facekit.report.plots import confusion_svg, history_plot, reliability_svg
from facekit.runs import Run
from facekit.runs.reports import PAGE, SCORES
from facekit.scores.classes import TOP, Mistake
from facekit.scores.groups import LEAST

PROTOCOLS = {
    "group": "by photo: no photo, nor anything made from it, stands in two parts",
    "person": "by person: nobody stands in two parts, nor any photo, nor anything made from it",
    "image": "over files: copies and children of one photo stand in several parts",
}

_THUMBNAIL = 160


def write(
    output: Path,
    run: Run,
    result: dict[str, Any],
    mistakes: Sequence[Mistake],
    history: Sequence[dict[str, float]],
) -> None:
    """Write the scores of a run as `scores.json`, and their page as `report.html`."""
    with guarded(output):
        output.mkdir(parents=True, exist_ok=True)
    write_json(output / SCORES, result)
    replace_file(output / PAGE, render(run, result, history, mistakes).encode())


def render(run: Run, result: dict[str, Any], history: Sequence[dict[str, float]], mistakes: Sequence[Mistake]) -> str:
    """Return the page as HTML that needs no other file and no network."""
    names = [run.name(label) for label in result["labels"]]
    return filled(
        "scores.html",
        forms={"ends": _ends},
        title=run.folder.resolve().name,
        result=result,
        info=run.info,
        name=run.name,
        protocol=PROTOCOLS[run.protocol],
        classes=sorted(result["by_class"], key=lambda row: (row["f1"], row["label"])),
        plots=_plots(history, run),
        reliability=reliability_svg(result["calibration"]["bins"]),
        gap=gap(result["groups"]) if "groups" in result else None,
        confusion=confusion_svg(*_filled(result["confusion"], names)),
        mistakes=[(mistake, thumbnail(mistake.file, _THUMBNAIL)) for mistake in mistakes],
        wrong=sum(map(sum, result["confusion"])) - sum(row[i] for i, row in enumerate(result["confusion"])),
    )


def details(found: Mapping[str, Any], output: Path) -> dict[str, Any]:
    """Return what the closing table says of the scores."""
    said: dict[str, Any] = {"scored": found["scored"], "pictures": found["pictures"]}
    said |= {name: round(found[name], 4) for name in ("accuracy", "balanced_accuracy")}
    if len(found["labels"]) > TOP:  # among so few names each is among the first
        said |= {"top5": round(found["top5"], 4)}
    said |= {f"{kind}_f1": round(found[kind]["f1"], 4) for kind in ("macro", "weighted")}
    said |= {"calibration_error": round(found["calibration"]["ece"], 4)}
    for name, interval in found["intervals"].items():
        said[f"{name}_interval"] = interval and [round(end, 4) for end in interval]
    for name, some in found["apart"].items():
        said[f"accuracy on {some['pictures']} {name}"] = round(some["accuracy"], 4)
        said[f"accuracy on {some['pictures']} {name}_interval"] = some["intervals"].get("accuracy")
    if "groups" in found:
        said |= _said_of_groups(found["groups"])
    return {**said, "protocol": found["protocol"], "banners": found["banners"], "report": str(output / PAGE)}


def _said_of_groups(found: Mapping[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for row in found["values"]:
        name = f"accuracy of {found['by']} {row['value']} ({row['pictures']} pictures)"
        said[name] = round(row["accuracy"], 4)
        said[f"{name}_interval"] = row["intervals"].get("accuracy")
    if found["unknown"]:
        said[f"pictures without {found['by']}"] = found["unknown"]
    return {**said, "gap": gap(found)}


def gap(groups: Mapping[str, Any]) -> str:
    """Return in one line who is named best, who worst, and what of that chance may be."""
    found = groups["gap"]
    if found is None:
        return f"no gap is named: fewer than two groups have {LEAST} photos or people that may stand apart"
    line = (
        f"{found['worst']} {found['worst_accuracy']:.3f}, {found['best']} {found['best_accuracy']:.3f}: "
        f"a gap of {found['gap']:.3f} in accuracy"
    )
    if "interval" not in found:
        return line
    low, high = found["interval"]
    return f"{line} ({low:.3f} to {high:.3f}){', which may be chance' if found['chance'] else ''}"


def _ends(interval: Sequence[float] | None, form: str = "{:.1f}% to {:.1f}%", times: float = 100) -> str:
    """Return a 95% interval in words, empty where there is none."""
    return "" if interval is None else form.format(*(times * end for end in interval))


def _plots(history: Sequence[dict[str, float]], run: Run) -> list[tuple[str, str]]:
    if not history:
        return []
    best = int(run.info["scores"]["epoch"])
    return [(name, embedded("png", history_plot(history, best, [name]))) for name in ("accuracy", "loss")]


def _filled(confusion: Sequence[Sequence[int]], names: Sequence[str]) -> tuple[list[list[int]], list[str]]:
    """Drop the names that neither stand nor were answered among the scored pictures."""
    used = [i for i in range(len(names)) if any(confusion[i]) or any(row[i] for row in confusion)]
    return [[confusion[i][j] for j in used] for i in used], [names[i] for i in used]
