"""What an earlier run left in a stage's output folder, and whether this run may continue it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from facekit.base import files
from facekit.base.contract import FacekitError, Link, Record, Rejection, Source, replace
from facekit.base.opening import no_folder
from facekit.base.text import counted
from facekit.dataset.groups import links_about
from facekit.dataset.info import INFO, DatasetInfo
from facekit.dataset.listing import match_files, read_manifest, scan
from facekit.dataset.reasons import REMOVED
from facekit.dataset.records import (
    DECISIONS,
    GROUPS,
    MANIFEST,
    REJECTED,
    SOURCES,
    read_links,
    read_records,
    read_rejections,
    read_sources,
)
from facekit.dataset.store import OWN, Store, is_path

BESIDE = {*OWN, DECISIONS, "summary.csv"}
"""The files that may stand beside the labels' folders."""

Key = tuple[str, str]


@dataclass
class Earlier:
    """What earlier runs made, as a person has since left it."""

    records: dict[Key, Record] = field(default_factory=dict)
    rejected: list[Rejection] = field(default_factory=list)
    """What they left out, and what a person has removed since."""
    sources: dict[str, Source] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)
    moved: bool = False
    """Whether a person has moved or removed anything."""


def key(record: Record) -> Key:
    """Return what a stage knows its picture by, wherever a person has moved it: label as made, and id."""
    return record.moved_from or record.label, record.id


def check_places(output: Path, source: Path | None) -> None:
    """Refuse an output that is a file, or that lies in its own input or around it. Raises FacekitError."""
    if output.exists() and not output.is_dir():
        raise FacekitError(f"{no_folder(output)}; choose a folder to write")
    if source is None:
        return
    inner, outer = output.resolve(), source.resolve()
    if inner == outer or inner.is_relative_to(outer) or outer.is_relative_to(inner):
        raise FacekitError(f"{output} and the input {source} overlap: one is inside the other; choose another output")


def check_files(root: Path) -> None:
    """Refuse a folder in which a file of facekit's is a symbolic link, or no file at all. Raises FacekitError."""
    for path in (root / name for name in OWN):
        if path.is_symlink():
            raise FacekitError(
                f"{path} is a symbolic link, and facekit does not write through links; "
                "replace it with the file itself, or choose another folder"
            )
        if path.exists() and not path.is_file():
            raise FacekitError(f"{path} is not a regular file; move it elsewhere, or choose another folder")


def is_blank(root: Path) -> bool:
    """Whether an earlier run was refused or left everything out: such a folder is as good as a new one."""
    with os.scandir(root) as entries:
        names = {entry.name for entry in entries if not entry.name.startswith(".")}
    manifest = root / MANIFEST
    return names <= BESIDE and not (manifest.exists() and manifest.stat().st_size)


def read_earlier(root: Path, stage: str) -> Earlier:
    """Read what earlier runs made in a folder. Raises FacekitError for lines that facekit would not write."""
    held = read_manifest(root)
    records = {key(record): record for record in held.records}
    rejected = read_rejections(root / REJECTED)
    # What was removed and is there again has been put back.
    rejected = [r for r in rejected if r.reason != REMOVED or (r.label, r.id) not in records]
    known = {(r.label, r.id) for r in rejected if r.reason == REMOVED}  # a kill can fall between the two files
    rejected += [_removed(stage, record) for record in held.gone if key(record) not in known]
    return Earlier(records, rejected, read_sources(root / SOURCES), read_links(root / GROUPS), held.moved)


def repair(store: Store, complete: bool) -> None:
    """Drop what a kill left half written, so that lines can be appended."""
    for name in (MANIFEST, SOURCES, REJECTED):
        files.drop_torn_line(store.root / name)
    if not complete:
        store.sweep()


def reset(root: Path) -> None:
    """Empty what says what was made; the manifest stays, because it says that facekit may write here."""
    if (root / MANIFEST).exists():
        files.replace_file(root / MANIFEST, b"")
    for name in (SOURCES, REJECTED, GROUPS):
        files.delete(root / name)


def clear(store: Store, info: DatasetInfo | None) -> None:
    """Delete what the manifest names, and the lines themselves; nothing else.

    What a person decided stays: it cost hours, and it goes by the photo, not by what was made of it.
    Raises FacekitError without a manifest, and for pictures that a person has changed, before anything is deleted.
    """
    root = store.root
    if info is None or not (root / MANIFEST).exists():
        name = INFO if info is None and (root / MANIFEST).exists() else MANIFEST
        raise FacekitError(f"{root} has no {name}, so what --overwrite may delete is not known; choose another folder")
    made = {record.path: record.sha256 for record in read_manifest(root).records}
    changed = [path for path, digest in made.items() if not store.is_as_written(path, digest)]
    if changed:
        raise FacekitError(
            f"{root}: {counted(len(changed), 'picture has', 'pictures have')} changed since facekit wrote this folder "
            f"(the first: {changed[0]}); move what has changed elsewhere or delete it, then run the same command again"
        )
    files.replace_file(root / INFO, replace(info, complete=False, stale=made).to_bytes())
    store.delete(made)
    reset(root)


def with_labels(records: list[Record], there: Mapping[Key, Record], names: Sequence[str]) -> list[Record]:
    """Return a new plan with what `label` wrote on the pictures that are there: their values of these targets."""
    if not names:
        return records
    said = {
        one: {name: value for name, value in (r.targets or {}).items() if name in names} for one, r in there.items()
    }
    return [
        replace(record, targets={**(record.targets or {}), **labels}) if (labels := said.get(key(record))) else record
        for record in records
    ]


def _some(targets: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    return {name: value for name, value in targets.items() if name in names}


def write_lines(
    root: Path,
    records: Sequence[Record],
    rejections: Sequence[Rejection],
    sources: Mapping[str, Source],
    links: Sequence[Link],
) -> None:
    """Write what a complete folder says: of the sources and links, those of the photos that its pictures come from."""
    origins = dict.fromkeys(record.origin for record in records)
    known = [sources[origin] for origin in origins if origin in sources]
    files.replace_lines(root / SOURCES, (source.to_json() for source in known))
    write_links(root, links_about(links, origins))
    files.replace_lines(root / REJECTED, (rejection.to_json() for rejection in rejections))
    files.replace_lines(root / MANIFEST, (record.to_json() for record in records))


def write_links(root: Path, links: Sequence[Link]) -> None:
    """Write why photos share a group; a folder without such has no file of it."""
    if links or (root / GROUPS).exists():
        files.replace_lines(root / GROUPS, (link.to_json() for link in links))


def finish_deleting(store: Store, info: DatasetInfo) -> None:
    """Go on with the deletions that a kill interrupted: `dataset.json` named them before the first.

    The manifest still names each of them, because its lines go last. What it does not name stays, whatever
    `dataset.json` says: that may come from a stranger.
    """
    if not info.stale:
        return
    root = store.root
    listing = scan(root)
    lines = read_records(root / MANIFEST, listing.outside)
    # With what is deleted already, so that a picture that a hand had moved is found where it was then.
    held = match_files(lines, sorted({*listing.files, *filter(is_path, info.stale)}))
    doomed = [record for record in held.records if _is_stale(record, info.stale)]
    store.delete({record.path: record.sha256 for record in doomed})
    gone = {key(record) for record in doomed}
    files.replace_lines(root / MANIFEST, (record.to_json() for record in lines if key(record) not in gone))


def _is_stale(record: Record, stale: Mapping[str, str] | Sequence[str]) -> bool:
    """Whether a picture is being deleted; version 0.1.0 named the paths only, and the manifest has the hashes."""
    return record.path in stale and (not isinstance(stale, Mapping) or stale[record.path] == record.sha256)


def _removed(stage: str, record: Record) -> Rejection:
    return replace(Rejection.of(stage, record, REMOVED), parent=record.parent)
