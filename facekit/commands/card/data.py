"""The facts of a data set: what its folder says, and the folders that it was made from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from facekit.base import images, provenance
from facekit.base.contract import BadImage, Record, Track
from facekit.base.files import sha256_of
from facekit.base.header import opened
from facekit.base.parallel import ordered_map
from facekit.base.text import counted
from facekit.commands.card.origins import origin_of
from facekit.dataset import MANIFEST, REJECTED, Dataset, by_label
from facekit.dataset.ancestry import Ancestry, Tree
from facekit.dataset.counting import by_kind, by_part, by_side, ranked
from facekit.dataset.groups import group_of
from facekit.dataset.info import DatasetInfo
from facekit.dataset.lineage import crossings
from facekit.dataset.reasons import JOINED
from facekit.dataset.records import read_rejections
from facekit.report.cards.facts import Data, Facts, Likeness, Person, Stage, Tool
from facekit.runs.provenance import of_embedder
from facekit.scores.weights import WeightsCard

_EXIF, _TAKEN = 0x8769, 0x9003
"""Where EXIF says when a photo was taken."""


class _Looked(NamedTuple):
    side: int | None
    year: str | None


def facts(root: Path, jobs: int, track: Track) -> Facts:
    """Return the facts of a folder of pictures. Raises FacekitError for one that cannot be read."""
    dataset = Dataset.open(root, track)
    ancestry = Ancestry(root, strict=True)
    found = gather(dataset, dataset.records, ancestry, jobs, track)
    people = counted(len(found.people), "person", "people")
    made = f", made by `facekit {dataset.info.stage}`" if dataset.info.stage else ", as they were given"
    has_lines = (root / MANIFEST).is_file()
    return Facts(
        kind="data set",
        title=root.resolve().name,
        summary=f"{counted(found.pictures, 'picture')} of {people}{made}.",
        digest=dataset.digest(),
        data=found,
        tools=tools(dataset.info),
        drawn=dataset.info.drawn,
        records=MANIFEST if has_lines else "",
        records_sha256=sha256_of(root / MANIFEST) if has_lines else "",
        suffixes=sorted({Path(record.path).suffix.lower() for record in dataset.records}),
    )


def gather(dataset: Dataset, records: Sequence[Record], ancestry: Ancestry, jobs: int, track: Track) -> Data:
    """Return what is known of pictures of a data set: `records` are its own, or those that a run has split."""
    trees = [*reversed(ancestry.trees), ancestry.own]
    stages = [stage for tree in trees if (stage := _stage(tree, dataset)) is not None]
    looked = _look_at(dataset, records, ancestry, jobs, track)
    years = ranked(one.year for one in looked.values() if one.year is not None)
    return Data(
        pictures=len(records),
        people=people_of(records),
        stages=stages,
        origin=origin_of(dataset, records, ancestry, dict(sorted(years.items()))),
        likeness=_likeness(dataset, records, stages),
        parts=by_part(records),
        kinds=by_kind(records),
        sides=by_side(sorted(one.side for one in looked.values() if one.side is not None)),
        targets=_targets(records),
        protocol=dataset.info.protocol or "",
        split_given=dataset.info.split_given,
        judged=next((t.info.people.found for t in reversed(trees) if t.info.people is not None), {}),
        cleaned_with=dataset.info.recognised_by or ancestry.own.info.recognised_by,
        decided=sum(tree.info.applied for tree in trees),
        whole=dataset.info.complete,
        gone=_gone(ancestry),
    )


def people_of(records: Iterable[Record]) -> list[Person]:
    """Return the pictures by label, the most frequent first."""
    people = [
        Person(
            name=some[0].name,
            pictures=len(some),
            photos=len({record.origin for record in some}),
            parts=by_part(some),
        )
        for some in by_label(records).values()
    ]
    return sorted(people, key=lambda one: (-one.pictures, one.name))


def tools(info: DatasetInfo) -> list[Tool]:
    """Return the networks that decided which pictures are in a folder."""
    found: list[Tool] = []
    crop = info.crop
    names = [crop.detector, crop.verify] if crop is not None and crop.detect else []
    for name in dict.fromkeys(names):
        about = provenance.DETECTORS.get(name)
        if about is not None:
            use = "found the faces" if crop is not None and name == crop.detector else "confirmed that they are faces"
            card = WeightsCard(about.title, about.licence, about.trained_on, about.overlap)
            found.append(Tool(use=use, weights=card))
    for name in info.recognised_by:
        found.append(Tool(use="judged whose faces they are", weights=of_embedder(name, "")))
    return found


def _stage(tree: Tree, dataset: Dataset) -> Stage | None:
    info = tree.info
    if info.stage is None:
        return None
    left = Counter(one.reason for one in read_rejections(tree.root / REJECTED))
    return Stage(
        name=info.stage,
        folder=tree.root.resolve().name,
        facekit=info.facekit or "",
        options=info.options,
        kept=len(dataset.records) if tree.root == dataset.root else len(tree.paths),
        left=dict(left.most_common()),
    )


def _likeness(dataset: Dataset, records: Sequence[Record], stages: Sequence[Stage]) -> Likeness:
    photos: dict[str, set[str]] = {}
    for record in records:
        photos.setdefault(group_of(record), set()).add(record.origin)
    here = {record.origin for record in records}
    links = [link for link in dataset.links if {link.first, link.second} <= here]
    return Likeness(
        groups=sum(len(some) > 1 for some in photos.values()),
        links=ranked(link.reason for link in links),
        joined=sum(stage.left.get(JOINED, 0) for stage in stages),
        crossing=len(crossings(records)),
        matchers=dataset.info.matchers,
    )


def _targets(records: Sequence[Record]) -> dict[str, dict[str, int]]:
    """Return other labels, such as gender: value -> pictures. Who is on a picture, its own label says."""
    names = sorted({name for record in records for name in record.targets or {}} - {"person"})
    return {name: ranked((r.targets or {}).get(name, "not known") for r in records) for name in names}


def _look_at(
    dataset: Dataset, records: Sequence[Record], ancestry: Ancestry, jobs: int, track: Track
) -> dict[str, _Looked]:
    """Return path or origin -> the size of each picture, and the year in which each photo was taken."""
    paths = sorted({record.path for record in records})
    own = {record.origin for record in records if record.origin == record.id}
    elsewhere = {one: file for one in sorted({r.origin for r in records} - own) if (file := ancestry.photo(one))}
    files = {**{path: dataset.root / path for path in paths}, **elsewhere}
    found = ordered_map(_look, files.values(), jobs)
    looked = dict(zip(files, track(found, f"measure {dataset.root.name}", len(files)), strict=True))
    photos = {record.path for record in records if record.origin == record.id}
    return {
        key: _Looked(
            one.side if key not in elsewhere else None, one.year if key in photos or key in elsewhere else None
        )
        for key, one in looked.items()
    }


def _look(file: Path) -> _Looked:
    try:
        data = images.load(file)
        head = images.header(data)
    except BadImage:
        return _Looked(None, None)
    return _Looked(min(head.width, head.height), _year(data))


def _year(data: bytes) -> str | None:
    """Return the year in which a photo was taken, where its EXIF has a sensible one."""
    try:
        with opened(data) as picture:
            said = str(picture.getexif().get_ifd(_EXIF).get(_TAKEN, ""))
    except Exception:  # noqa: BLE001 - garbled EXIF says nothing, and may raise anything
        return None
    year = said[:4]
    return year if year.isascii() and year.isdigit() and "1826" <= year <= "2100" else None


def _gone(ancestry: Ancestry) -> str:
    last = ancestry.trees[-1] if ancestry.trees else ancestry.own
    if last.info.made_from is None:
        return ""
    name = Path(last.info.made_from).name
    return f"The folder {name}, of which it was made, is gone: what was left out before that is not known."
