"""The facts of a run that is an embedder: what its numbers are, and how well they tell strangers apart."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from facekit.base.figures import decimal
from facekit.base.files import read_json
from facekit.base.text import counted
from facekit.dataset.records import own_file
from facekit.report.cards.facts import Ends, Score, Scores
from facekit.runs import EVALUATION, Run
from facekit.runs.info import Embeds
from facekit.runs.reports import SCORES

_OBJECTIVES = {
    "arcface": "a face is to be nearer to its own person's centre than to any other, by an angle",
    "cosface": "a face is to be nearer to its own person's centre than to any other, by a margin of the cosine",
    "triplet": "a face is to be nearer to another of its person than to anybody else's, by a distance",
    "contrastive": "faces of one person are to be near each other, those of two a distance apart",
}
"""Objective -> what is learned."""

_NOTES = (
    "The area under the ROC curve is how often a pair of one person is nearer than a pair of two; 0.5 is chance, 1 is "
    "never wrong. A false match is a pair of two people that is taken for one."
)

_KEYS = {"auc": "roc_auc", "eer": "eer", "accuracy 0": "accuracy"}
"""Score -> what programs know it by."""


@dataclass(frozen=True)
class _Counts:
    compared: int = 0
    photos: int = 0
    people: int = 0


@dataclass(frozen=True)
class _Point:
    threshold: float = 0.0
    accuracy: float | None = None
    fmr: float | None = None
    fnmr: float | None = None
    intervals: dict[str, Ends] | None = None


@dataclass(frozen=True)
class _Gain:
    difference: float | None = None
    interval: Ends = None


@dataclass(frozen=True)
class _Beside:
    embedders: tuple[dict[str, float | str | None], ...] = ()
    gains: dict[str, _Gain] = field(default_factory=dict)
    verdict: str = ""


@dataclass(frozen=True)
class _Evaluated:
    """What is read of the `scores.json` of a run that is an embedder."""

    pairs: str = ""
    counts: _Counts = _Counts()
    banners: tuple[str, ...] = ()
    scores: dict[str, float | None] = field(default_factory=dict)
    intervals: dict[str, Ends] = field(default_factory=dict)
    points: tuple[_Point, ...] = ()
    beside: _Beside | None = None


def summary(run: Run) -> str:
    """Return in a sentence what the run is."""
    info, embeds = run.info, _embeds(run)
    what = f"a projection of {_name(run.backbone)}" if run.backbone else f"a network ({info.network})"
    return (
        f"An embedder, {what}, which turns a face into {embeds.dimensions:,} numbers; faces of one person are near "
        f"each other. Trained with the objective {embeds.objective} and facekit {info.facekit}."
    )


def rows(run: Run) -> list[tuple[str, str]]:
    """Return what the embedder is."""
    embeds, backbone = _embeds(run), run.info.backbone
    learned = _OBJECTIVES.get(embeds.objective, "")
    began = _name(embeds.beside.name) if embeds.beside else "nothing: the weights were random"
    stands = (
        f"{_name(backbone.name)}, which stays as it is (licence: {backbone.licence or 'not known'})"
        if backbone
        else f"none; the network began with {began}"
    )
    return [
        ("objective", f"{embeds.objective}: {learned}" if learned else embeds.objective),
        ("backbone", stands),
        ("an embedding", f"{counted(embeds.dimensions, 'number')}, compared by the cosine"),
        (
            "threshold",
            f"{decimal(embeds.threshold)}: two faces count as one person if one minus the cosine of their embeddings "
            "is at most that",
        ),
    ]


def scores(run: Run) -> Scores | None:
    """Return the scores of the run's own evaluation, beside what it began with; None where there is none."""
    try:
        found = read_json(own_file(Path(run.folder / EVALUATION / SCORES)), _Evaluated)
    except (FileNotFoundError, NotADirectoryError):
        return None
    sides = found.beside.embedders if found.beside else ()
    other = sides[1] if len(sides) > 1 else {}
    own = [
        Score(
            name=shown,
            key=_KEYS.get(key, ""),
            value=value,
            low=low,
            high=high,
            of=_of(found.counts),
            beside=_number(other.get(key)),
        )
        for key, shown, value, (low, high) in _values(found)
        if value is not None
    ]
    return Scores(
        rows=own,
        on=f"{_of(found.counts)} ({found.pairs})",
        beside=_name(str(other["name"])) if other else "",
        notes=(_NOTES,),
        verdict=_verdict(found.beside),
        gained=found.beside is not None and found.beside.verdict == "better",
        banners=tuple(one for one in found.banners if "area under the curve" not in one),  # which the verdict says
    )


def _verdict(beside: _Beside | None) -> str:
    """Return in a sentence how it compares with what it began with; empty where that was not scored."""
    if beside is None or len(beside.embedders) != 2:
        return ""
    own, other = beside.embedders
    low, high = beside.gains.get("auc", _Gain()).interval or (None, None)
    between = f", a difference of {low:+.4f} to {high:+.4f}" if low is not None and high is not None else ""
    areas = [f"{area:.4f}" for side in (own, other) if (area := _number(side.get("auc"))) is not None]
    return (
        f"On these people it is {beside.verdict} than {_name(str(other.get('name')))}: area under the ROC curve "
        f"{' beside '.join(areas)}{between}."
    )


def _values(found: _Evaluated) -> list[tuple[str, str, float | None, tuple[float | None, float | None]]]:
    """Return the key of each score, what a person reads for it, its value and its interval."""
    names = {"auc": "area under the ROC curve", "eer": "equal error rate (smaller is better)"}
    values = [
        (
            key,
            names.get(key) or f"pairs of one person found, at a false match rate of {key.removeprefix('tar at ')}",
            value,
        )
        for key, value in found.scores.items()
    ]
    point = found.points[0] if found.points else _Point()
    at = f"at its threshold {decimal(point.threshold)}"
    values += [
        ("accuracy 0", f"pairs judged rightly {at}", point.accuracy),
        ("fmr 0", f"pairs of two people taken for one {at}", point.fmr),
        ("fnmr 0", f"pairs of one person taken for two {at}", point.fnmr),
    ]
    return [(key, shown, value, found.intervals.get(key) or (None, None)) for key, shown, value in values]


def _number(value: float | str | None) -> float | None:
    return value if isinstance(value, int | float) else None


def _of(counts: _Counts) -> str:
    people, photos = counted(counts.people, "person", "people"), counted(counts.photos, "photo")
    return f"{counted(counts.compared, 'pair')} of {photos} of {people}"


def _embeds(run: Run) -> Embeds:
    assert run.info.embeds is not None
    return run.info.embeds


def _name(embedder: str | None) -> str:
    """Return an embedder's name; of a run the name of its folder, without the path to it."""
    return Path(embedder or "").name
