"""The result of a comparison: a row per model, and what applies to all. `comparison_table` formats it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from facekit.base.figures import decimal
from facekit.base.text import counted
from facekit.options.base import Setting
from facekit.scores.bootstrap import Interval
from facekit.scores.identification import Identification
from facekit.scores.weights import WeightsCard

Test = Literal["own", "given"]
"""The test part of the one split, or pictures given besides."""

Key = tuple[Test, str | None]
"""A column of scores: which test, and which of its pictures."""


@dataclass(frozen=True)
class Score:
    """How good one model is on one set of pictures."""

    test: Test
    kind: str | None
    """Of these the photos as found alone, or their copies and children; of several targets, which one; else None."""
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
    right: Mapping[str, str] = field(default_factory=dict)
    """Of several targets: target -> a letter for each picture of the split's own test part, in order. 1 is right, 0 is
    wrong, - is not scored."""

    @property
    def page(self) -> str | None:
        """Its own page, relative to the table's folder."""
        return next((score.report for score in self.scores), None)

    def without(self, test: Test) -> Row:
        """Return the row without its scores on one test."""
        scores = [score for score in self.scores if score.test != test]
        return replace(self, scores=scores, open_set=[one for one in self.open_set if one.test != test], test=None)

    def score(self, key: Key) -> Score | None:
        """Return its score on one set of pictures."""
        return next((score for score in self.scores if (score.test, score.kind) == key), None)

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
    rates = " or ".join(f"{decimal(100 * rate)}%" for rate in asked)
    counts = "; ".join(
        f"{test} test: {counted(one.strangers, 'face')} of {counted(one.people, 'person', 'people')}"
        for test, one in found.items()
    )
    return [
        f"FPIR: strangers' faces that get a name, where {rates} was asked for; TPIR: known people's faces "
        "that get the right name and are not taken for unknown. Strangers are the "
        f"people of the model, each left out in turn ({counts}). Beside a rate: its 95% interval, by bootstrap over "
        "people, or, of a rate of 0 or 1, the exact one."
    ]


def _title(test: Test | None, kind: str | None) -> str:
    """Return what a column is called; None for the test where there is only one."""
    return ", ".join(filter(None, (f"{test} test" if test else "test", kind)))


def _knew(weights: WeightsCard, names: Sequence[str]) -> str:
    return (
        f"{', '.join(names)}: weights {weights.title}; licence {weights.licence}; trained on {weights.trained_on}. "
        f"People scored: {weights.people[:1].lower()}{weights.people[1:]}."
    )
