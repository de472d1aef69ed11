"""The page that shows a model's scores: one HTML file with everything in it, beside `scores.json`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from facekit.base.files import guarded, replace_file, write_json
from facekit.base.plain import Json, to_plain
from facekit.report import scores_json
from facekit.report.html import embedded, render, thumbnail
from facekit.report.identification import identification_curve
from facekit.report.plots import confusion, history_plot
from facekit.report.reliability import reliability
from facekit.runs import Epoch, Run
from facekit.runs.reports import PAGE, SCORES
from facekit.scores.bootstrap import Interval
from facekit.scores.classes import TOP, ClassScores, Mistake
from facekit.scores.groups import LEAST, Groups, GroupScores
from facekit.scores.identification import Identification
from facekit.scores.model import FOLDS_NOTE, Folds, ModelScores

PROTOCOLS = {
    "group": "by photo: no photo, nor anything made from it, is in two parts",
    "person": "by person: nobody is in two parts, nor any photo, nor anything made from it",
    "image": "over files: copies and children of one photo are in several parts",
}

_THUMBNAIL = 160


def write(output: Path, run: Run, scores: ModelScores, mistakes: Sequence[Mistake], history: Sequence[Epoch]) -> None:
    """Write `scores.json` and `report.html` into a folder, which is made. Raises FacekitError for a full disk."""
    with guarded(output):
        output.mkdir(parents=True, exist_ok=True)
    write_json(output / SCORES, scores_json.of_model(scores))
    replace_file(output / PAGE, html(run, scores, mistakes, history).encode())


def html(run: Run, scores: ModelScores, mistakes: Sequence[Mistake], history: Sequence[Epoch]) -> str:
    """Return the page as HTML that needs no other file and no network. Raises FacekitError without `jinja2`."""
    matrix, labels = _used(scores.classes)
    return render(
        "scores.html",
        filters={"ends": _ends},
        title=run.folder.resolve().name,
        scores=scores,
        classes=scores.classes,
        run=run,
        info=run.info,
        protocol=PROTOCOLS[run.protocol],
        by_class=sorted(scores.classes.by_class, key=lambda row: (row.f1, row.label)),
        plots=_plots(history, run),
        reliability=reliability(scores.calibration.bins),
        confusion=confusion(matrix, [run.name(label) for label in labels]),
        curve=None if scores.identification is None else identification_curve(scores.identification),
        gap=None if scores.groups is None else gap(scores.groups),
        folds_note=FOLDS_NOTE,
        mistakes=[(mistake, thumbnail(mistake.file, _THUMBNAIL)) for mistake in mistakes],
    )


def details(scores: ModelScores, output: Path) -> dict[str, Json]:
    """Return what the closing table says of the scores."""
    classes, intervals = scores.classes, scores.intervals
    rows: dict[str, Json] = {
        "scored": scores.scored,
        "pictures": classes.pictures,
        **_rounded(accuracy=classes.accuracy, balanced_accuracy=classes.balanced_accuracy),
        # Among so few labels each is among the first.
        **(_rounded(top5=classes.top5) if len(classes.labels) > TOP else {}),
        **_rounded(macro_f1=classes.macro.f1, weighted_f1=classes.weighted.f1),
        **_rounded(calibration_error=scores.calibration.ece),
    }
    if intervals is not None:
        for name in ("accuracy", "balanced_accuracy", "macro_f1"):
            ends: Interval | None = getattr(intervals, name)
            rows[f"{name}_interval"] = None if ends is None else [round(end, 4) for end in ends]
    for row in scores.apart:
        name = f"accuracy on {row.pictures} {row.name}"
        rows[name] = round(row.scores.accuracy, 4)
        rows[f"{name}_interval"] = _accuracy_interval(row)
    rows |= {} if scores.groups is None else _of_groups(scores.groups)
    rows |= {} if scores.identification is None else _among_strangers(scores.identification)
    rows |= {} if scores.before_cleaning is None else {"accuracy before cleaning": str(scores.before_cleaning)}
    rows |= {} if scores.weights is None else scores.weights.rows()
    rows |= {} if scores.compared is None else {"compared_with_training": scores.compared.said}
    rows |= {"protocol": scores.protocol, "banners": list(scores.banners), "report": str(output / PAGE)}
    return rows if scores.folds is None else {**rows, **_of_folds(scores.folds)}


def gap(groups: Groups) -> str:
    """Return in one line who is named best, who worst, and what of that chance may be."""
    between = groups.gap
    if between is None:
        return f"no gap is named: fewer than two groups have {LEAST} photos or people that can be separated"
    worst, best = between.worst, between.best
    line = (
        f"{worst.name} {worst.scores.accuracy:.3f}, {best.name} {best.scores.accuracy:.3f}: "
        f"a gap of {between.gap:.3f} in accuracy"
    )
    if between.interval is None:
        return line
    low, high = between.interval
    return f"{line} ({low:.3f} to {high:.3f}){', which may be chance' if between.chance else ''}"


def _rounded(**scores: float) -> dict[str, Json]:
    return {name: round(score, 4) for name, score in scores.items()}


def _accuracy_interval(row: GroupScores) -> Json:
    return to_plain(row.intervals and row.intervals.accuracy)


def _of_groups(groups: Groups) -> dict[str, Json]:
    rows: dict[str, Json] = {}
    for row in groups.values:
        name = f"accuracy of {groups.by} {row.name} ({row.pictures} pictures)"
        rows[name] = round(row.scores.accuracy, 4)
        rows[f"{name}_interval"] = _accuracy_interval(row)
    if groups.unknown:
        rows[f"pictures without {groups.by}"] = groups.unknown
    return {**rows, "gap": gap(groups)}


def _among_strangers(scores: Identification) -> dict[str, Json]:
    rows: dict[str, Json] = {"strangers": f"{scores.strangers} faces of {scores.stranger_people} people"}
    for name in ("fpir", "tpir"):
        ends: Interval | None = getattr(scores.intervals, name)
        rows[name] = round(getattr(scores.rates, name), 4)
        rows[f"{name}_interval"] = None if ends is None else [round(end, 4) for end in ends]
    return rows


def _of_folds(folds: Folds) -> dict[str, Json]:
    rows: dict[str, Json] = {
        f"fold {row.fold}": {"pictures": row.pictures, **_rounded(**vars(row.scores))} for row in folds.rows
    }
    spread = vars(folds.spread)
    rows["mean of the folds"] = _rounded(**{name: one.mean for name, one in spread.items()})
    rows["deviation of the folds"] = _rounded(**{name: one.deviation for name, one in spread.items()})
    return rows


def _ends(interval: Interval | None, form: str = "{:.1f}% to {:.1f}%", times: float = 100) -> str:
    """Return a 95% interval in words, empty where there is none."""
    return "" if interval is None else form.format(*(times * end for end in interval))


def _plots(history: Sequence[Epoch], run: Run) -> list[tuple[str, str]]:
    if not history:
        return []
    best = run.info.best_epoch
    return [(name, embedded("png", history_plot(history, best, [name]))) for name in ("accuracy", "loss")]


def _used(classes: ClassScores) -> tuple[list[list[int]], list[str]]:
    """Return the confusion matrix and its labels without those that neither stand nor were answered."""
    rows = classes.confusion
    used = [i for i in range(len(rows)) if any(rows[i]) or any(row[i] for row in rows)]
    return [[rows[i][j] for j in used] for i in used], [classes.labels[i] for i in used]
