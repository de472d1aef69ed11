"""Find what facekit wrote in the folders that were given, and what of it goes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from facekit.base.contract import FacekitError
from facekit.base.opening import no_folder
from facekit.options.galleries import is_database
from facekit.removal.kinds import registry
from facekit.removal.kinds.base import Doing, Kind, Part
from facekit.removal.kinds.galleries import Galleries
from facekit.removal.targets import Targets

MOST_DEEP = 64
"""Folders inside one another that are looked into."""


@dataclass(frozen=True)
class Place:
    """A thing that facekit wrote, and what kind it is of."""

    kind: Kind
    path: Path


def places(roots: Sequence[str]) -> list[Place]:
    """Return all that facekit wrote in some folders, and in the cache; no link is followed.

    Raises FacekitError for a folder that is not there, and for one in which nothing is facekit's.
    """
    found: list[Place] = []
    for root in roots:
        here = _in_database(root) if is_database(root) else list(_below(_folder(root)))
        if not here:
            raise FacekitError(
                f"{root} holds nothing that facekit wrote, and nothing else is touched; give folders that facekit made"
            )
        found += here
    for kind in registry.KINDS:
        found += [Place(kind, path) for path in kind.elsewhere()]
    unique = {(place.kind.name, str(place.path)): place for place in found}
    return sorted(unique.values(), key=lambda place: (place.kind.order, str(place.path)))


def spread(found: Sequence[Place], targets: Targets) -> None:
    """Let each place add what it knows, until none knows more."""
    before = -1
    while targets.size != before:
        before = targets.size
        for place in found:
            place.kind.spread(place.path, targets)


def stays(found: Sequence[Place], targets: Targets) -> frozenset[str]:
    """Return the SHA-256 of every picture that some place knows and that stays."""
    known = {sha256 for place in found for sha256 in place.kind.stays(place.path, targets)}
    return frozenset(known - targets.files - targets.photos)


def plan(found: Sequence[Place], doing: Doing) -> list[tuple[Place, Part]]:
    """Return what goes from each place in which anything does. Networks that began with others come after these."""
    parts: dict[tuple[str, str], tuple[Place, Part]] = {}
    learned = -1
    while learned != len(doing.learned):  # a network may have begun with one that was looked at later
        learned = len(doing.learned)
        for place in found:
            part = place.kind.plan(place.path, doing)
            if part is not None:
                parts[place.kind.name, str(place.path)] = (place, part)
    return sorted(parts.values(), key=lambda pair: (pair[0].kind.order, str(pair[0].path)))


def of(kind: str, path: str) -> Place:
    """Return a place that the journal names. Raises FacekitError for a kind that this facekit does not know."""
    if kind not in registry.BY_NAME:
        raise FacekitError(f"{path} is a {kind}, which this facekit does not know; finish with the facekit that began")
    return Place(registry.BY_NAME[kind], Path(path))


def _folder(root: str) -> Path:
    path = Path(root)
    if not path.is_dir():
        raise FacekitError(f"--in: {no_folder(path)}; give a folder that facekit made")
    return path.resolve()


def _in_database(root: str) -> list[Place]:
    kind = next(kind for kind in registry.KINDS if isinstance(kind, Galleries))
    return [Place(kind, Path(root))]


def _below(folder: Path, depth: int = 0) -> Iterator[Place]:
    """Yield the things that a folder is, those that lie in it, and those below it."""
    try:
        with os.scandir(folder) as entries:
            held = sorted(entries, key=lambda one: one.name)
    except PermissionError:
        raise FacekitError(
            f"{folder} cannot be read, so it is not known who is in it; change its permissions"
        ) from None
    names = {entry.name for entry in held}
    here = [Place(kind, path) for kind in registry.KINDS for path in kind.places(folder, names)]
    yield from here
    if depth >= MOST_DEEP:
        return
    kinds = {place.kind for place in here}
    for entry in held:
        if entry.is_dir(follow_symlinks=False) and not any(kind.hides(folder, entry.name) for kind in kinds):
            yield from _below(Path(entry.path), depth + 1)
