"""Pictures for training, decoded once: one memory map of uint8 at the training size."""

from __future__ import annotations

import io
import logging
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facekit.base.contract import BadImage, FacekitError, Record, Track, quiet
from facekit.base.files import guarded
from facekit.base.opening import open_new
from facekit.base.parallel import Jobs, must_see
from facekit.base.text import counted
from facekit.networks.inputs import decoded

log = logging.getLogger(__name__)

Pixels = NDArray[np.uint8]
"""RGB pictures, shape (n, size, size, 3)."""


@dataclass(frozen=True)
class Pack:
    """Decoded pictures: `pixels[i]` is what `records[i]` shows. Embeddings stand there for a frozen network."""

    pixels: Pixels | NDArray[np.float32]
    records: list[Record]
    lost: list[tuple[Record, str]] = field(default_factory=list)
    """The pictures that cannot be read, and why."""

    @property
    def left(self) -> Counter[str]:
        """How many pictures cannot be read, by reason."""
        return Counter(reason for _, reason in self.lost)


def pack(root: Path, records: Sequence[Record], size: int, file: Path, jobs: Jobs = 0, track: Track = quiet) -> Pack:
    """Decode pictures once into `file`, and return them as a memory map that costs no memory.

    The file holds nothing but pixels: it is a cache, to be deleted with the work it serves.
    Raises FacekitError when the disk is too small, before anything is decoded, and when no picture is readable.
    """
    _check_room(file, len(records) * size * size * 3)
    must_see(jobs, root, [record.path for record in records])
    good: list[Record] = []
    lost: list[tuple[Record, str]] = []
    # Written, not mapped, while it grows: a full disk is then an error and not the death of the process.
    with guarded(file), io.BufferedWriter(open_new(file)) as out:
        for record, result in track(decoded(root, records, size, jobs), "pack", total=len(records)):
            if isinstance(result, BadImage):
                lost.append((record, result.reason))
                log.info("%s is left out: %s", root / record.path, result.reason)
                continue
            out.write(result.tobytes())
            good.append(record)
    if not good:
        raise FacekitError(f"{root}: none of {counted(len(records), 'picture')} can be read; give readable pictures")
    return Pack(np.memmap(file, np.uint8, "r", shape=(len(good), size, size, 3)), good, lost)


def _check_room(file: Path, needed: int) -> None:
    free = shutil.disk_usage(file.parent).free
    if free < needed:
        raise FacekitError(
            f"{file.parent} has {free / 1e9:.1f} GB free and the packed pictures need {needed / 1e9:.1f} GB; "
            "free some, or train at a smaller --size"
        )
