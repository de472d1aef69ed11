"""What is shown when a command is done: numbers, tables, findings, and the usual next command."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap

from rich.console import Console as Screen
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from facekit.base.contract import Listing, Report
from facekit.base.figures import decimal, span
from facekit.base.plain import Json
from facekit.base.text import counted, visible
from facekit.cli.bars import cell
from facekit.options.common import PROTOCOLS

_CALLED = {
    "top5": "top-5 accuracy",
    "macro_f1": "macro F1",
    "weighted_f1": "weighted F1",
    "fpir": "strangers given a name (FPIR)",
    "tpir": "known people named (TPIR)",
    "auc": "area under the ROC curve (AUC)",
    "eer": "equal error rate (EER)",
    "fmr": "false match rate (FMR)",
    "fnmr": "false non-match rate (FNMR)",
    "balanced_accuracy": "balanced accuracy",
    "val_accuracy": "validation accuracy",
    "val_photos": "validation photos",
    "train_pictures": "training pictures",
    "parameters": "learned parameters",
    "stopped": "training ended by",
    "boxes_not_confirmed": "false boxes left out",
}
"""Details whose names are not words."""

_OF_STAGE = {
    ("train", "accuracy"): "training accuracy",  # of the pictures that it was trained on
    ("clean", "people"): "faces",
    ("clean", "decisions"): "review decisions",
    ("balance", "copies"): "copies of training pictures",
    ("augment", "children"): "augmented pictures",
}
"""Details whose names mean something else in another command's report."""

_KEYS = {
    "decisions": {
        "in force": "applied",
        "waiting": "not applied yet (type the same `clean` again with --apply)",
    }
}
"""Detail -> what a person reads for the names of its numbers."""

_IN_TABLE = {("clean", "people"), ("clean", "unsure")}
"""Details whose numbers the command's own table shows: once more they would only not add up."""

_SHORT = {"fpir": "FPIR", "tpir": "TPIR"}
"""Of those, what stands in a line of several."""

_RATES = re.compile(r"\b(tar|fmr|fnmr)\b")

_LEAST = 30
"""Characters of a line that a value gets, however long the names are."""

_WORST = 10
"""Names that a list of shortfalls shows."""


def show(screen: Screen, reports: Sequence[Report]) -> None:
    """Show what each stage wrote, holds and left out, where it makes pictures, and what it has to say besides."""
    counted = [report for report in reports if report.counts]
    if counted:
        screen.print(_numbers(counted))
    for report in reports:
        # Of many stages, those that make pictures have their row above: what else they say is in their own reports.
        rows = [*_left(report), *(_details(report) if len(reports) == 1 or not report.counts else [])]
        tables = [*report.tables, *_shortfalls(report)]
        if not report.counts or (len(reports) > 1 and (rows or tables)):
            screen.print(Text(f"{visible(report.stage)}: {report.seconds:.1f} s"), soft_wrap=True)
        _rows(screen, rows)
        for listing in tables:
            _listing(screen, listing)
        for note in report.notes:
            screen.print(Text("\n".join(_lines(note, screen.width - 2, "  "))), soft_wrap=True)


def _numbers(reports: Sequence[Report]) -> Table:
    """Return a row for each stage: pictures that this run wrote, those that are there now, and those left out.

    Reasons are below: a column of them is unreadable at 80 characters.
    """
    heads = (Column(head, justify="right") for head in ("new", "in all", "left out", "seconds"))
    table = Table("stage", *heads, Column("folder", overflow="fold"), box=None, pad_edge=False, padding=(0, 1))
    for report in reports:
        numbers = f"{report.made:,}", f"{report.kept:,}", f"{report.left.total():,}", f"{report.seconds:.1f}"
        table.add_row(*map(cell, (report.stage, *numbers, report.folder)))
    return table


def _left(report: Report) -> Iterator[tuple[str, str]]:
    if report.left:
        yield "left out", ", ".join(f"{count:,} {reason}" for reason, count in report.left.most_common())


def _rows(screen: Screen, rows: Sequence[tuple[str, str]]) -> None:
    """Show names and values in two columns. What is to be copied, a path or a command, is never broken."""
    left = 4 + max((len(visible(name)) for name, _ in rows), default=0)
    for name, value in rows:
        width = max(_LEAST, screen.width - left)
        lines = [visible(value)] if value.startswith("facekit ") else _lines(value, width)
        text = ("\n" + " " * left).join(lines)
        screen.print(Text(f"  {visible(name):<{left - 2}}{text}"), soft_wrap=True)


def _lines(text: str, width: int, indent: str = "") -> list[str]:
    """Return a text wrapped between words."""
    found = wrap(visible(text), width, break_long_words=False, break_on_hyphens=False)
    return [f"{indent}{line}" for line in found]


def _listing(screen: Screen, listing: Listing) -> None:
    """Show a table on its own lines; numbers stand at the right."""
    columns = list(zip(*listing.rows, strict=True))
    numeric = [all(text.replace(",", "").isdigit() or not text for text in column) for column in columns]
    whole = _fits_whole(listing.columns, columns, screen.width - 2)
    heads = [
        Column(cell(name), justify="right" if number else "left", overflow="fold", no_wrap=whole and " " not in name)
        for name, number in zip(listing.columns, numeric, strict=True)
    ]
    table = Table(*heads, box=None, pad_edge=False)
    for row in listing.rows:
        table.add_row(*map(cell, row))
    screen.print(Padding(table, (0, 0, 0, 2), expand=False))
    for line in listing.notes:
        _rows(screen, [("", line)])


def _fits_whole(heads: Sequence[str], columns: Sequence[Sequence[str]], width: int) -> bool:
    """Whether a table needs to break no cell: only the heads of several words are broken where it is too wide."""
    least = [
        max(max(map(len, head.split()), default=0), *(len(visible(text)) for text in column))
        for head, column in zip(heads, columns, strict=True)
    ]
    return sum(least) + 2 * (len(least) - 1) <= width


def narrow(listing: Listing) -> Table:
    """Return a table of two columns: the first two of each row, and what the others say."""
    table = Table.grid(Column(no_wrap=True, style="bold"), Column(overflow="fold"), padding=(0, 2))
    widest = max(len(row[0]) for row in listing.rows)
    for first, second, *rest in listing.rows:
        table.add_row(cell(f"{first:<{widest}}  {second}"), cell("; ".join(filter(None, rest))))
    return table


def _shortfalls(report: Report) -> Iterator[Listing]:
    """Yield a table of the names that fell short, the worst first; a long list is in the folder."""
    listed = report.details.get("shortfalls")
    rows = [row for row in listed if isinstance(row, Mapping)] if isinstance(listed, Sequence) else []
    if rows:
        shown = [
            tuple(f"{value:,}" if isinstance(value, int) else str(value) for value in row.values()) for row in rows
        ]
        more = len(rows) - _WORST
        notes = (
            (f"… and {counted(more, 'more name', 'more names')} that fell short: see {report.folder}",)
            if more > 0
            else ()
        )
        yield Listing(tuple(rows[0]), tuple(shown[:_WORST]), notes)


def _details(report: Report) -> Iterator[tuple[str, str]]:
    """Yield a name and a value for each plain detail; lists and tables are for `--json`."""
    details = report.details
    for name, value in ((name, details[name]) for name in report.shown or details if name in details):
        if (report.stage, name) in _IN_TABLE and report.tables:
            continue
        words = _OF_STAGE.get((report.stage, name)) or _words(name)
        if isinstance(value, float):
            yield words, f"{decimal(value)}{_interval(details.get(f'{name}_interval'))}"
        elif isinstance(value, bool):
            yield words, "yes" if value else "no"
        elif isinstance(value, int):
            yield words, f"{value:,}"
        elif isinstance(value, str) and value != report.next:
            yield words, PROTOCOLS.get(value, value) if name == "protocol" else value
        elif isinstance(value, dict) and value and all(isinstance(v, int | float) for v in value.values()):
            said = _KEYS.get(name, {})
            numbers = ((str(key), number) for key, number in value.items() if number or key not in said)
            yield words, ", ".join(_measured(said.get(key, key), number) for key, number in numbers) or "none"


def _words(name: str) -> str:
    """Return what a person reads for the name of a detail, `_` in it or a rate by its letters: `gap in fmr`."""
    words = _CALLED.get(name) or name.replace("_", " ")
    return _RATES.sub(lambda found: found[0].upper(), words)


def _measured(name: str, number: int | float) -> str:
    """Return a count with what it counts, `27 pictures`, and a score behind its name, `accuracy 0.98`."""
    return f"{number:,} {name}" if isinstance(number, int) else f"{_SHORT.get(name) or _words(name)} {decimal(number)}"


def _interval(ends: Json) -> str:
    """Return the 95% confidence interval of a number in brackets; nothing where it is not known."""
    numbers = [end for end in ends if isinstance(end, int | float)] if isinstance(ends, Sequence) else []
    return f" (95% CI {span(numbers[0], numbers[1])})" if len(numbers) == 2 else ""
