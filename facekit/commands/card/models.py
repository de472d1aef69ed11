"""The facts of a trained model: what it learned from, how good it is, and what it stands on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from facekit.base.contract import FacekitError, Track
from facekit.base.files import read_json, sha256_of
from facekit.base.text import counted, listed
from facekit.commands.card import data as data_facts
from facekit.commands.card import embedders
from facekit.dataset import GROUPS, MANIFEST, SOURCES, Dataset
from facekit.dataset.ancestry import Ancestry
from facekit.dataset.counting import by_kind, by_part
from facekit.dataset.info import DatasetInfo, read_info
from facekit.dataset.lineage import crossings
from facekit.dataset.records import own_file, read_links, read_records, read_sources
from facekit.report.cards.facts import Data, Ends, Facts, Likeness, Origin, Score, Scores, Stage, Tool
from facekit.runs import EVALUATION, SPLIT, Run
from facekit.runs.provenance import of_run
from facekit.runs.reports import SCORES

_GONE = "The folder that it was trained on is gone: where its photos come from, and what was left out, is not known."
_CHANGED = (
    "The folder that it was trained on has changed since: where the photos come from that it learned from, and what "
    "was left out, is not known."
)


@dataclass(frozen=True)
class _Class:
    label: str
    pictures: int
    f1: float | None


@dataclass(frozen=True)
class _Group:
    value: str
    pictures: int
    accuracy: float | None
    intervals: dict[str, Ends] = field(default_factory=dict)


@dataclass(frozen=True)
class _Gap:
    best: str
    worst: str
    gap: float
    interval: Ends = None


@dataclass(frozen=True)
class _Groups:
    by: str
    values: tuple[_Group, ...] = ()
    gap: _Gap | None = None


@dataclass(frozen=True)
class _OpenSet:
    strangers_are: str = ""
    strangers: int = 0
    rates: dict[str, float | None] = field(default_factory=dict)
    intervals: dict[str, Ends] = field(default_factory=dict)


@dataclass(frozen=True)
class _Target:
    title: str
    pictures: int
    accuracy: float | None
    intervals: dict[str, Ends] = field(default_factory=dict)


@dataclass(frozen=True)
class _Before:
    accuracy: float | None = None
    kept: int = 0
    left_out: int = 0


@dataclass(frozen=True)
class _Evaluated:
    """What is read of a run's `scores.json`."""

    scored: str = ""
    pictures: int = 0
    accuracy: float | None = None
    balanced_accuracy: float | None = None
    intervals: dict[str, Ends] = field(default_factory=dict)
    macro: dict[str, float | None] = field(default_factory=dict)
    by_class: tuple[_Class, ...] = ()
    banners: tuple[str, ...] = ()
    groups: _Groups | None = None
    targets: dict[str, _Target] = field(default_factory=dict)
    open_set: _OpenSet | None = None
    before_cleaning: _Before | None = None


def facts(run: Run, jobs: int, track: Track) -> Facts:
    """Return the facts of a run. Raises FacekitError for one that is broken."""
    info = run.info
    data, made = _data(run, jobs, track)
    tools = [*data_facts.tools(made), Tool(use="is what the model stands on", weights=of_run(run))]
    return Facts(
        kind="embedder" if run.embeds else "model",
        title=run.folder.resolve().name,
        summary=embedders.summary(run) if run.embeds else _summary(run),
        digest=info.dataset.digest,
        data=data,
        scores=embedders.scores(run) if run.embeds else _scores(run),
        tools=tools,
        model=[*(embedders.rows(run) if run.embeds else _rows(run)), *_common(run)],
        left_out=None if info.open_set is None else info.open_set.people,
        drawn=info.drawn,
        records=SPLIT,
        records_sha256=sha256_of(run.folder / SPLIT),
    )


def _summary(run: Run) -> str:
    info = run.info
    words = ("class", "classes") if info.kind == "classes" else ("person", "people")
    people = counted(len(run.labels), *words)
    more = f", and also answers {listed([one.name for one in run.more])}" if run.more else ""
    return f"A model ({info.network}) that tells {people} apart{more}, trained with facekit {info.facekit}."


def _data(run: Run, jobs: int, track: Track) -> tuple[Data, DatasetInfo]:
    """Return what the run was trained on: from its folder, where that is still the same, else from the split alone.

    Raises FacekitError for a folder whose files say something that facekit would not write.
    """
    info = run.info
    own = Stage(
        name="train",
        folder=run.folder.resolve().name,
        facekit=info.facekit,
        options=info.options,
        kept=info.split.total,
        left=info.left,
    )
    dataset = _dataset(run.root, track)
    if dataset is not None and dataset.digest() == info.dataset.digest:
        found = data_facts.gather(dataset, run.split, Ancestry(run.root, strict=True), jobs, track)
        matchers = {**found.likeness.matchers, **info.matchers}
        likeness = replace(found.likeness, matchers=matchers)
        return replace(found, protocol=run.protocol, stages=[*found.stages, own], likeness=likeness), dataset.info
    alone = Data(
        stages=[own],
        pictures=len(run.split),
        people=data_facts.people_of(run.split),
        origin=Origin(photos=len({record.origin for record in run.split})),
        parts=by_part(run.split),
        kinds=by_kind(run.split),
        protocol=run.protocol,
        split_given=info.split_given,
        cleaned_with=info.cleaned_with,
        likeness=Likeness(crossing=len(crossings(run.split)), matchers=info.matchers),
        gone=_GONE if dataset is None else _CHANGED,
    )
    # `crossings` is known from the split, the rest of the likeness from the folder alone.
    return alone, DatasetInfo(crop=info.crop, cleaned_with=info.cleaned_with, matchers=info.matchers)


def _dataset(root: Path, track: Track) -> Dataset | None:
    """Return what is in the folder that a run was trained on; None where it is gone, or holds no pictures by now.

    Raises FacekitError for a broken file of facekit's in it: that is a fault to be seen, not a folder that is gone.
    """
    try:
        return Dataset.open(root, track)
    except FacekitError:
        read_info(root)
        read_records(root / MANIFEST)
        read_sources(root / SOURCES)
        read_links(root / GROUPS)
        return None


def _rows(run: Run) -> list[tuple[str, str]]:
    info = run.info
    rows = [("network", info.network)]
    if info.backbone is not None:
        licence = info.backbone.licence or "not known"
        rows.append(("backbone", f"{Path(info.backbone.name).name}, which stays as it is (licence: {licence})"))
    if info.open_set is not None:
        one = info.open_set
        rows.append(
            (
                "says unknown",
                f"of a face whose similarity to the person that is most similar is below {one.threshold:.3f}. "
                "Similarity is one minus the distance of embeddings to the known faces of the person "
                f"({Path(one.embedder.name).name}, {one.embedder.metric}). At this threshold about {one.rate:.2%} of "
                "strangers get a name all the same; that was found by leaving out each of "
                f"{counted(one.people, 'person', 'people')} in turn",
            )
        )
    elif info.kind != "classes":
        rows.append(("says unknown", "never: it has no threshold, and gives a stranger the name of somebody"))
    return rows


def _common(run: Run) -> list[tuple[str, str]]:
    info = run.info
    used = counted(info.used.train or info.split.train, "picture")
    chosen = counted(info.used.validation or info.split.validation, "picture")
    return [
        ("input", f"{info.size} x {info.size} pixels, {info.color}"),
        ("trainable parameters", f"{info.parameters:,}"),
        ("data", f"{run.root.name}, fingerprint {info.dataset.digest}"),
        (
            "trained on",
            f"{used}; the best epoch chosen by {chosen}",
        ),
    ]


def _scores(run: Run) -> Scores | None:
    """Return the scores of the run's own evaluation; of one by group, the groups as well."""
    main = _read(run.folder / EVALUATION / SCORES)
    by_group = [_read(file) for file in sorted(run.folder.glob(f"{EVALUATION}-by-*/{SCORES}"))]
    grouped = next((one.groups for one in (main, *by_group) if one is not None and one.groups is not None), None)
    if main is None:
        return None
    return Scores(
        rows=_main(main),
        on=main.scored,
        by=grouped.by if grouped else "",
        groups=_groups(grouped),
        gap=_gap(grouped),
        open_set=_open_set(main.open_set),
        strangers=main.open_set.strangers_are if main.open_set else "",
        people=_people(run, main),
        banners=main.banners,
        before_cleaning=_before(main.before_cleaning),
    )


def _read(file: Path) -> _Evaluated | None:
    try:
        return read_json(own_file(file), _Evaluated)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _main(found: _Evaluated) -> list[Score]:
    values = {
        "accuracy": found.accuracy,
        "balanced_accuracy": found.balanced_accuracy,
        "macro_f1": found.macro.get("f1"),
    }
    of = counted(found.pictures, "picture")
    rows = [
        replace(_score(name, value, found.intervals, of), key=name)
        for name, value in values.items()
        if value is not None
    ]
    # Those above are of the first of several targets.
    others = list(found.targets.values())[1:]
    return rows + [
        _score("accuracy", one.accuracy, one.intervals, counted(one.pictures, "picture"), one.title)
        for one in others
        if one.accuracy is not None
    ]


def _score(name: str, value: float, intervals: Mapping[str, Ends], of: str, shown: str = "") -> Score:
    low, high = intervals.get(name) or (None, None)
    return Score(name=shown or name.replace("_", " "), value=value, low=low, high=high, of=of)


def _groups(found: _Groups | None) -> list[Score]:
    rows = found.values if found else ()
    return [
        _score("accuracy", row.accuracy, row.intervals, counted(row.pictures, "picture"), row.value)
        for row in rows
        if row.accuracy is not None
    ]


def _gap(found: _Groups | None) -> str:
    if found is None or found.gap is None:
        return ""
    gap = found.gap
    low, high = gap.interval or (None, None)
    ends = f" ({low:.3f} to {high:.3f})" if low is not None and high is not None else ""
    return f"Between {gap.worst} and {gap.best} the gap in accuracy is {gap.gap:.3f}{ends}."


def _open_set(found: _OpenSet | None) -> list[Score]:
    names = {"fpir": "strangers taken for somebody (FPIR)", "tpir": "known people who are named rightly (TPIR)"}
    if found is None:
        return []
    rates = ((name, shown, found.rates.get(name)) for name, shown in names.items())
    return [_score(name, rate, found.intervals, "", shown) for name, shown, rate in rates if rate is not None]


def _people(run: Run, found: _Evaluated) -> list[Score]:
    rows = [
        Score(name=run.name(row.label), value=row.f1, of=counted(row.pictures, "picture"))
        for row in found.by_class
        if row.f1 is not None
    ]
    return sorted(rows, key=lambda row: (row.value, row.name))


def _before(found: _Before | None) -> str:
    if found is None or found.accuracy is None:
        return ""
    return (
        f"Before cleaning, accuracy is at least {found.accuracy:.3f}: that counts the "
        f"{counted(found.left_out, 'picture')} that `clean` left out as well, also those that show somebody else."
    )
