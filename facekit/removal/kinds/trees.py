"""A data set: the folder of pictures that a stage writes, with all files beside the labels."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

from facekit.base import files
from facekit.base.contract import FacekitError, Link, Record, Rejection, Source
from facekit.base.parallel import ordered_map
from facekit.base.text import counted
from facekit.dataset import DECISIONS, GROUPS, INFO, MANIFEST, REJECTED, SOURCES, Dataset
from facekit.dataset.folder import check_files, write_links
from facekit.dataset.info import DatasetInfo, Doubts, read_info
from facekit.dataset.lineage import person
from facekit.dataset.listing import read_manifest
from facekit.dataset.records import read_decisions, read_links, read_records, read_rejections, read_sources
from facekit.dataset.spelling import one_label_each
from facekit.dataset.store import Store, is_path
from facekit.removal.kinds import scraping
from facekit.removal.kinds.base import Doing, Gone, Kind, Part
from facekit.removal.looks import look_of
from facekit.removal.targets import Targets, host

OURS = (MANIFEST, REJECTED)


class Trees(Kind):
    """The folders of pictures that stages write."""

    name = "data set"
    written_by: ClassVar = (
        *("facekit.dataset.output", "facekit.dataset.store", "facekit.dataset.folder", "facekit.dataset.info"),
        *("facekit.dataset.decisions", "facekit.commands.review.writer", "facekit.commands.scrape.evidence"),
        *("facekit.commands.scrape.state", "facekit.commands.scrape.summary", "facekit.commands.label"),
    )
    order = 3

    def places(self, folder: Path, entries: Collection[str]) -> Iterator[Path]:
        """A folder with a manifest and what facekit says of it."""
        if INFO in entries and any(name in entries for name in OURS):
            yield folder

    def hides(self, folder: Path, entry: str) -> bool:
        """Labels hold pictures alone."""
        return entry in _labels(folder, _version(folder))

    def names(self, place: Path) -> Iterator[str]:
        """Yield names and labels."""
        held = held_in(place)
        for record in (*held.records, *held.gone):
            yield from (name for name in (record.name, record.label, record.moved_from, person(record)) if name)
        yield from (left.label for left in held.rejected)

    def spread(self, place: Path, targets: Targets) -> None:
        """Add the photos, pictures and addresses that this folder connects with what goes."""
        held = held_in(place)
        for source in held.sources.values():
            targets.add_source(source)
        for record in (*held.records, *held.gone):
            targets.add(record)
        targets.add_linked((link.first, link.second) for link in held.links if link.reason == "same photo")
        for origin in targets.photos & held.sources.keys():
            targets.add_source(held.sources[origin])
        targets.urls.update(scraping.addresses(place, targets))

    def stays(self, place: Path, targets: Targets) -> Iterator[str]:
        """Yield the pictures that stay, by their bytes as the manifest has them."""
        yield from (record.sha256 for record in held_in(place).records if not targets.of(record))

    def plan(self, place: Path, doing: Doing) -> Part | None:
        """Return the pictures that go, and how many lines."""
        targets, held = doing.targets, held_in(place)
        going = [record for record in held.records if targets.of(record)]
        lines = sum(targets.of_rejection(one) for one in held.rejected)
        said = sum(map(targets.of_decision, read_decisions(place / DECISIONS)))
        more = scraping.plan(place, targets)
        counts = {"pictures": len(going), "lines": lines + said, **more, "mentions": _mentions(place, held, targets)}
        counts = {what: count for what, count in counts.items() if count}
        if not counts:
            return None
        named = going + [record for record in held.gone if targets.of(record)]
        return Part(
            self.name, str(place), counts, [_gone(record, held.sources) for record in named], _left(held, targets)
        )

    def remove(self, place: Path, doing: Doing) -> None:
        """Delete the pictures first and their lines last: until then the lines say that the files are facekit's."""
        targets = doing.targets
        check_files(place)
        held = _read(place)
        with Store(place) as store:
            gone = [record for record in held.records if targets.of(record)]
            store.delete({record.path: _digest_at(place, record) for record in gone if is_path(record.path)})
            store.sweep()
        for record in gone:
            if os.path.lexists(place / record.path):
                doing.told[f"{place / record.path} could not be deleted; delete it by hand"] += 1
        scraping.remove(place, targets)
        self._rewrite(place, held, doing)

    def locked(self, place: Path) -> AbstractContextManager[None]:
        """Hold the folder as its stage does."""
        return files.locked(place)

    def _rewrite(self, place: Path, held: Held, doing: Doing) -> None:
        """Write each file beside the labels without what goes; the manifest last."""
        targets = doing.targets
        stay = [source for source in read_sources(place / SOURCES).values() if not targets.has_id(source.origin)]
        _lines(place / SOURCES, (source.to_json() for source in stay))
        links = [link for link in held.links if not {link.first, link.second} & targets.photos]
        write_links(place, links)
        left = [clean_rejection(one, targets) for one in held.rejected if not targets.of_rejection(one)]
        _lines(place / REJECTED, (one.to_json() for one in left))
        _decisions(place / DECISIONS, targets)
        info = read_info(place)
        if info is not None:
            files.replace_file(place / INFO, clean_info(info, doing).to_bytes())
        records = read_records(place / MANIFEST)
        _lines(place / MANIFEST, (clean(one, targets).to_json() for one in records if not targets.of(one)))


@dataclass(frozen=True)
class Held:
    """What a folder says of its pictures."""

    records: list[Record]
    """Those that have a file, where it is now."""
    gone: list[Record]
    """Those whose file is gone: their lines still say something."""
    unlisted: list[str]
    """Files that no line names: somebody else put them there."""
    sources: dict[str, Source]
    links: list[Link]
    rejected: list[Rejection]


def held_in(place: Path) -> Held:
    """Return what a folder says; read once for each state of its manifest."""
    return _kept(place, _version(place))


@lru_cache(maxsize=64)
def _kept(place: Path, _changed: str) -> Held:
    return _read(place)


def _read(place: Path) -> Held:
    """Read what a folder says. Raises FacekitError for lines that facekit would not write."""
    held = read_manifest(place)
    return Held(
        held.records,
        held.gone,
        held.unlisted,
        read_sources(place / SOURCES),
        read_links(place / GROUPS),
        read_rejections(place / REJECTED),
    )


@lru_cache(maxsize=4)
def _labels(place: Path, _changed: str) -> frozenset[str]:
    return frozenset(record.path.partition("/")[0] for record in held_in(place).records)


def digests(place: Path, targets: Targets) -> tuple[str, str]:
    """Return the digest of a data set as it is, and as it will be: what was made of it names the former."""
    held, info = held_in(place), read_info(place) or DatasetInfo()
    records = [replace(record, moved_from=None) for record in held.records]
    if held.unlisted and info.complete:
        records = Dataset.open(place).records
    whole = Dataset(place, one_label_each(records, place), info=info)
    stay = [clean(record, targets) for record in whole.records if not targets.of(record)]
    return whole.digest(), replace(whole, records=stay).digest()


def looks(place: Path, targets: Targets, jobs: int) -> Iterator[int]:
    """Yield the perceptual hashes of the pictures that go: by these they are known when they come back."""
    going = [place / record.path for record in held_in(place).records if targets.of(record)]
    yield from (look for look in ordered_map(look_of, going, jobs) if look is not None)


def clean(record: Record, targets: Targets) -> Record:
    """Return a picture that stays without a word of what goes: a group may be called by a photo that does."""
    if record.group in targets.photos:
        record = replace(record, group=other_group(str(record.group)))
    return record


def other_group(group: str) -> str:
    """Return another name for a group, the same in every folder and in every run."""
    return hashlib.sha256(f"group {group}".encode()).hexdigest()


def clean_rejection(left: Rejection, targets: Targets) -> Rejection:
    """Return the line about a picture that stays without a word of somebody who goes."""
    if targets.has_name(left.like):
        left = replace(left, like=None)
    value = left.value
    if isinstance(value, str) and (targets.has_place(value) or targets.has_id(value) or value in targets.urls):
        left = replace(left, value=None)
    return left


def clean_info(info: DatasetInfo, doing: Doing) -> DatasetInfo:
    """Return what a folder says of itself without a word of somebody who goes."""
    targets = doing.targets
    names = info.options.get("names")
    if isinstance(names, list):
        info = replace(info, options={**info.options, "names": [one for one in names if not targets.has_name(one)]})
    if info.people is not None:
        info = replace(info, people=_without(info.people, targets))
    if isinstance(info.stale, Mapping):
        info = replace(info, stale={path: one for path, one in info.stale.items() if not targets.has_place(path)})
    return replace(info, input=doing.digests.get(info.input or "", info.input))


def _without(people: Doubts, targets: Targets) -> Doubts:
    return replace(
        people,
        nobody=tuple(one for one in people.nobody if not targets.has_name(one)),
        one_person=tuple(pair for pair in people.one_person if not targets.has_name(pair[0], pair[1])),
        names=tuple(one for one in people.names if not targets.has_name(one.name)),
    )


def _mentions(place: Path, held: Held, targets: Targets) -> int:
    """Return how many lines that stay say something of somebody who goes."""
    left = sum(clean_rejection(one, targets) is not one for one in held.rejected if not targets.of_rejection(one))
    groups = sum(record.group in targets.photos for record in held.records if not targets.of(record))
    info = read_info(place)
    return left + groups + int(info is not None and clean_info(info, Doing(targets)) != info)


def _left(held: Held, targets: Targets) -> str:
    """Say which files of somebody who goes are not facekit's, and stay."""
    others = [path for path in held.unlisted if targets.has_place(path)]
    if not others:
        return ""
    what = counted(len(others), "file that facekit did not write stays", "files that facekit did not write stay")
    return f"{what} (the first: {others[0]}); delete by hand what shows the person"


def _gone(record: Record, sources: Mapping[str, Source]) -> Gone:
    source = sources.get(record.origin, Source(record.origin))
    at = host(source.final_url or source.url or "")
    return Gone(record.path, record.sha256, record.origin, source.engine or "", at, source.fetched_at or "")


def _digest_at(place: Path, record: Record) -> str:
    """Return the hash of a picture's bytes as they are: one that was edited by hand shows the same person."""
    with suppress(OSError, FacekitError):
        if not (place / record.path).is_symlink():
            return files.sha256_of(place / record.path)
    return record.sha256


def _decisions(file: Path, targets: Targets) -> None:
    known = read_decisions(file)
    stay = [one for one in known if not targets.of_decision(one)]
    if len(stay) < len(known):
        _lines(file, (one.to_json() for one in stay))


def _lines(file: Path, lines: Iterable[str]) -> None:
    """Write a file again, if it is there."""
    if file.exists():
        files.replace_lines(file, lines)


def _version(place: Path) -> str:
    return " ".join(files.version(place / name) for name in (MANIFEST, SOURCES, REJECTED, GROUPS))
