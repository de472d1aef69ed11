"""What a search writes while it goes on: a page with its history and what mattered, and a table of all trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from facekit.base.files import replace_file, write_csv
from facekit.base.text import counted
from facekit.options.base import Setting
from facekit.report import html
from facekit.report.charts import Axis, Chart, Series

PAGE, TABLE = "report.html", "trials.csv"

NOTHING = "–"


@dataclass(frozen=True)
class Trial:
    """One trial of a search."""

    number: int
    state: str
    """`done`, `given up`, `failed` or `under way`."""
    value: float | None
    """Accuracy on validation; of one that was given up the best until then."""
    settings: Mapping[str, Setting]
    epoch: int | None = None
    """The best epoch."""
    epochs: int | None = None
    seconds: float | None = None
    reason: str | None = None
    """Why it failed."""

    @property
    def setting(self) -> str:
        """Its values in words."""
        return ", ".join(f"{name} {said(value)}" for name, value in self.settings.items())


@dataclass(frozen=True)
class Tuning:
    """All that there is to say of a search so far."""

    title: str
    banners: Sequence[str]
    ranges: Mapping[str, str]
    """Option -> its range, in words."""
    shared: Mapping[str, str]
    """Option -> its value in all trainings."""
    trials: Sequence[Trial]
    importances: Mapping[str, float] = field(default_factory=dict)
    final: Mapping[str, object] = field(default_factory=dict)
    """The scores of the last training on the test part."""

    @property
    def best(self) -> Trial | None:
        """The best of those that are done, the first of equals."""
        done = [(trial.value, trial) for trial in self.trials if trial.state == "done" and trial.value is not None]
        return max(done, key=lambda one: one[0], default=(None, None))[1]


def said(value: Setting) -> str:
    """Return a value as a table has it."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def write(folder: Path, tuning: Tuning) -> Path:
    """Write `report.html` and `trials.csv`, and return where the page is. Raises FacekitError for a full disk."""
    names = list(tuning.ranges)
    columns = ("trial", "state", "val_accuracy", *names, "best_epoch", "epochs", "seconds", "reason")
    rows = [
        [one.number, one.state, one.value, *(_cell(one.settings.get(name)) for name in names)]
        + [one.epoch, one.epochs, one.seconds, one.reason]
        for one in tuning.trials
    ]
    write_csv(folder / TABLE, columns, rows)
    replace_file(folder / PAGE, render(tuning).encode())
    return folder / PAGE


def render(tuning: Tuning) -> str:
    """Return the page as HTML that needs no other file and no network."""
    counts = {state: sum(trial.state == state for trial in tuning.trials) for state in _STATES}
    return html.render(
        "tuning.html",
        title=tuning.title,
        tuning=tuning,
        counts=", ".join(f"{count} {state}" for state, count in counts.items() if count),
        trials=counted(len(tuning.trials), "trial"),
        charts=charts(tuning),
        said=said,
        nothing=NOTHING,
    )


_STATES = ("done", "given up", "failed", "under way")


def charts(tuning: Tuning) -> list[Chart]:
    """Return the history of the search, and how much each option mattered; nothing where no trial is done."""
    done = [trial for trial in tuning.trials if trial.state == "done"]
    if not done:
        return []
    places, values = [float(trial.number) for trial in done], [trial.value for trial in done]
    best: list[float | None] = []
    for value in values:
        best.append(max(one for one in (value, *best[-1:]) if one is not None))
    found = [
        Chart(
            "History",
            Axis("trial"),
            Axis("accuracy on validation", percent=True),
            [
                Series("a trial", places, values, "dots"),
                Series("the best so far", places, best, "line", "second"),
            ],
        )
    ]
    return [*found, _importances(tuning.importances)] if tuning.importances else found


def _importances(shares: Mapping[str, float]) -> Chart:
    rows = [float(place) for place in range(len(shares))]
    return Chart(
        "What mattered",
        Axis("option", "names", names=list(shares)),
        Axis("share of the differences between trials", low=0.0, high=1.0, percent=True),
        [Series("importance", rows, list(shares.values()), "rows")],
    )


def _cell(value: Setting) -> str | int | float | None:
    return value if isinstance(value, str | int | float) or value is None else str(value)
