"""Several models in one table: as Markdown, as CSV, and as a page with everything in it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import floor
from typing import Literal

from facekit.base import files
from facekit.base.files import Cell
from facekit.base.text import visible
from facekit.options.base import Setting
from facekit.report.charts import Axis, Chart, Series
from facekit.report.html import render
from facekit.scores.bootstrap import Interval
from facekit.scores.identification import Identification
from facekit.scores.weights import WeightsCard

Test = Literal["own", "given"]
"""The test part of the one split, or pictures given besides."""

Key = tuple[Test, str | None]
"""A column of scores: which test, and which of its pictures."""

NOTHING = "–"


@dataclass(frozen=True)
class Score:
    """How good one model is on one set of pictures."""

    test: Test
    kind: str | None
    """Of these the photos as found alone, or their copies and children; None where there are no such."""
    pictures: int
    accuracy: float
    interval: Interval | None = None
    """The 95% interval of the accuracy."""
    f1: float | None = None
    f1_interval: Interval | None = None
    report: str | None = None
    """The page with all scores, relative to the table's folder."""


@dataclass(frozen=True)
class AmongStrangers:
    """How good one model is on one set of pictures among strangers, at its own threshold."""

    test: Test
    fpir: float
    tpir: float
    fpir_interval: Interval | None
    tpir_interval: Interval | None
    asked: float
    """The false positive identification rate that its threshold stands for."""
    strangers: int
    """Faces of strangers."""
    people: int
    """How many people these are."""

    @classmethod
    def of(cls, test: Test, scores: Identification) -> AmongStrangers:
        """Return what a table shows of the scores of a model."""
        rates, ends = scores.rates, scores.intervals
        count = (scores.strangers, scores.stranger_people)
        return cls(test, rates.fpir, rates.tpir, ends.fpir, ends.tpir, scores.asked, *count)


@dataclass(frozen=True)
class Row:
    """One model: what it is, how it was trained, how good and how fast it is; or why it is not."""

    name: str
    what: str
    settings: Mapping[str, Setting] = field(default_factory=dict)
    """Options of the training other than the defaults."""
    reason: str | None = None
    """Why there are no numbers."""
    train: float | None = None
    validation: float | None = None
    """Accuracies of the epoch that was kept, as its training saw them."""
    scores: list[Score] = field(default_factory=list)
    open_set: list[AmongStrangers] = field(default_factory=list)
    """Of each test; none of a model that cannot tell strangers."""
    parameters: int | None = None
    epochs: int | None = None
    best_epoch: int | None = None
    seconds_per_epoch: float | None = None
    """None for a linear head, which has no epochs."""
    training_seconds: float | None = None
    pictures_per_second: float | None = None
    """From file to answer."""
    banners: list[str] = field(default_factory=list)
    weights: WeightsCard | None = None
    """What the model knew before it was trained."""
    compared: list[str] = field(default_factory=list)
    """How each test was compared with what training used, and what of it is left out."""
    model: str | None = None
    """The digest of what was measured: to be measured again where that is another now."""
    test: str | None = None
    """The digest of the given pictures that it was scored on."""

    @property
    def page(self) -> str | None:
        """Its own page, relative to the table's folder."""
        return next((score.report for score in self.scores), None)

    def without(self, test: Test) -> Row:
        """Return the row without its scores on one test."""
        scores = [score for score in self.scores if score.test != test]
        return replace(self, scores=scores, open_set=[one for one in self.open_set if one.test != test], test=None)

    def among(self, test: Test) -> AmongStrangers | None:
        """Return its scores among strangers, on one test."""
        return next((one for one in self.open_set if one.test == test), None)


@dataclass(frozen=True)
class Table:
    """The rows, in order, and what must be said of all of them."""

    title: str
    rows: Sequence[Row]
    banners: Sequence[str]
    notes: Sequence[str]

    @cached_property
    def weights(self) -> dict[WeightsCard, list[str]]:
        """The weights that models began with, each with the names of these models."""
        found: dict[WeightsCard, list[str]] = {}
        for row in self.rows:
            if row.weights is not None and row.reason is None:
                found.setdefault(row.weights, []).append(row.name)
        return found

    @property
    def said(self) -> list[str]:
        """The notes, and what is known of the weights and of what was left out."""
        left = dict.fromkeys(line for row in self.rows for line in row.compared)
        return [*self.notes, *left, *(_knew(weights, names) for weights, names in self.weights.items())]

    @cached_property
    def columns(self) -> dict[Key, str]:
        """The sets of pictures that were scored, own ones first, each with its title."""
        keys = dict.fromkeys((score.test, score.kind) for row in self.rows for score in row.scores)
        several = len({test for test, _ in keys}) > 1
        ordered = sorted(keys, key=lambda key: key[0] == "given")
        return {(test, kind): _title(test if several else None, kind) for test, kind in ordered}

    @cached_property
    def open_set(self) -> dict[Test, str]:
        """The tests on which a model was scored among strangers, each with its title."""
        found = {one.test for row in self.rows for one in row.open_set}
        several = len({test for test, _ in self.columns}) > 1
        return {test: _title(test if several else None, None) for test in ("own", "given") if test in found}


def among_strangers(rows: Sequence[Row]) -> list[str]:
    """Return in words who the strangers are, and what their columns say; nothing where no model can tell any."""
    found = {one.test: one for row in rows for one in row.open_set}
    if not found:
        return []
    asked = sorted({one.asked for row in rows for one in row.open_set})
    counts = "; ".join(f"{test} test: {one.strangers:,} faces of {one.people:,} people" for test, one in found.items())
    return [
        f"FPIR: strangers' faces that get a name, where {' or '.join(f'{100 * rate:g}%' for rate in asked)} was asked "
        "for; TPIR: known people's faces that get the right name and are not taken for unknown. Strangers are the "
        f"people of the model, each left out in turn ({counts}). Beside a rate: its 95% interval, by bootstrap over "
        "people."
    ]


def markdown(table: Table) -> str:
    """Return a table to be pasted, with its banners before and its notes after it."""
    head, *rows = _cells(table)
    lines = [f"**{_as_text(_sentence(banner))}**\n" for banner in table.banners]
    lines += [_line(head), _line(["---", "---", *["--:"] * (len(head) - 2)]), *map(_line, rows), ""]
    lines += [f"- {row.name}: {_as_text(row.reason)}." for row in table.rows if row.reason]
    lines += [f"- {_as_text(note)}" for note in table.said]
    return "\n".join(lines) + "\n"


def csv(table: Table) -> str:
    """Return the table as CSV, one line a model, every number at full length."""
    lines = [_flat(row, table) for row in table.rows]
    return files.csv_text(list(lines[0]), [list(line.values()) for line in lines])


def html(table: Table) -> str:
    """Return the page as HTML that needs no network; it links each model's own page beside it."""
    head, *cells = _cells(table)
    return render(
        "comparison.html",
        title=table.title,
        banners=[_sentence(banner) for banner in table.banners],
        head=[head[0], *head[2:]],
        rows=list(zip(table.rows, (row[1:] for row in cells), strict=True)),
        charts=_charts(table),
        notes=table.said,
    )


def _charts(table: Table) -> list[Chart]:
    """Return the accuracy of each model on each set of pictures, with its interval."""
    charts = []
    for key, title in table.columns.items():
        scored = [(row.name, score) for row in table.rows if (score := _of(row, key)) is not None]
        lows, highs = zip(*(score.interval or (None, None) for _, score in scored), strict=True)
        places = [float(place) for place in range(len(scored))]
        accuracies = [score.accuracy for _, score in scored]
        charts.append(
            Chart(
                f"Accuracy, {title}",
                Axis("contender", "names", names=[name for name, _ in scored]),
                Axis("accuracy", low=_least([*accuracies, *lows]), high=1.0, percent=True),
                [Series("accuracy", places, accuracies, "rows", low=lows, high=highs)],
            )
        )
    return charts


def _least(shares: Sequence[float | None]) -> float:
    """Return where an axis of shares begins: at a tenth below the least of them."""
    return max(0.0, floor(10 * min(share for share in shares if share is not None) - 0.5) / 10)


def summary(row: Row, table: Table) -> str:
    """Return in one line how good a model is, or why it has no scores."""
    if row.reason is not None or not row.scores:
        return row.reason or "trained"
    said = [_score(score, table.columns[score.test, score.kind]) for score in row.scores]
    return "; ".join([*said, *(_among(one, table.open_set[one.test]) for one in row.open_set)])


def _among(one: AmongStrangers, title: str) -> str:
    fpir, tpir = _share(one.fpir, one.fpir_interval, 2), _share(one.tpir, one.tpir_interval)
    return f"{title} among strangers ({one.people:,} people): FPIR {fpir}, TPIR {tpir}"


def _score(score: Score, title: str) -> str:
    f1 = "" if score.f1 is None else f", macro F1 {_decimal(score.f1, score.f1_interval)}"
    return f"{title} {_share(score.accuracy, score.interval)}{f1}"


def _cells(table: Table) -> list[list[str]]:
    """Return the table as texts, the head first. F1 has a column where a set of pictures has one."""
    with_f1 = {key for key in table.columns for row in table.rows if (score := _of(row, key)) and score.f1 is not None}
    head = ["contender", "network", "train", "validation"]
    for key, title in table.columns.items():
        head += [title, f"macro F1, {title}"] if key in with_f1 else [title]
    for title in table.open_set.values():
        head += [f"FPIR, {title}", f"TPIR, {title}"]
    head += ["parameters", "epochs", "s an epoch", "images/s"]
    return [head, *(_row(row, table, with_f1, len(head)) for row in table.rows)]


def _row(row: Row, table: Table, with_f1: Collection[Key], columns: int) -> list[str]:
    if row.reason is not None:
        return [row.name, row.what, *[NOTHING] * (columns - 2)]
    cells = [row.name, row.what, _share(row.train), _share(row.validation)]
    for key in table.columns:
        score = _of(row, key)
        cells.append(_share(score.accuracy, score.interval) if score else NOTHING)
        if key in with_f1:
            cells.append(_decimal(score.f1, score.f1_interval) if score else NOTHING)
    for test in table.open_set:
        one = row.among(test)
        cells += [_share(one.fpir, one.fpir_interval, 2), _share(one.tpir, one.tpir_interval)] if one else [NOTHING] * 2
    return [*cells, *_costs(row)]


def _costs(row: Row) -> list[str]:
    parameters, rate = _number(row.parameters, ",d"), _number(row.pictures_per_second, ",.0f")
    if row.seconds_per_epoch is None:
        seconds = _number(row.training_seconds, ".1f")
        return [parameters, NOTHING, seconds if seconds == NOTHING else f"{seconds} in all", rate]
    return [parameters, _number(row.epochs, "d"), _number(row.seconds_per_epoch, ".1f"), rate]


def _number(value: float | None, form: str) -> str:
    return NOTHING if value is None else format(value, form)


def _flat(row: Row, table: Table) -> dict[str, Cell]:
    cells: dict[str, Cell] = {name: getattr(row, name) for name in ("name", "what", "train", "validation")}
    for key, title in table.columns.items():
        cells |= {f"{title}: {name}": cell for name, cell in _of_score(_of(row, key)).items()}
    for test, title in table.open_set.items():
        cells |= {f"{title}: {name}": cell for name, cell in _of_strangers(row.among(test)).items()}
    costs = ("parameters", "epochs", "best_epoch", "seconds_per_epoch", "training_seconds", "pictures_per_second")
    cells |= {name: getattr(row, name) for name in costs}
    settings = " ".join(f"{name}={value}" for name, value in row.settings.items())
    return {**cells, "settings": settings, "reason": row.reason}


def _of_score(score: Score | None) -> dict[str, Cell]:
    names = ("pictures", "accuracy", "low", "high", "macro F1", "F1 low", "F1 high")
    if score is None:
        return dict.fromkeys(names)
    ends, f1_ends = score.interval or (None, None), score.f1_interval or (None, None)
    return dict(zip(names, (score.pictures, score.accuracy, *ends, score.f1, *f1_ends), strict=True))


def _of_strangers(one: AmongStrangers | None) -> dict[str, Cell]:
    names = ("FPIR", "FPIR low", "FPIR high", "TPIR", "TPIR low", "TPIR high", "strangers", "stranger people")
    if one is None:
        return dict.fromkeys(names)
    fpir, tpir = one.fpir_interval or (None, None), one.tpir_interval or (None, None)
    return dict(zip(names, (one.fpir, *fpir, one.tpir, *tpir, one.strangers, one.people), strict=True))


def _of(row: Row, key: Key) -> Score | None:
    return next((score for score in row.scores if (score.test, score.kind) == key), None)


def _title(test: Test | None, kind: str | None) -> str:
    """Return what a column is called; None for the test where there is only one."""
    return ", ".join(filter(None, (f"{test} test" if test else "test", kind)))


def _share(value: float | None, interval: Interval | None = None, digits: int = 1) -> str:
    if value is None:
        return NOTHING
    ends = f" ({100 * interval[0]:.{digits}f}–{100 * interval[1]:.{digits}f})" if interval else ""
    return f"{100 * value:.{digits}f}%{ends}"


def _decimal(value: float | None, interval: Interval | None = None) -> str:
    if value is None:
        return NOTHING
    return f"{value:.3f}" + (f" ({interval[0]:.3f}–{interval[1]:.3f})" if interval else "")


def _knew(weights: WeightsCard, names: Sequence[str]) -> str:
    return (
        f"{', '.join(names)}: weights {weights.title}; licence {weights.licence}; trained on {weights.trained_on}. "
        f"People scored: {weights.people[:1].lower()}{weights.people[1:]}."
    )


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(_as_text, cells)) + " |"


def _as_text(text: str) -> str:
    """Return text that Markdown shows as it is: without links, pictures, markup and cells of its own."""
    return re.sub(r"([\\<\[\]|])", r"\\\1", visible(text))


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
