"""The photos of a list of pairs, and how far apart an embedder finds them."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics.pairwise import paired_distances

from facekit import runs
from facekit.base import plugins, text
from facekit.base.contract import Embedder, FacekitError, Record, Track
from facekit.base.files import inside
from facekit.base.opening import is_there, no_folder
from facekit.commands.evaluate_pairs.whole import embed_whole
from facekit.dataset import MANIFEST, Dataset, pairlists
from facekit.dataset.pairlists import PairList, People
from facekit.faces.detectors import settled
from facekit.identity import embedders
from facekit.identity.embedders import KIND
from facekit.identity.faces import detector_for
from facekit.options.crop import FaceCrop
from facekit.options.evaluate_pairs import EvaluatePairs
from facekit.runs import Run
from facekit.scores.model import Unread
from facekit.scores.pairs import Pairs

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Subject:
    """What is scored: an embedder by its name or folder, and the run that it was named by."""

    name: str
    run: Run | None = None
    network: Run | None = None
    """The run whose network is the embedder."""

    @classmethod
    def of(cls, named: Path) -> Subject:
        """Read what a command was given: a run's folder, else an embedder's name.

        A run that is a linear head stands for its backbone, one that is an embedder for itself. Raises FacekitError for
        neither.
        """
        known = plugins.names(KIND)
        if named.is_dir():
            run = runs.load(named)
            # By its whole path: a folder that is called like an embedder would be taken for that.
            own = str(named.resolve())
            name = own if run.embeds else embedders.backbone_of(run) or own
            return cls(name, run, runs.load(Path(name)) if name not in known else None)
        if str(named) in known:
            return cls(str(named))
        raise FacekitError(
            f"{named} is neither a folder nor an embedder; give what `train -o` wrote, or one of {', '.join(known)}"
        )

    @property
    def crop(self) -> FaceCrop | None:
        """How the faces were cropped that the embedder's own network learned from; None where it has or knows none."""
        own = self.network is not None and not self.network.backbone and self.network.info.crop is not None
        return self.network.face_crop if own and self.network is not None else None


@dataclass(frozen=True)
class Compared:
    """A list of pairs, and the distance of each, NaN where a photo has no face or cannot be read."""

    listed: PairList
    photos: Dataset
    distances: NDArray[np.float64]
    left: Counter[str]
    """Reason -> photos without a vector."""
    unread: list[Unread]
    """Which photos these are."""

    @cached_property
    def there(self) -> NDArray[np.bool_]:
        """Which pairs have a distance, shape (pairs,)."""
        return np.isfinite(self.distances)

    @property
    def far(self) -> NDArray[np.float64]:
        """The distances that there are."""
        return self.distances[self.there]

    @cached_property
    def all_same(self) -> NDArray[np.bool_]:
        """Which pairs of the list show one person."""
        return np.array([pair.same for pair in self.listed.pairs])

    @property
    def same(self) -> NDArray[np.bool_]:
        """Which pairs with a distance show one person."""
        return self.all_same[self.there]

    @property
    def lost(self) -> NDArray[np.bool_]:
        """Which pairs without a distance show one person."""
        return self.all_same[~self.there]

    @cached_property
    def people(self) -> People:
        """Who the photos show."""
        return pairlists.people(self.listed.pairs)

    def pairs(self) -> Pairs:
        """Return the pairs with a distance, as they are scored."""
        of = self.people.of
        number = {person: place for place, person in enumerate(sorted(set(of.values())))}
        listed = self.listed.pairs
        both = np.array([(number[of[pair.first]], number[of[pair.second]]) for pair in listed])[self.there]
        folds = np.array([pair.fold for pair in listed])[self.there]
        return Pairs(self.far, self.same, both[:, 0], both[:, 1], len(number), folds, self.lost)


def photos_of(listed: PairList, root: Path, track: Track) -> Dataset:
    """Return the photos of a list as a dataset. Of a folder that facekit made, with what it knows of them.

    Raises FacekitError where not one of them is there, and for a path that leads out of the folder.
    """
    if not root.is_dir():
        raise FacekitError(f"{no_folder(root)}; use --data to say where the photos of {listed.file} are")
    known = Dataset.open(root, track) if (root / MANIFEST).exists() else Dataset(root, [])
    lines = {record.path: record for record in known.records}
    paths = listed.photos
    if not any(is_there(root / path) for path in paths):
        raise FacekitError(
            f"none of {text.counted(len(paths), 'photo')} of {listed.file} is in {root}, the first {paths[0]}; "
            "use --data to say where they are"
        )
    for path in paths:
        try:
            inside(root, path)
        except FacekitError as error:
            raise FacekitError(f"{listed.file}: {error}") from None
    return replace(known, records=[lines.get(path) or _plain(path) for path in paths])


def crop_for(options: EvaluatePairs, subject: Subject, photos: Dataset) -> FaceCrop | None:
    """Return how faces are found in the photos; None for photos that are used as they are.

    Those are what `crop` wrote, and all photos for a network that was trained on pictures as they were.
    """
    own = subject.network is not None and not subject.network.backbone
    as_it_is = own and subject.crop is None and options.detector is None
    if not options.detect or photos.info.crop or as_it_is:
        return None
    if subject.crop is not None:
        return subject.crop if options.detector is None else replace(subject.crop, detector=options.detector)
    return settled(FaceCrop(detector=options.detector or detector_for(subject.name, subject.network)))


def compare(
    listed: PairList, photos: Dataset, crop: FaceCrop | None, embedder: Embedder, name: str, track: Track, jobs: int
) -> Compared:
    """Return how far apart the photos of each pair are, with their faces found as `crop` says.

    Without `crop`, the photos are embedded as `clean` and `train --backbone` do it. Raises FacekitError where no pair
    of one person can be compared, or none of two.
    """
    if crop is None:
        embeddings = embedders.embed_dataset(photos, name, track, jobs)
    else:
        embeddings = embed_whole(photos, crop, embedder, name, track, jobs)
    number = {record.path: place for place, record in enumerate(photos.records)}
    first, second = (
        np.array([number[path] for path in side])
        for side in zip(*((pair.first, pair.second) for pair in listed.pairs), strict=True)
    )
    good = np.array([reason is None for reason in embeddings.reasons])
    there = good[first] & good[second]
    left = Counter(reason for reason in embeddings.reasons if reason is not None)
    unread = [Unread(one.path, why) for one, why in zip(photos.records, embeddings.reasons, strict=True) if why]
    if unread:
        named = text.listed([f"{one.path} ({one.reason})" for one in unread])
        what = text.counted(len(unread), "photo is", "photos are")
        log.warning("%s: %s left out: %s", listed.file, what, named)
    same = np.array([pair.same for pair in listed.pairs])
    for kind, which in (("one person", same), ("two people", ~same)):
        if not (there & which).any():
            why = ", ".join(f"{count} {reason}" for reason, count in left.most_common())
            raise FacekitError(
                f"{listed.file}: no pair of {kind} can be compared ({why}); give photos that show a face"
            )
    distances = np.full(len(listed.pairs), np.nan)
    wide = embeddings.vectors.astype(np.float64)
    distances[there] = paired_distances(wide[first[there]], wide[second[there]], metric=embedder.metric)
    return Compared(listed, photos, distances, left, unread)


def _plain(path: str) -> Record:
    """Return the record of a photo that no manifest names: nothing but its path matters."""
    folder = Path(path).parent.name
    return Record(path, "", path, folder, folder, path)
