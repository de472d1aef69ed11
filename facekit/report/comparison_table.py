"""Format a comparison as Markdown, as CSV, as a page, and as one line per model."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from math import floor

from facekit.base import files
from facekit.base.files import Cell
from facekit.base.text import counted, visible
from facekit.report.charts import Axis, Chart, Series
from facekit.report.comparison import AmongStrangers, Key, Row, Score, Table
from facekit.report.html import render, sentence
from facekit.scores.bootstrap import Interval

NOTHING = "–"


def markdown(table: Table) -> str:
    """Return a table to be pasted, with its banners before and its notes after it."""
    head, *rows = _cells(table)
    lines = [f"**{_as_text(sentence(banner))}.**\n" for banner in table.banners]
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
        banners=table.banners,
        head=[head[0], *head[2:]],
        rows=list(zip(table.rows, (row[1:] for row in cells), strict=True)),
        charts=_charts(table),
        notes=table.said,
    )


def _charts(table: Table) -> list[Chart]:
    """Return the accuracy of each model on each set of pictures, with its interval."""
    charts = []
    for key, title in table.columns.items():
        scored = [(row.name, score) for row in table.rows if (score := row.score(key)) is not None]
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
    return f"{title} among strangers ({counted(one.people, 'person', 'people')}): FPIR {fpir}, TPIR {tpir}"


def _score(score: Score, title: str) -> str:
    f1 = "" if score.f1 is None else f", macro F1 {_decimal(score.f1, score.f1_interval)}"
    return f"{title} {_share(score.accuracy, score.interval)}{f1}"


def _cells(table: Table) -> list[list[str]]:
    """Return the table as texts, the head first. F1 has a column where a set of pictures has one."""
    with_f1 = {key for key in table.columns for row in table.rows if (score := row.score(key)) and score.f1 is not None}
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
        score = row.score(key)
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
        cells |= {f"{title}: {name}": cell for name, cell in _of_score(row.score(key)).items()}
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


def _share(value: float | None, interval: Interval | None = None, digits: int = 1) -> str:
    if value is None:
        return NOTHING
    ends = f" ({100 * interval[0]:.{digits}f}–{100 * interval[1]:.{digits}f})" if interval else ""
    return f"{100 * value:.{digits}f}%{ends}"


def _decimal(value: float | None, interval: Interval | None = None) -> str:
    if value is None:
        return NOTHING
    return f"{value:.3f}" + (f" ({interval[0]:.3f}–{interval[1]:.3f})" if interval else "")


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(_as_text, cells)) + " |"


def _as_text(text: str) -> str:
    """Return text that Markdown shows as it is: without links, pictures, markup and cells of its own."""
    return re.sub(r"([\\<\[\]|])", r"\\\1", visible(text))
