"""A card as Markdown for people, with the front matter that the Hugging Face Hub reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence

from facekit.base.text import counted, visible
from facekit.report.cards.facts import Counted, Data, Facts, Likeness, Origin, Score, Scores
from facekit.report.cards.wording import UNKNOWN, hub_licence, licence, not_for, uses

FILE = "README.md"

MARK = "<!-- Written by `facekit card`. Do not edit it: write it again, or ask `facekit card --check`. -->"
"""What only a card that facekit wrote contains."""

MOST = 50
"""Rows of a table; what is left is counted in one more."""

PROTOCOLS = {
    "group": "by photo: no photo is in two parts, nor is anything made from it",
    "person": "by person: no person is in two parts, nor is any photo or anything made from it",
    "image": "by picture: copies of one photo can be in several parts",
}

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))

_ACTING = re.compile(r"[\\`*{}\[\]<>|#~!$&]|(?<!\w)_|_(?!\w)")
"""What Markdown takes for more than text. Between letters `_` is text."""


def markdown(facts: Facts) -> str:
    """Return the card."""
    parts = [_front(facts), MARK, f"# {_text(facts.title)}", _text(facts.summary), *_sections(facts)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _sections(facts: Facts) -> Iterator[str]:
    data, scores = facts.data, facts.scores
    yield "## In short"
    yield _table(("", ""), _short(facts))
    yield from _model(facts)
    if data is not None and facts.kind == "gallery":
        yield from _balance(data, "faces")
    elif data is not None:
        yield from _sources(facts, data.origin)
        yield from _left(data)
        yield from _balance(data)
        yield from _split(data)
        yield from _judged(data)
    if scores is not None:
        yield from _scores(scores)
    if facts.tools:
        yield "## Networks that took part"
        rows = [(tool.use, tool.weights.title, tool.weights.licence, tool.weights.trained_on) for tool in facts.tools]
        yield _table(("what for", "weights", "licence", "trained on"), rows)
    yield "## What it is for"
    yield _list(uses(facts))
    yield "## What not to use it for, and its limits"
    yield _list(not_for(facts))
    yield from _made(data)
    yield "## If you are in it"
    yield (
        "Whoever keeps a copy can remove a person from it, and from all that was made of it, with "
        "`facekit forget NAME`, and has to write this card again afterwards."
    )


def _front(facts: Facts) -> str:
    """Return the front matter: YAML, of which JSON is a part, so that no name can break out of it."""
    kind = "model" if facts.kind != "data set" else "data set"
    values: dict[str, object] = {"license": hub_licence(facts)}
    if kind == "model":
        values |= {"library_name": "facekit", "pipeline_tag": "image-classification", "metrics": ["accuracy"]}
    else:
        count = facts.data.pictures if facts.data else 0
        size = next((name for most, name in _SIZES if count < most), "n>1M")
        values |= {"pretty_name": visible(facts.title), "size_categories": [size]}
        values |= {"task_categories": ["image-classification"], "annotations_creators": ["machine-generated"]}
    values["tags"] = ["facekit", "face-recognition", "biometric-data"]
    if kind == "model" and facts.scores is not None and facts.scores.rows:
        values["model-index"] = [_index(facts, facts.scores)]
    lines = (f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in values.items())
    return "\n".join(["---", *lines, "---"])


def _index(facts: Facts, scores: Scores) -> dict[str, object]:
    metrics = [{"type": row.name.replace(" ", "_"), "value": round(row.value, 4)} for row in scores.rows]
    task, dataset = {"type": "image-classification"}, {"name": visible(scores.on) or "test", "type": "folder"}
    return {"name": visible(facts.title), "results": [{"task": task, "dataset": dataset, "metrics": metrics}]}


def _short(facts: Facts) -> list[tuple[str, str]]:
    data = facts.data
    rows: list[tuple[str, str]] = [("kind", facts.kind)]
    if data is not None:
        names = counted(len(data.people), "person", "people")
        photos = f", from {counted(data.origin.photos, 'photo')}" if data.origin.photos else ""
        rows.append(("faces" if facts.kind == "gallery" else "pictures", f"{data.pictures:,} of {names}{photos}"))
    rows.append(("licence", licence(facts)))
    if data is not None and data.parts:
        rows.append(("split", _line(data.parts)))
    if facts.scores is not None and facts.scores.rows:
        rows.append(("how good", f"{_said(facts.scores.rows[0])} on {facts.scores.on}"))
    elif facts.kind == "data set" and data is not None and data.judged:
        rows.append(("how good", f"of the faces that were judged: {_line(data.judged)}"))
    return [*rows, ("fingerprint", facts.digest)] if facts.digest else rows


def _model(facts: Facts) -> Iterator[str]:
    if facts.model:
        yield f"## The {facts.kind}"
        yield _table(("", ""), facts.model)


def _sources(facts: Facts, origin: Origin) -> Iterator[str]:
    yield "## Where the photos come from"
    yield _text(licence(facts))
    for title, counts in (("found by", origin.engines), ("host", origin.hosts), ("licence", origin.licences)):
        if counts:
            yield _counts(title, counts, "photos")
    said = f"The creator is named of {origin.credited:,} of {counted(origin.photos, 'photo')}"
    yield said + (f": {counted(origin.creators, 'creator')}." if origin.credited else ".")
    if origin.fetched is not None:
        yield f"They were fetched between {origin.fetched[0]} and {origin.fetched[1]}."
    if origin.ignored_opt_outs:
        yield "**Opt-outs were ignored**: photos were kept whose owners do not want them to be used for training."
    elif origin.opted_out:
        yield "Photos that were left out because their owners or hosts opted out:"
        yield _counts("signal", origin.opted_out, "photos")


def _left(data: Data) -> Iterator[str]:
    rows = [(s.name, reason, f"{count:,}") for s in data.stages for reason, count in s.left.items()]
    yield "## What was left out, and why"
    yield _table(("command", "reason", "pictures"), rows) if rows else "Nothing was left out."


def _balance(data: Data, what: str = "pictures") -> Iterator[str]:
    yield "## Balance"
    parts = list(data.parts)
    photos = any(person.photos for person in data.people)
    head = ("person", what, *(["photos"] if photos else []), *parts)
    rows = [
        (
            *(person.name, f"{person.pictures:,}", *([f"{person.photos:,}"] if photos else [])),
            *(f"{person.parts.get(part, 0):,}" for part in parts),
        )
        for person in data.people
    ]
    yield _table(head, rows, "people")
    for title, counts in data.targets.items():
        yield _counts(title, counts, "pictures")
    if not data.targets:
        yield "By group (gender, age, skin tone): nothing is recorded."
    if data.sides:
        yield _counts("shorter side in pixels", data.sides, "pictures")
    if data.origin.years:
        yield _counts("year in which the photo was taken (EXIF)", data.origin.years, "photos")
    if len(data.kinds) > 1:
        yield _counts("kind", data.kinds, "pictures")


def _split(data: Data) -> Iterator[str]:
    yield "## Split, and photos that are alike"
    if data.parts:
        drawn = "the split of the folders that were read" if data.split_given else PROTOCOLS.get(data.protocol, "")
        yield f"{_line(data.parts)}. Protocol: {drawn or UNKNOWN}."
    else:
        yield "No split has been drawn."
    yield _list(_alike(data.likeness))


def _alike(likeness: Likeness) -> Iterator[str]:
    if not likeness.matchers:
        yield "Photos were not compared with one another: the same photo may be in it more than once."
        return
    with_what = ", ".join(f"{stage} with {matcher}" for stage, matcher in likeness.matchers.items())
    links = f" ({_line(likeness.links)}: pairs that were proved)" if likeness.links else ""
    yield (
        f"Photos were compared by their pixels ({with_what}): {counted(likeness.groups, 'group')} of two or more "
        f"photos stay together{links}."
    )
    if likeness.joined:
        yield f"{counted(likeness.joined, 'picture was', 'pictures were')} left out, being shown in an earlier part."
    yield f"Groups that are in more than one part: {likeness.crossing:,}."
    yield (
        "What the comparison cannot see: photos of which little is left, that were turned far or edited strongly, and "
        "most photos taken seconds apart."
    )


def _judged(data: Data) -> Iterator[str]:
    if data.judged:
        yield "## How right the names are"
        by = f" by {' and '.join(data.cleaned_with)}" if data.cleaned_with else ""
        yield _text(f"What `clean` found{by}, before it left out the wrong faces:")
        yield _counts("found", data.judged, "faces")


def _scores(scores: Scores) -> Iterator[str]:
    yield "## How good it is"
    if not scores.rows:
        yield "It has not been evaluated."
        return
    yield f"Measured on {_text(scores.on)}; in brackets, 95% intervals."
    yield _table(("score", "value", "on"), [(row.name, _value(row), row.of) for row in scores.rows])
    if scores.before_cleaning:
        yield _text(scores.before_cleaning)
    if scores.groups:
        yield f"By {_text(scores.by)}:"
        yield _table((scores.by, "accuracy", "on"), [(row.name, _value(row), row.of) for row in scores.groups])
        yield _text(scores.gap)
    else:
        yield "By group: not measured."
    if scores.open_set:
        yield f"Among strangers ({_text(scores.strangers)}):"
        yield _table(("rate", "value"), [(row.name, _value(row)) for row in scores.open_set])
    if scores.people:
        yield "By person, the worst first:"
        yield _table(("person", "F1", "on"), [(row.name, _value(row), row.of) for row in scores.people], "people")


def _made(data: Data | None) -> Iterator[str]:
    if data is None or not data.stages:
        return
    yield "## How it was made"
    rows = []
    for stage in data.stages:
        options = ", ".join(f"{name} {_plain(value)}" for name, value in stage.options.items() if value is not None)
        rows.append((stage.name, stage.facekit, f"{stage.kept:,}", options))
    yield _table(("command", "facekit", "pictures then", "options"), rows)


def _plain(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | bool) else str(value)


def _said(row: Score) -> str:
    return f"{row.name} {_value(row)}"


def _value(row: Score) -> str:
    ends = f" ({row.low:.3f} to {row.high:.3f})" if row.low is not None and row.high is not None else ""
    return f"{row.value:.3f}{ends}"


def _line(counts: Counted) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())


def _counts(title: str, counts: Counted, of: str) -> str:
    return _table((title, of), [(name, f"{count:,}") for name, count in counts.items()])


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], what: str = "rows") -> str:
    rows = list(rows)
    shown = rows[:MOST]
    lines = [_row(head), _row(["---"] * len(head), False), *map(_row, shown)]
    if len(rows) > MOST:
        lines.append(_row([f"and {len(rows) - MOST:,} more {what}", *[""] * (len(head) - 1)]))
    return "\n".join(lines)


def _row(cells: Sequence[str], escaped: bool = True) -> str:
    return f"| {' | '.join(_text(cell) if escaped else cell for cell in cells)} |"


def _list(sentences: Iterable[str]) -> str:
    return "\n".join(f"- {_text(sentence)}" for sentence in sentences)


def _text(text: str) -> str:
    """Return text from outside as Markdown shows it: nothing in it acts, and it stays in its line.

    What facekit itself writes in backticks stays code.
    """
    pieces = " ".join(visible(text).split()).split("`")
    if len(pieces) % 2 and len(pieces) > 1 and all(map(_is_code, pieces[1::2])):
        return "".join(f"`{piece}`" if place % 2 else _escaped(piece) for place, piece in enumerate(pieces))
    return _escaped("`".join(pieces))


def _escaped(text: str) -> str:
    return _ACTING.sub(lambda found: f"\\{found[0]}", text)


def _is_code(piece: str) -> bool:
    return bool(piece) and not set(piece) & set("|<>[]\\")
