"""The page that shows a model's scores: one HTML file with everything in it, beside `scores.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facekit.base.figures import decimal, span
from facekit.base.files import guarded, replace_file, write_json
from facekit.base.plain import Json, to_plain
from facekit.base.text import counted
from facekit.options.base import Setting, describe
from facekit.options.common import PROTOCOLS
from facekit.options.following import command
from facekit.options.train import MODEL, TRAINING, Train
from facekit.report import model_charts, scores_json
from facekit.report.charts import Chart
from facekit.report.confusion import Confusion, confusion, id_of
from facekit.report.html import link, render, thumbnail
from facekit.report.reliability import reliability
from facekit.runs import Epoch, Run
from facekit.runs.reports import PAGE, SCORES
from facekit.scores.bootstrap import Interval
from facekit.scores.classes import TOP, Example
from facekit.scores.groups import LEAST, Groups, GroupScores
from facekit.scores.identification import Identification
from facekit.scores.model import FOLDS_NOTE, BeforeCleaning, Folds, ModelScores, TargetScores

_FIRST = ("accuracy", "accuracy before cleaning", "accuracy to quote", "fpir", "tpir", "reliability of FPIR and TPIR")
"""What a terminal shows of the scores before all else."""

_OF_TARGETS = ("(FRAS)", "Recognition Accuracy")
"""How what the accuracies of several targets are called ends: these are shown first of all."""

_IN_PAGE = {
    *("balanced_accuracy", "top5", "macro_f1", "weighted_f1", "calibration_error", "strangers", "known"),
    *("weights", "licence of the weights", "weights trained on", "people scored", "compared_with_training", "protocol"),
}
"""What the page and JSON say alone."""

_MORE = (
    "The report shows every mistake among the pictures scored, with its photo, {}who is taken for whom, and the scores "
    "by name. It also says how sure the model is, what its weights were trained on, and how the split was drawn. "
    "`--json` prints the numbers."
)

_LEFT_OUT = "the faces that `clean` left out with the model's answers, "

_LINEAR = {"backbone", "class_weights"}
"""Options of networks that linear heads have, too."""

_QUOTE = "at least {}, for new photos, which nobody has sorted: {}"

_DOUBT = (
    "{} left out {} as {}, also where the photo shows somebody else. Decide about them in `{}`, apply it, and evaluate "
    "again for a closer value"
)

_THUMBNAIL, _SMALL = 140, 96


@dataclass(frozen=True)
class Shown:
    """An example as the page shows it: its picture, and where its file, its photo and the nearest training face are."""

    example: Example
    group: str
    """The cell of the confusion matrix that it belongs to."""
    first: bool
    """Whether it is the first of these."""
    picture: str
    file: str
    name: str
    """Its file's name."""
    photo: str
    nearest: str
    nearest_picture: str
    """Of a wrong answer alone."""
    nearest_name: str


def write(output: Path, run: Run, scores: ModelScores, examples: Sequence[Example], history: Sequence[Epoch]) -> None:
    """Write `scores.json` and `report.html` into a folder, which is made. Raises FacekitError for a full disk."""
    with guarded(output):
        output.mkdir(parents=True, exist_ok=True)
    write_json(output / SCORES, scores_json.of_model(scores))
    replace_file(output / PAGE, html(run, scores, examples, history, output).encode())


def html(run: Run, scores: ModelScores, examples: Sequence[Example], history: Sequence[Epoch], folder: Path) -> str:
    """Return the page as HTML that needs no other file and no network. Raises FacekitError without `jinja2`.

    Its links lead from `folder` to the pictures.
    """
    names = [run.name(label) for label in scores.classes.labels]
    shown = _shown(examples, folder)
    return render(
        "scores.html",
        filters={"ends": _ends},
        title=run.folder.resolve().name,
        scores=scores,
        classes=scores.classes,
        run=run,
        info=run.info,
        names=names,
        options=_options(run),
        protocol=PROTOCOLS[run.protocol],
        by_class=sorted(scores.classes.by_class, key=lambda row: (row.f1, row.label)),
        training=model_charts.training(history, run.info.best_epoch),
        reliability=reliability(scores.calibration.bins),
        confusion=confusion(scores.classes.confusion, names, {(one.true, one.predicted) for one in examples}),
        curve=None if scores.identification is None else model_charts.strangers(scores.identification),
        gap=None if scores.groups is None else gap(scores.groups),
        targets=[_target(one) for one in scores.targets],
        folds_note=FOLDS_NOTE,
        closer=closer,
        left_out=_left_out(scores.before_cleaning, folder),
        wrong=[one for one in shown if one.example.wrong],
        right=[one for one in shown if not one.example.wrong],
    )


@dataclass(frozen=True)
class ShownTarget:
    """The scores of a target as the page shows them."""

    scores: TargetScores
    confusion: Confusion
    reliability: Chart


def _target(one: TargetScores) -> ShownTarget:
    matrix = confusion(one.classes.confusion, one.classes.labels, set())
    return ShownTarget(one, matrix, reliability(one.calibration.bins))


def details(scores: ModelScores, output: Path) -> dict[str, Json]:
    """Return what the closing table says of the scores."""
    classes, intervals = scores.classes, scores.intervals
    rows: dict[str, Json] = {
        "scored": scores.scored,
        **_of_targets(scores.targets),
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
    rows |= {} if scores.before_cleaning is None else _before_cleaning(scores.before_cleaning)
    rows |= {} if scores.weights is None else scores.weights.rows()
    rows |= {} if scores.compared is None else {"compared_with_training": scores.compared.said}
    rows |= {"protocol": scores.protocol, "banners": list(scores.banners), "report": str(output / PAGE)}
    return rows if scores.folds is None else {**rows, **_of_folds(scores.folds)}


def _of_targets(targets: Sequence[TargetScores]) -> dict[str, Json]:
    rows: dict[str, Json] = {}
    for one in targets:
        rows[one.title] = round(one.classes.accuracy, 4)
        rows[f"{one.title}_interval"] = to_plain(one.intervals and one.intervals.accuracy)
        if one.without:
            rows[f"pictures without {one.name}"] = one.without
    return rows


def shown(details: Mapping[str, Json]) -> list[str]:
    """Return which of the details a terminal shows, in order: first what is quoted, then where all the rest is."""
    targets = [name for name in details if name.endswith(_OF_TARGETS)]
    rest = [name for name in details if name not in (*targets, *_FIRST, *_IN_PAGE, "report")]
    return [*targets, *_FIRST, "report", *rest]


def _before_cleaning(before: BeforeCleaning) -> dict[str, Json]:
    """Return the number, and why it is the one to quote; where it is not known, why."""
    if before.accuracy is None:
        return {"accuracy before cleaning": str(before)}
    accuracy, ends = round(before.accuracy, 4), before.interval and [round(end, 4) for end in before.interval]
    rows: dict[str, Json] = {"accuracy before cleaning": accuracy, "accuracy before cleaning_interval": to_plain(ends)}
    number = decimal(accuracy) + (f" (95% CI {span(*before.interval)})" if before.interval else "")
    said = [_QUOTE.format(number, before.made_of), *filter(None, [closer(before)])]
    return {**rows, "accuracy to quote": ". ".join(said)}


def closer(before: BeforeCleaning) -> str:
    """Return why the accuracy to quote is a lower bound, and how to come closer to the true value."""
    if not before.mistakes or before.folder is None:
        return ""
    one = before.mistakes == 1
    counts = ("counts", "a mistake") if one else ("count", "mistakes")
    return _DOUBT.format(counted(before.mistakes, "face"), *counts, command("review", before.folder))


def more(scores: ModelScores) -> str:
    """Return what the report has besides what the terminal shows."""
    return _MORE.format(_LEFT_OUT if scores.before_cleaning and scores.before_cleaning.faces else "")


def gap(groups: Groups) -> str:
    """Return in one line who is named best, who worst, and what of that chance may be."""
    between = groups.gap
    if between is None:
        return f"no gap is given: fewer than two groups have {LEAST} photos or people that can be separated"
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
        name = f"accuracy of {groups.by} {row.name} ({counted(row.pictures, 'picture')})"
        rows[name] = round(row.scores.accuracy, 4)
        rows[f"{name}_interval"] = _accuracy_interval(row)
    if groups.unknown:
        rows[f"pictures without {groups.by}"] = groups.unknown
    return {**rows, "gap": gap(groups)}


def _among_strangers(scores: Identification) -> dict[str, Json]:
    rows: dict[str, Json] = {
        "strangers": f"{counted(scores.strangers, 'face')} of {counted(scores.stranger_people, 'person', 'people')}, "
        f"{scores.strangers_are}",
        "known": f"{counted(scores.known, 'face')} of {counted(scores.known_people, 'person', 'people')}",
    }
    for name in ("fpir", "tpir"):
        ends: Interval | None = getattr(scores.intervals, name)
        rows[name] = round(getattr(scores.rates, name), 4)
        rows[f"{name}_interval"] = None if ends is None else [round(end, 4) for end in ends]
    return rows if scores.rough is None else {**rows, "reliability of FPIR and TPIR": scores.rough}


def _of_folds(folds: Folds) -> dict[str, Json]:
    rows: dict[str, Json] = {
        f"fold {row.fold}": {"pictures": row.pictures, **_rounded(**_both(row.scores, row.open_set))}
        for row in folds.rows
    }
    spread = _both(folds.spread, folds.open_set)
    rows["mean of the folds"] = _rounded(**{name: one.mean for name, one in spread.items()})
    rows["deviation of the folds"] = _rounded(**{name: one.deviation for name, one in spread.items()})
    return rows


def _both(summary: object, among_strangers: object | None) -> dict[str, Any]:
    """Return the scores of both by name; of a model that cannot tell strangers those of the summary alone."""
    return vars(summary) if among_strangers is None else vars(summary) | vars(among_strangers)


def _options(run: Run) -> dict[str, Setting]:
    """Return the options that the training went by: of a linear head none that only a network has, and no empty one."""
    given = {name: value for name, value in run.info.options.items() if value is not None}
    if run.backbone is None:
        return {name: value for name, value in given.items() if name != "backbone"}
    networks = {field.name for field in describe(Train) if field.section in (MODEL.title, TRAINING.title)}
    return {name: value for name, value in given.items() if name not in networks - _LINEAR}


def _ends(interval: Interval | None, form: str = "{:.1f}% to {:.1f}%", times: float = 100) -> str:
    """Return a 95% interval in words, empty where there is none."""
    return "" if interval is None else form.format(*(times * end for end in interval))


def _shown(examples: Sequence[Example], folder: Path) -> list[Shown]:
    """Return the examples as the page shows them, in their order."""
    before: set[str] = set()
    found = []
    for one in examples:
        group = id_of((one.true, one.predicted))
        found.append(_one(one, group, group not in before, folder))
        before.add(group)
    return found


def _left_out(before: BeforeCleaning | None, folder: Path) -> list[tuple[Shown, str]]:
    """Return the faces that `clean` left out as the page shows them, each with the reason."""
    faces = () if before is None else before.faces
    return [(_one(one.example, "", False, folder), one.reason) for one in faces]


def _one(one: Example, group: str, first: bool, folder: Path) -> Shown:
    near = one.nearest
    return Shown(
        example=one,
        group=group,
        first=first,
        picture=thumbnail(one.file, _THUMBNAIL if one.wrong else _SMALL),
        file=link(one.file, folder),
        name=one.file.name,
        photo=link(one.photo, folder),
        nearest=link(near, folder),
        nearest_picture=thumbnail(near, _SMALL) if one.wrong else "",
        nearest_name="" if near is None else f"{near.parent.name}/{near.name}",
    )
