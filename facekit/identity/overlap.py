"""Which of the pictures that are to be scored a model was trained on: the same file, the same photo, or one like it.

A run keeps of its pictures what its split lists: hashes, origins and groups. They show nothing of a face, so that a
model can be given away with them. Small pictures to compare looks by are not kept, because they would show every
face: whether two pictures show one photo is seen only while the pictures of the training are where they were.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from facekit.base.contract import BadImage, FacekitError, Record, Track, quiet
from facekit.base.files import inside
from facekit.base.text import counted
from facekit.dataset import Dataset, DatasetInfo
from facekit.dataset.groups import components
from facekit.dataset.lineage import TRAIN, VALIDATION
from facekit.identity import embedders
from facekit.identity.embedders.metrics import Embeddings, comparable
from facekit.identity.groups import bytes_at, look
from facekit.identity.likeness import Fingerprint, links, proofs
from facekit.runs import Run
from facekit.runs.pictures import picture_bytes

FILE = "used in training: the same file"
ORIGIN = "used in training: the same origin"
PHOTO = "used in training: looks like the same photo"

_COMPARE = "compare with training"
"""What the progress bar says."""


@dataclass(frozen=True)
class Overlap:
    """What of some pictures the training of a model has used, for fitting it or for choosing its best state."""

    reasons: Sequence[str | None]
    """Of each picture, how that is known; None for one that is new to the model."""
    looked_at: int = 0
    """Photos of the training that were compared by appearance."""
    unseen: int = 0
    """Photos of the training that are gone or have changed, so that only hash and origin could be compared."""
    by_groups: bool = False
    """Whether looks were compared before, when the groups of the split were drawn."""

    def __str__(self) -> str:
        """Say how the pictures were compared with those of the training."""
        if self.by_groups:
            return "by hash and origin, and by appearance, when the groups of the split were drawn"
        if not self.looked_at and self.unseen:
            return f"by hash and origin only: {_gone(self.unseen)}, so copies that look the same are not found"
        if not self.looked_at:
            return "by hash and origin"
        looks = f"by hash and origin, and by appearance with {counted(self.looked_at, 'photo')}"
        return f"{looks}; {_gone(self.unseen)}" if self.unseen else looks

    @property
    def counts(self) -> Counter[str]:
        """Reason -> pictures."""
        return Counter(reason for reason in self.reasons if reason)


def find(
    run: Run,
    root: Path,
    pictures: Dataset,
    skip: str | None = None,
    looks: bool = True,
    jobs: int = 0,
    track: Track = quiet,
    known: Sequence[Fingerprint | None] | None = None,
) -> Overlap:
    """Return which pictures of a data set a run was trained on or validated with.

    `root` is where the run's pictures are; `skip` is a part of its split that is not compared, because it is itself
    what is scored. Nothing is read but files whose hash is the one that the split gives. `known` is what
    `look_at_training` returned before.
    """
    used = _used(run, skip)
    reasons = _by_record(used, pictures.records)
    open_ = [place for place, reason in enumerate(reasons) if reason is None]
    photos = _photos(used)
    if not open_ or not photos:
        return Overlap(reasons)
    if not looks:
        return Overlap(reasons, by_groups=True)
    known = look_at_training(run, root, skip, jobs, track) if known is None else known
    unseen = sum(one is None for one in known)
    if unseen == len(photos):
        return Overlap(reasons, 0, unseen)
    scored = [pictures.records[place] for place in open_]
    new = look(partial(bytes_at, pictures.root), scored, track, jobs, _COMPARE)
    vectors = _vectors(run, root, photos, known, replace(pictures, records=scored), new, jobs, track)
    proved = proofs([*known, *new], vectors, jobs, track)
    number = components(len(known) + len(new), links(proved, range(len(known) + len(new))))
    trained = set(number[: len(known)].tolist())
    for place, group in zip(open_, number[len(known) :].tolist(), strict=True):
        if group in trained:
            reasons[place] = PHOTO
    return Overlap(reasons, len(photos) - unseen, unseen)


def look_at_training(
    run: Run, root: Path, skip: str | None = None, jobs: int = 0, track: Track = quiet
) -> list[Fingerprint | None]:
    """Return the fingerprints of the photos of a training, in order; None for one that is gone or has changed."""
    return look(partial(_used_bytes, root), _photos(_used(run, skip)), track, jobs, _COMPARE)


def unused(
    run: Run,
    root: Path,
    pictures: Dataset,
    jobs: int = 0,
    track: Track = quiet,
    known: Sequence[Fingerprint | None] | None = None,
) -> tuple[Dataset, Counter[str]]:
    """Return the pictures of another data set that a run's training has not used, and the others by reason.

    `root` is where the run's pictures are, `known` what `look_at_training` returned before.
    """
    found = find(run, root, pictures, jobs=jobs, track=track, known=known)
    new = [record for record, reason in zip(pictures.records, found.reasons, strict=True) if reason is None]
    return replace(pictures, records=new), found.counts


def _gone(count: int) -> str:
    return f"{counted(count, 'photo of the training is', 'photos of the training are')} gone or changed"


def _used(run: Run, skip: str | None) -> list[Record]:
    return [record for record in run.split if record.split in (TRAIN, VALIDATION) and record.split != skip]


def _by_record(used: Sequence[Record], scored: Sequence[Record]) -> list[str | None]:
    """Compare what the records say: the bytes, the photo that they come from, and what that belongs to."""
    files = {digest for record in used for digest in (record.sha256, record.id)}
    photos = {name for record in used for name in (record.origin, record.group) if name}

    def reason(record: Record) -> str | None:
        if record.sha256 in files or record.id in files:
            return FILE
        return ORIGIN if record.origin in photos or record.group in photos else None

    return [reason(record) for record in scored]


def _photos(used: Sequence[Record]) -> list[Record]:
    """Return the photos as found; of a copy or a child only where its photo is not among them, one of each."""
    found = [record for record in used if not record.synthetic]
    there = {record.origin for record in found}
    return found + list({record.origin: record for record in used if record.origin not in there}.values())


def _used_bytes(root: Path, record: Record) -> bytes:
    try:
        return picture_bytes(inside(root, record.path), record.sha256)
    except FacekitError as error:  # named outside its folder
        raise BadImage(str(error)) from None


def _vectors(
    run: Run,
    root: Path,
    photos: Sequence[Record],
    known: Sequence[Fingerprint | None],
    scored: Dataset,
    new: Sequence[Fingerprint | None],
    jobs: int,
    track: Track,
) -> Embeddings | None:
    """Return the embeddings of what could be read, of a linear head on an embedder, whose cache has them anyway."""
    backbone = embedders.backbone_of(run)
    if backbone is None:
        return None
    embedder = embedders.load(backbone)
    readable = [record for record, one in zip(photos, known, strict=True) if one is not None]
    trained = Dataset(root, readable, info=DatasetInfo(crop=run.info.crop))
    rows = np.full((len(known) + len(new), embedder.dimensions), np.nan, np.float32)
    seen = [place for place, one in enumerate(known) if one is not None]
    rows[seen] = embedders.embed_dataset(trained, backbone, track, jobs).vectors
    rows[len(known) :] = embedders.embed_dataset(scored, backbone, track, jobs).vectors
    return comparable(rows, embedder.metric)
