"""What follows from the facts of a card, in sentences: where it comes from, how good it is, what it may be used for.

Whoever reads them has seen neither the data nor facekit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from facekit.base.text import counted
from facekit.report.cards.facts import Data, Facts, Origin, Scores
from facekit.scores.identification import FEW as FEW_LEFT_OUT

UNKNOWN = "not known"

FEW = 20
"""Photos of a person below which a card warns of few."""

_NO_PEOPLE = ("It finds faces", "Those in the training part")
"""How the sentence begins of weights that know nobody from elsewhere."""

_FILES = frozenset({"folder", "archive"})
"""What `found by` says of photos that were given as files."""

_GROUPS = frozenset(
    {"gender", "sex", "age", "age_group", "race", "ethnicity", "skin", "skin_tone", "skin_type", "origin"}
)
"""Targets by which groups of people are told apart."""

_PATH = re.compile(r"(?<![\w/:.])/(?:[^\s/;,()]+/)+(?=[^\s/;,()])")
"""The folders of an absolute path, without its last name. An address begins otherwise."""

_HUB = {
    "cc0": "cc0-1.0",
    "by": "cc-by-4.0",
    "by-sa": "cc-by-sa-4.0",
    "by-nc": "cc-by-nc-4.0",
    "by-nd": "cc-by-nd-4.0",
    "by-nc-sa": "cc-by-nc-sa-4.0",
    "by-nc-nd": "cc-by-nc-nd-4.0",
}
"""A licence as search engines call it -> its identifier on the Hugging Face Hub, where its version is the last one."""


def hub_licence(facts: Facts) -> str:
    """Return what Hugging Face's front matter says of the licence: one that all photos share, `other` or `unknown`."""
    licences = set(facts.data.origin.licences) if facts.data else set()
    if not licences or licences == {UNKNOWN}:
        return "unknown"
    if len(licences) > 1:
        return "other"
    (only,) = licences
    plain = only.lower().removeprefix("cc ").removeprefix("cc-").strip()
    word, _, version = plain.replace(" ", "-").partition("-4.0") if plain.endswith("4.0") else (plain, "", "")
    return _HUB.get(word, "other")


def licence(facts: Facts) -> str:
    """Return in one sentence under which licence the photos are."""
    data = facts.data
    if facts.drawn:
        return "The faces are drawn by facekit; no photo of anybody is in it."
    if data is None or not data.origin.photos:
        return "The licence of the photos is not recorded."
    known = {name: count for name, count in data.origin.licences.items() if name != UNKNOWN}
    unknown = data.origin.licences.get(UNKNOWN, 0)
    listed = ", ".join(f"{name} ({counted(count, 'photo')})" for name, count in known.items())
    if not known:
        return "Not known: no licence is recorded for any photo. Assume that all rights are reserved."
    rest = f"; of {counted(unknown, 'photo')} it is not known: assume that all rights are reserved" if unknown else ""
    each = " `sources.jsonl` names licence and creator of each photo." if facts.kind == "data set" else ""
    return f"{listed}{rest}.{each}"


def where_from(facts: Facts) -> str:
    """Return in one sentence where the photos come from."""
    origin = facts.data.origin if facts.data else Origin()
    if facts.drawn:
        return "drawn by facekit: they show nobody"
    found = {engine: count for engine, count in origin.engines.items() if engine not in {*_FILES, UNKNOWN}}
    given = sum(count for engine, count in origin.engines.items() if engine in _FILES)
    unknown = origin.photos - sum(found.values()) - given
    said = []
    if found:
        by = ", ".join(f"{engine} ({count:,})" for engine, count in found.items())
        hosts = f" at {counted(len(origin.hosts), 'host')}" if origin.hosts else ""
        said.append(f"{counted(sum(found.values()), 'photo')} from the web, found by {by}{hosts}")
    if given:
        said.append(f"{counted(given, 'photo')} given as files, of which it is not recorded where they come from")
    if unknown:
        said.append(f"of {counted(unknown, 'photo')} it is not recorded where they come from")
    return "; ".join(said) or "not recorded"


def balance(data: Data, what: str = "picture") -> str:
    """Return in one sentence how evenly people and groups are represented."""
    if not data.people:
        return "nobody is in it"
    most, least = data.people[0], data.people[-1]
    if most.pictures == least.pictures:
        each = f"{counted(most.pictures, what)} of each person"
        photos = [person.photos for person in data.people if person.photos]
        if photos and min(photos) < max(photos):
            each += f", made from {min(photos):,} to {counted(max(photos), 'photo')}"
    else:
        each = f"from {counted(least.pictures, what)} ({least.name}) to {most.pictures:,} ({most.name}) of a person"
    groups = (
        f"by {', '.join(groups_of(data))} see below" if groups_of(data) else "by gender, age or skin tone not known"
    )
    return f"{each}; {groups}"


def groups_of(data: Data) -> list[str]:
    """Return the targets that say to which group of people a face belongs."""
    return [name for name in data.targets if name.replace("-", "_").lower() in _GROUPS]


def named_by(data: Data) -> str:
    """Return in one sentence where the names come from."""
    engines = set(data.origin.engines)
    if not engines or UNKNOWN in engines:
        return "A name is that of the folder in which a photo was."
    if engines <= _FILES:
        return "A name is that of the folder in which a photo was given."
    return "A name is what was searched for when a photo was found" + (
        ", or that of the folder in which it was given." if engines & _FILES else "."
    )


def judged(data: Data) -> str:
    """Return in one sentence what is known of how right the names are."""
    if not data.judged:
        return "Not known: nobody has checked whether each face is the person it is said to be."
    by = f" by {' and '.join(data.cleaned_with)}" if data.cleaned_with else ""
    found = ", ".join(f"{count:,} {what}" for what, count in data.judged.items())
    return (
        f"A program ({'`clean`'}{by}) judged the faces: {found}. It kept those of the right person; "
        "it can be wrong, and "
        + (
            f"a person decided about {counted(data.decided, 'picture')}."
            if data.decided
            else "no person has looked at what it kept."
        )
    )


def nothing_left(data: Data) -> str:
    """Return what to say where no line says that a picture was left out."""
    if data.gone:
        return data.gone
    if not data.stages:
        return "Not known: facekit did not make this folder, so what its maker left out is not recorded."
    return f"Nothing was left out by {', '.join(f'`{stage.name}`' for stage in data.stages)}."


def options_of(options: Mapping[str, object]) -> dict[str, object]:
    """Return the options of a stage that were set, without the folders of this machine that they name."""
    return {
        name: without_paths(value) if isinstance(value, str) else value
        for name, value in options.items()
        if value is not None
    }


def without_paths(text: str) -> str:
    """Return a text in which absolute paths are the names of the files and folders that they lead to."""
    return _PATH.sub("", text)


def uses(facts: Facts) -> list[str]:
    """Return what it is for, as sentences."""
    people = _people(facts)
    if facts.kind == "gallery":
        return [f"To tell in photos which of the {people} in it is on them, and to say `unknown` of everybody else."]
    if facts.kind == "embedder":
        return [
            "To tell whether two faces are of one person, in photos like those that it was trained on: with "
            "`facekit verify --embedder`, or in a gallery that `facekit enroll --embedder` makes.",
            "It names nobody.",
        ]
    if facts.kind == "model":
        return [
            f"To tell which of the {people} a face is of, in photos like those that it was trained on, and, where it "
            "has a threshold, to say `unknown` of everybody else.",
        ]
    return [
        f"To train and to measure models that tell the {people} in it apart.",
        "To study how cleaning, balancing and splitting change a score.",
    ]


def not_for(facts: Facts) -> list[str]:
    """Return what it must not be used for, and what limits what it says, as sentences."""
    return [*_law(facts), *_of_data(facts, facts.data), *_of_scores(facts, facts.scores), *_of_tools(facts)]


def first_limit(facts: Facts) -> str:
    """Return the limit that is of these data or this model, rather than of all, and that matters most."""
    own = [*_of_scores(facts, facts.scores)] if facts.kind in ("model", "embedder") else []
    return next(iter([*own, *_of_data(facts, facts.data), *_law(facts)]))


def _law(facts: Facts) -> Iterator[str]:
    if facts.drawn:
        yield "The faces are drawn by facekit: a score on them proves nothing about photos of people."
        return
    yield (
        "Do not use it without a legal ground for each person: faces with names are biometric data (GDPR article 9, "
        "and similar laws, such as the Biometric Information Privacy Act of Illinois)."
    )
    yield (
        "Do not use it to watch people in public, nor to infer emotions at work or in schools: the EU AI Act forbids "
        "both."
    )
    yield "Do not decide about a person by it alone. A match is a hint, which somebody has to look at."


def _of_data(facts: Facts, data: Data | None) -> Iterator[str]:
    if data is None:
        return
    if not data.whole:
        yield f"It is not complete: `facekit {data.stages[-1].name}` was stopped before its end; run it again first."
    if not facts.drawn:
        yield from _of_origin(data.origin)
    yield from _balance(data)
    if not groups_of(data):
        yield (
            "Nothing is recorded of gender, age, skin tone or origin, so it is not known how well these groups are "
            "represented, nor whether a score differs among them."
        )
    if data.protocol == "image":
        yield "The split was drawn by picture: copies of one photo are in several parts, so scores are too high."
    crossing = data.likeness.crossing
    if crossing:
        yield f"{counted(crossing, 'group')} of one photo each cross the split: scores on it are too high."
    if data.gone:
        yield data.gone


def _of_origin(origin: Origin) -> Iterator[str]:
    unknown = origin.licences.get(UNKNOWN, 0)
    if unknown or not origin.licences:
        of = (
            f"{unknown:,} of the {counted(origin.photos, 'photo')}"
            if 0 < unknown < origin.photos
            else "any of the photos"
        )
        yield f"Do not publish, sell or pass it on: no licence is recorded for {of}."
    if origin.engines and set(origin.engines) <= _FILES:
        yield "The photos were given as files: where these had been found before is not recorded."
    if origin.ignored_opt_outs:
        yield "Photos were kept though their owners do not want them to be used for training (`--ignore-opt-outs`)."


def _balance(data: Data) -> Iterator[str]:
    counts = [person.photos or person.pictures for person in data.people]
    if not counts:
        return
    few = sum(count < FEW for count in counts)
    if few:
        yield f"{counted(few, 'person has', 'people have')} fewer than {FEW} photos: little can be said of them."
    if max(counts) > 2 * min(counts):
        yield (
            f"People differ in how many photos they have, from {min(counts):,} to {max(counts):,}: a model that learns "
            "from these as they are favours those with many."
        )


def _of_scores(facts: Facts, scores: Scores | None) -> Iterator[str]:
    if facts.left_out is not None and facts.left_out < FEW_LEFT_OUT:
        yield (
            "How often strangers are taken for somebody is a rough estimate: only "
            f"{counted(facts.left_out, 'person', 'people')} could play the stranger, each left out in turn, and "
            f"{FEW_LEFT_OUT} are the least from which a rate can be told."
        )
    if scores is None:
        if facts.kind in ("model", "embedder"):
            yield "It has not been evaluated: nothing is known of how good it is."
        return
    if not scores.gained and scores.verdict:
        yield f"{scores.verdict} Use that instead."
    yield from (f"{banner[:1].upper()}{banner[1:]}." for banner in scores.banners)
    first = scores.rows[0] if scores.rows else None
    if first is not None and first.low is not None and first.high is not None and first.high - first.low > 0.05:
        yield (
            f"The score rests on {first.of}: its 95% interval reaches from {first.low:.3f} to {first.high:.3f}, so "
            "small differences between models cannot be seen."
        )
    if not scores.groups:
        how = "`facekit evaluate-pairs --by`" if facts.kind == "embedder" else "`facekit evaluate --by`"
        yield f"Scores by group, such as gender, were not measured; {how} does that."


def _of_tools(facts: Facts) -> Iterator[str]:
    told = set()
    for tool in facts.tools:
        people, title = without_paths(tool.weights.people.rstrip(".")), without_paths(tool.weights.title)
        title = title.partition(" (")[0]
        if people and not people.startswith(_NO_PEOPLE) and (title, people) not in told:
            told.add((title, people))
            yield f"{title}, which {tool.use}: {people[:1].lower()}{people[1:]}."


def _people(facts: Facts) -> str:
    if facts.data is None:
        return "people"
    return counted(len(facts.data.people), "person", "people")
