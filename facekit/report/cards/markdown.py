"""A card as Markdown for people, with the front matter that the Hugging Face Hub reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence

from facekit.base.text import counted, visible
from facekit.options.common import PROTOCOLS
from facekit.report.cards.facts import Counted, Data, Facts, Likeness, Origin, Score, Scores
from facekit.report.cards.wording import (
    UNKNOWN,
    balance,
    first_limit,
    groups_of,
    hub_licence,
    judged,
    licence,
    named_by,
    not_for,
    nothing_left,
    options_of,
    uses,
    where_from,
    without_paths,
)

FILE = "README.md"

MARK = "<!-- Written by `facekit card`. Do not edit it: write it again, or ask `facekit card --check`. -->"
"""What only a card that facekit wrote contains."""

RELIED = "how far it can be relied on"
"""The row of a gallery that says it."""

MOST = 50
"""Rows of a table; what is left is counted in one more."""

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))

_WHAT = {
    "data set": "a data set: pictures of faces, a folder for each person",
    "model": "a model, which tells whose face is in a picture, of those that it was trained on",
    "embedder": "an embedder, which turns a face into numbers by which faces are compared; it names nobody",
    "gallery": "a gallery: faces of known people, as numbers with which faces in photos are compared",
}
"""Kind -> what that is, for somebody who does not know facekit."""

_WORDS = "A photo is a file as it was found or given; a picture is a face that was cut out of one."

_TASKS = {"model": "image-classification", "gallery": "image-classification", "embedder": "image-feature-extraction"}
"""Kind -> the Hub's task."""

_ACTING = re.compile(r"[\\`*{}\[\]<>|#~!$&]|(?<!\w)_|_(?!\w)")
"""What Markdown takes for more than text. Between letters `_` is text."""


def markdown(facts: Facts) -> str:
    """Return the card."""
    parts = [_front(facts), MARK, f"# {_text(facts.title)}", _text(facts.summary), _WORDS, *_sections(facts)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _sections(facts: Facts) -> Iterator[str]:
    data, scores = facts.data, facts.scores
    yield "## In short"
    yield _table(("", ""), _short(facts))
    yield from _model(facts)
    if data is not None and facts.kind == "gallery":
        yield from _balance(data, "faces")
        yield from _sources(facts, data.origin)
    elif data is not None:
        yield from _sources(facts, data.origin)
        yield from _left(data)
        yield from _balance(data)
        yield from _split(data)
        yield from _judged(data)
    if scores is not None:
        yield from _scores(scores)
    if facts.tools:
        yield "## Networks that were used"
        rows = [
            (tool.use, *map(without_paths, (tool.weights.title, tool.weights.licence, tool.weights.trained_on)))
            for tool in facts.tools
        ]
        yield _table(("what for", "weights", "licence", "trained on"), rows)
    yield "## What it is for"
    yield _list(uses(facts))
    yield "## What not to use it for, and its limits"
    yield _list(not_for(facts))
    yield from _made(data)
    yield "## If you are in it"
    yield (
        "Ask whoever gave you this card, or published it. Whoever keeps a copy can remove a person from it, and from "
        "all that was made of it, models included, with `facekit forget NAME`, and has to write this card again "
        "afterwards."
    )


def _front(facts: Facts) -> str:
    """Return the front matter: YAML, of which JSON is a part, so that no name can break out of it."""
    values: dict[str, object] = {"license": hub_licence(facts)}
    is_data = facts.kind == "data set"
    if not is_data:
        metric = "roc_auc" if facts.kind == "embedder" else "accuracy"
        values |= {"library_name": "facekit", "pipeline_tag": _TASKS[facts.kind], "metrics": [metric]}
    else:
        count = facts.data.pictures if facts.data else 0
        size = next((name for most, name in _SIZES if count < most), "n>1M")
        values |= {"pretty_name": visible(facts.title), "size_categories": [size]}
        values |= {"task_categories": ["image-classification"], "annotations_creators": [_annotated(facts.data)]}
    values["tags"] = ["facekit", "face-recognition", "biometric-data"]
    if not is_data and facts.scores is not None and facts.scores.rows:
        values["model-index"] = [_index(facts, facts.scores)]
    lines = (f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in values.items())
    return "\n".join(["---", *lines, "---"])


def _annotated(data: Data | None) -> str:
    """Return in the Hub's words who has said whose face it is."""
    if data is None or not data.judged:
        return "found"
    return "expert-generated" if data.decided else "machine-generated"


def _index(facts: Facts, scores: Scores) -> dict[str, object]:
    metrics = [{"type": row.key, "value": round(row.value, 4)} for row in scores.rows if row.key]
    task, dataset = {"type": _TASKS[facts.kind]}, {"name": visible(scores.on) or "test", "type": "folder"}
    return {"name": visible(facts.title), "results": [{"task": task, "dataset": dataset, "metrics": metrics}]}


def _short(facts: Facts) -> list[tuple[str, str]]:
    data = facts.data
    rows: list[tuple[str, str]] = [("what it is", _WHAT[facts.kind])]
    if data is not None:
        names = counted(len(data.people), "person", "people")
        photos = f", from {counted(data.origin.photos, 'photo')}" if data.origin.photos else ""
        if photos and data.likeness.groups:
            photos += ", some of which show the same (below)"
        what = {"data set": "pictures", "gallery": "faces"}.get(facts.kind, "trained and scored with")
        rows.append((what, f"{data.pictures:,} of {names}{photos}"))
        rows.append(("where from", where_from(facts)))
    rows.append(("licence of the photos", licence(facts)))
    if facts.kind != "data set" and facts.tools:
        networks = {tool.weights.title.partition(" (")[0]: tool.weights.licence for tool in facts.tools}
        listed = "; ".join(f"{without_paths(title)}: {terms}" for title, terms in networks.items())
        rows.append(("licence of the networks", listed))
    if data is not None:
        rows.append(("balance", balance(data, "face" if facts.kind == "gallery" else "picture")))
    if data is not None and data.parts:
        rows.append(("split", _line(data.parts)))
    rows.append(("how right the names are" if facts.kind == "data set" else "how good", _good(facts)))
    rows.append(("first of all", f"{first_limit(facts)} More limits are below."))
    if facts.digest:
        rows.append(("fingerprint", f"{facts.digest}, which changes with the data"))
    return rows


def _good(facts: Facts) -> str:
    """Return in one sentence how good it is: a model by its scores, data by whether the names are right."""
    if facts.scores is not None and facts.scores.rows:
        text = f"{_said(facts.scores.rows[0])} on {facts.scores.on}"
        return f"{text}. {facts.scores.before_cleaning}" if facts.scores.before_cleaning else text
    if facts.kind == "data set" and facts.data is not None:
        return judged(facts.data)
    return dict(facts.model).get(RELIED, "not known: it has not been evaluated")


def _model(facts: Facts) -> Iterator[str]:
    if facts.model:
        yield f"## The {facts.kind}"
        yield _table(("", ""), facts.model)


def _sources(facts: Facts, origin: Origin) -> Iterator[str]:
    yield "## Where the photos come from"
    yield _text(f"{_sentence(where_from(facts))}.")
    yield f"**Licence.** {_text(licence(facts))}"
    for title, counts in (("found by", origin.engines), ("host", origin.hosts), ("licence", origin.licences)):
        if counts:
            yield _counts(title, counts, "photos")
    if origin.photos:
        said = f"The creator is named for {origin.credited:,} of {counted(origin.photos, 'photo')}"
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
    yield _table(("command", "reason", "pictures"), rows) if rows else _text(nothing_left(data))
    if len(rows) > 1:
        yield f"That is {sum(sum(stage.left.values()) for stage in data.stages):,} in all."
    if rows and data.gone:
        yield _text(data.gone)


def _balance(data: Data, what: str = "pictures") -> Iterator[str]:
    yield "## Balance"
    yield _text(f"{_sentence(balance(data, what.removesuffix('s')))}.")
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
    if not groups_of(data):
        yield "By group (gender, age, skin tone): nothing is recorded."
    if data.sides:
        yield _counts("shorter side in pixels", data.sides, "pictures")
    if data.origin.years:
        undated = data.origin.photos - sum(data.origin.years.values())
        years = {**data.origin.years, **({UNKNOWN: undated} if undated > 0 else {})}
        yield _counts("year in which the photo was taken (EXIF)", years, "photos")
    if len(data.kinds) > 1:
        yield _counts("kind of picture", data.kinds, "pictures")


def _split(data: Data) -> Iterator[str]:
    yield "## Split, and photos that are alike"
    if data.parts:
        drawn = "given by the folders that were read" if data.split_given else PROTOCOLS.get(data.protocol, "")
        yield f"{_line(data.parts)}. How it was drawn: {drawn or UNKNOWN}."
    else:
        yield "No split has been drawn."
    yield _list(_alike(data.likeness, bool(data.parts)))


def _alike(likeness: Likeness, split: bool) -> Iterator[str]:
    if not likeness.matchers:
        yield "Photos were not compared with one another: the same photo may be in it more than once."
        return
    with_what = ", ".join(f"by `{stage}`, method {matcher}" for stage, matcher in likeness.matchers.items())
    pairs = f" ({_line(likeness.links)}, counted in pairs)" if likeness.links else ""
    yield (
        f"All photos were compared with one another ({with_what}). {counted(likeness.groups, 'group')} of two or more "
        f"photos show the same{pairs}. The photos of a group always go into the same part of a split."
    )
    if likeness.joined:
        yield f"{counted(likeness.joined, 'picture was', 'pictures were')} left out, being shown in an earlier part."
    if split:
        yield f"Groups whose photos are in more than one part: {likeness.crossing:,}."
    yield (
        "The comparison cannot find photos that were cut down to a small part, turned by a large angle or edited "
        "strongly, nor most photos taken seconds apart."
    )


def _judged(data: Data) -> Iterator[str]:
    yield "## How right the names are"
    yield _text(named_by(data))
    yield _text(judged(data))
    if data.judged:
        yield _counts("found", data.judged, "faces")


def _scores(scores: Scores) -> Iterator[str]:
    yield "## How good it is"
    if not scores.rows:
        yield "It has not been evaluated."
        return
    yield f"Measured on {_text(scores.on)}; in brackets, 95% intervals."
    if scores.beside:
        rows = [(row.name, _value(row), "" if row.beside is None else f"{row.beside:.3f}") for row in scores.rows]
        yield _table(("score", "this embedder", scores.beside), rows)
    else:
        yield _table(("score", "value", "on"), [(row.name, _value(row), row.of) for row in scores.rows])
    yield from map(_text, filter(None, (*scores.notes, scores.verdict)))
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
        yield _table(("share of faces", "value"), [(row.name, _value(row)) for row in scores.open_set])
    if scores.people:
        yield "By person, the worst first:"
        yield _table(("person", "F1", "on"), [(row.name, _value(row), row.of) for row in scores.people], "people")


def _made(data: Data | None) -> Iterator[str]:
    if data is None or not data.stages:
        return
    yield "## How it was made"
    rows = []
    for stage in data.stages:
        options = ", ".join(f"{name} {_plain(value)}" for name, value in options_of(stage.options).items())
        rows.append((stage.name, stage.facekit, f"{stage.kept:,}", options))
    yield _table(("command", "facekit", "pictures after it", "options"), rows)


def _plain(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | bool) else str(value)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


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
