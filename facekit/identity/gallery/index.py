"""The embeddings of a gallery in a memory map, derived from the store and brought up to date whenever it is opened.

A folder `index` beside the store holds `state.json` and, of each build, one file of embeddings and one of their slots.
Rows are only added at the end; those of removed faces are overwritten with zeros. Past half of them it is built again,
in files of another name, so that a process which still reads the old ones is not disturbed.
"""

from __future__ import annotations

import hashlib
import logging
import mmap
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facekit.base import weights
from facekit.base.contract import FacekitError
from facekit.base.files import json_bytes, locked, read_json, replace_file
from facekit.base.opening import guarded, open_regular
from facekit.identity.gallery.rowvalues import LARGEST
from facekit.identity.gallery.store import Store
from facekit.identity.gallery.values import Rows

FOLDER, STATE = "index", "state.json"

CHECKED = 64 << 20
"""Bytes of embeddings up to which their digest is checked whenever a gallery is opened."""

log = logging.getLogger(__name__)

Vectors = NDArray[np.float32]
Slots = NDArray[np.int64]


@dataclass(frozen=True)
class State:
    """What an index is of: `state.json`."""

    gallery: str
    build: int
    generation: int
    rows: int
    dimensions: int
    digest: str
    live: int
    """Rows that are not zeros."""


@dataclass(frozen=True)
class Index:
    """The embeddings of every face of one generation."""

    vectors: Vectors
    """Shape (rows, dimensions), those of removed faces zeros; usually a memory map."""
    places: Slots
    """The row of each face of `rows`, in its order."""
    rows: Rows


def load(store: Store, folder: Path | None) -> Index:
    """Return the index of a store as it is now; where none can be written, one in memory.

    `folder` is the gallery's; None keeps nothing on disk. Raises FacekitError where the store cannot be read.
    """
    if folder is not None:
        try:
            with _held(folder) as place:
                rows = store.rows()
                state = _brought_up(store, rows, place)
                return _mapped(rows, state, place)
        except (OSError, FacekitError) as error:
            log.info("%s: the index cannot be kept on disk (%s); it is built in memory", folder, error)
    rows = store.rows()
    slots, vectors = _all(store, -1)
    return _indexed(rows, slots, vectors)


def faults(store: Store, folder: Path | None) -> list[str]:
    """Return what is wrong with the index on disk, in words. Nothing where there is none: it is built when needed."""
    if folder is None:
        return []
    place = folder / FOLDER
    state = _state(place, store)
    if state is None or state.generation != store.generation:
        return []
    return [] if _digest(place, state) == state.digest else [f"{place} is not what the gallery says; it is built again"]


def drop(folder: Path | None) -> None:
    """Delete an index, so that it is built again."""
    if folder is None:
        return
    place = folder / FOLDER
    for file in _files(place):
        with suppress(OSError):
            file.unlink()


class _held:
    """Hold the folder of an index alone: another process that brings it up to date is waited for."""

    def __init__(self, folder: Path) -> None:
        self._place = folder / FOLDER

    def __enter__(self) -> Path:
        if self._place.is_symlink():
            raise FacekitError(f"{self._place} is a symbolic link; a gallery has none, so delete it")
        self._place.mkdir(mode=0o700, exist_ok=True)
        weights.keep_private(self._place)
        if not os.access(self._place, os.W_OK):
            raise PermissionError(13, "it is read-only")
        self._lock = locked(self._place, wait=True)
        self._lock.__enter__()
        return self._place

    def __exit__(self, *about: object) -> None:
        self._lock.__exit__(None, None, None)


def _brought_up(store: Store, rows: Rows, place: Path) -> State:
    state = _state(place, store)
    if state is not None and _sound(place, state):
        if state.generation == rows.generation:
            return state
        if state.generation < rows.generation and 2 * len(rows.slots) >= state.rows:
            return _extended(store, rows, place, state)
    return _built(store, rows, place, state)


def _built(store: Store, rows: Rows, place: Path, before: State | None) -> State:
    build = before.build + 1 if before is not None else 1 + max((_build_of(file) for file in _files(place)), default=0)
    state = State(store.about.id, build, rows.generation, 0, store.about.embedder.dimensions, "", 0)
    for file in (_vectors(place, build), _slots(place, build)):
        replace_file(file, b"", private=True)
    return _extended(store, rows, place, state)


def _extended(store: Store, rows: Rows, place: Path, state: State) -> State:
    """Append what is new, blank what is gone, and note it; a kill before the note leaves a digest that is wrong."""
    known = _read_slots(place, state)
    count = len(known)
    with _open(_vectors(place, state.build)) as vectors, _open(_slots(place, state.build)) as slots:
        vectors.truncate(4 * state.dimensions * count)
        slots.truncate(8 * count)
        for row in np.flatnonzero(~np.isin(known, rows.slots)):
            vectors.seek(4 * state.dimensions * int(row))
            vectors.write(bytes(4 * state.dimensions))
        vectors.seek(0, os.SEEK_END)
        slots.seek(0, os.SEEK_END)
        last = int(known[-1]) if count else -1
        for some, block in store.vectors(last):
            wanted = np.isin(some, rows.slots)
            slots.write(np.asarray(some[wanted], "<i8").tobytes())
            vectors.write(np.asarray(block[wanted], "<f4").tobytes())
            count += int(wanted.sum())
    new = State(state.gallery, state.build, rows.generation, count, state.dimensions, "", len(rows.slots))
    new = State(**{**vars(new), "digest": _digest(place, new)})
    replace_file(place / STATE, json_bytes(new), private=True)
    for file in _files(place):
        if file.name != STATE and _build_of(file) != state.build:
            file.unlink(missing_ok=True)
    return new


def _mapped(rows: Rows, state: State, place: Path) -> Index:
    slots = _read_slots(place, state)
    if not state.rows:
        return _indexed(rows, slots, np.empty((0, state.dimensions), np.float32))
    with open_regular(_vectors(place, state.build), follow=False) as file:
        held = mmap.mmap(file.fileno(), 4 * state.dimensions * state.rows, access=mmap.ACCESS_READ)
    return _indexed(rows, slots, np.frombuffer(held, "<f4").reshape(state.rows, state.dimensions))


def _indexed(rows: Rows, slots: Slots, vectors: Vectors) -> Index:
    places = np.searchsorted(slots, rows.slots)
    if len(rows.slots) and not (places.max() < len(slots) and (slots[places] == rows.slots).all()):
        raise FacekitError("the gallery changed while it was read; try again")
    return Index(vectors, np.asarray(places, np.int64), rows)


def _all(store: Store, after: int) -> tuple[Slots, Vectors]:
    blocks = list(store.vectors(after))
    if not blocks:
        return np.empty(0, np.int64), np.empty((0, store.about.embedder.dimensions), np.float32)
    return np.concatenate([one[0] for one in blocks]), np.concatenate([one[1] for one in blocks])


def _state(place: Path, store: Store) -> State | None:
    """Return what the index on disk is of; None where there is none, or it is another gallery's or broken."""
    try:
        state = read_json(place / STATE, State)
    except (OSError, FacekitError):
        return None
    ours = state.gallery == store.about.id and state.dimensions == store.about.embedder.dimensions
    return state if ours and 0 <= state.rows < 2**40 and 0 < state.build < 2**40 else None


def _sound(place: Path, state: State) -> bool:
    """Whether the files have the sizes that they must have, and, of small ones, the bytes."""
    size = 4 * state.dimensions * state.rows
    try:
        for file, least in ((_vectors(place, state.build), size), (_slots(place, state.build), 8 * state.rows)):
            if file.is_symlink() or not file.is_file() or file.stat().st_size < least:
                return False
        return (size > CHECKED or _digest(place, state) == state.digest) and _plausible(place, state)
    except OSError:
        return False


def _plausible(place: Path, state: State) -> bool:
    """Whether all numbers are some that an embedding may have."""
    with open_regular(_vectors(place, state.build), follow=False) as read:
        for block in _blocks(read, 4 * state.dimensions * state.rows):
            if not (np.abs(np.frombuffer(block, "<f4")) < LARGEST).all():  # NaN is not, either
                return False
    return True


def _digest(place: Path, state: State) -> str:
    found = hashlib.blake2b(digest_size=16)
    for file, size in (
        (_slots(place, state.build), 8 * state.rows),
        (_vectors(place, state.build), 4 * state.dimensions * state.rows),
    ):
        with open_regular(file, follow=False) as read:
            for block in _blocks(read, size):
                found.update(block)
    return found.hexdigest()


def _blocks(read: object, size: int) -> Iterator[bytes]:
    while size > 0 and (block := read.read(min(size, 1 << 22))):  # type: ignore[attr-defined]
        size -= len(block)
        yield block


def _read_slots(place: Path, state: State) -> Slots:
    with open_regular(_slots(place, state.build), follow=False) as file:
        found = np.frombuffer(file.read(8 * state.rows), "<i8").astype(np.int64)
    if len(found) != state.rows or (np.diff(found) <= 0).any():
        raise FacekitError(f"{place} is not what facekit writes; delete that folder, and it is made again")
    return found


def _open(file: Path):  # type: ignore[no-untyped-def]
    with guarded(file):
        return os.fdopen(os.open(file, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC), "r+b")


def _vectors(place: Path, build: int) -> Path:
    return place / f"vectors-{build}.f32"


def _slots(place: Path, build: int) -> Path:
    return place / f"slots-{build}.i64"


def _files(place: Path) -> list[Path]:
    if not place.is_dir():
        return []
    return [*place.glob("vectors-*.f32"), *place.glob("slots-*.i64"), *place.glob(STATE)]


def _build_of(file: Path) -> int:
    number = file.stem.partition("-")[2]
    return int(number) if number.isascii() and number.isdigit() and len(number) < 13 else 0
