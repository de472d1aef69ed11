"""The pictures that a run is scored on: a part of its own split, another tree, or a CSV of pictures anywhere."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facekit import runs
from facekit.base.contract import BadImage, FacekitError, Record, Track, quiet, replace
from facekit.base.text import counted, listed
from facekit.dataset import Dataset, DatasetInfo, lineage, protocol, tables
from facekit.dataset.reasons import JOINED
from facekit.dataset.spelling import as_known
from facekit.dataset.targets import value
from facekit.identity import classifier, cleaned, overlap, truth
from facekit.identity.embedders.metrics import Embeddings
from facekit.identity.groups import is_current, warn_of_two
from facekit.identity.overlap import Overlap
from facekit.identity.split import joined_since
from facekit.options.targets import IDENTITY
from facekit.runs import Run, Target
from facekit.runs.head import parted
from facekit.runs.pictures import CHANGED, dataset_of, updated
from facekit.scores.model import Unread

TRAINED_ON = "the model was trained on {} of these {} pictures: this score does not show how well it works on new ones"
KNOWN = (
    "the model was trained on other pictures of {} of these {} people: its own split is by person, but this one is not"
)
SINCE = "{} has changed since the model was trained: this score is of {:,} of {:,} pictures, as they were then"
DRAWN = "these faces are drawn by facekit: the score proves nothing about real faces"

log = logging.getLogger(__name__)


@dataclass
class HeldOut:
    """The pictures to be scored, and the warnings that belong to every score of them."""

    dataset: Dataset
    records: list[Record]
    title: str
    data: Path
    """The folder that they lie in, or the CSV that names them."""
    own: bool
    """Whether they are the run's own."""
    part: str | None = None
    """Of the run's own pictures, which part of its split."""
    banners: list[str] = field(default_factory=list)
    left: Counter[str] = field(default_factory=Counter)
    """Reason -> pictures left out."""
    unread: list[Unread] = field(default_factory=list)
    """Which pictures could not be read."""
    asked_for: list[Record] = field(default_factory=list)
    """The pictures before any was left out because the training used it."""
    overlap: Overlap | None = None
    """How they were compared with what the model was trained on; None where that was what was asked for."""
    favoured: bool = False
    """Whether they were cleaned with the network that is scored."""
    by_image: bool = False
    """Whether they are of a split over files, in which copies of one photo stand on both sides on purpose."""

    @property
    def requested(self) -> bool:
        """Whether it was asked for pictures that the training used, under a banner."""
        return self.own and (self.by_image or self.part in ("train", "all"))


@dataclass(frozen=True)
class Predictions:
    """The pictures that could be read, in order, with the model's probabilities, shape (n, labels)."""

    records: list[Record]
    probabilities: NDArray[np.float32]
    embeddings: Embeddings | None = None
    """What a linear head named them by, shape (n, dimensions); None of a network of the run's own."""

    def of(self, run: Run, target: Target) -> Predictions:
        """Return the answers for one target: of the pictures that have a label that the model knows, and its columns.

        Raises FacekitError where none has.
        """
        if not run.info.targets:
            return self
        places = [place for place, one in enumerate(self.records) if truth.number(target, one) is not None]
        if not places:
            raise FacekitError(
                f"{run.folder}: none of these pictures has a label for {target.name} that the model knows"
            )
        rows = parted(self.probabilities, run.sizes)[run.targets.index(target)]
        if len(places) == len(self.records):
            return replace(self, probabilities=rows)
        vectors = None if self.embeddings is None else self.embeddings[places]
        return Predictions([self.records[place] for place in places], rows[places], vectors)

    def units(self, by: str) -> list[Hashable]:
        """Return what each picture is resampled with: its photo and all that shows the same, or its person."""
        if by == protocol.PERSON:
            return [lineage.person(record) or record.group or record.origin for record in self.records]
        return [record.group or record.origin for record in self.records]


def choose(run: Run, data: Path | None, part: str | None, track: Track) -> HeldOut:
    """Return the pictures to score: a part of the run's own split, also where its folder has moved to, or others.

    `data` is None for the run's own folder, of which only the files are read that the split names; `part` is None for
    test, or for all of other pictures. A part that `data` does not have itself, or that holds names that the model does
    not know, is the one of the run's own split, as far as it lies there. Pictures that the model was trained on are
    among them: see `separate`. Raises FacekitError: its pictures are gone, labels that the model does not know, no such
    part.
    """
    if data is None:
        return _own(run, _of_run(run, part or "test", track), part or "test", track)
    if data.is_file():
        return _others(run, tables.dataset(data, track), data, part or "all")
    dataset = Dataset.open(data, track).hashed(track)
    changed = runs.changes(run, dataset)
    if part is not None and (changed is None or _has_it_of_then(run, dataset, part)):
        return _own(run, dataset, part, track, stale=changed is not None)
    return _others(run, dataset, dataset.root, part or "all")


def separate(
    run: Run, pictures: HeldOut, keep: bool = False, jobs: int = 0, track: Track = quiet, known: Overlap | None = None
) -> None:
    """Leave out the pictures that the model was trained on, or with `keep` say in a banner how many there are.

    `known` is what was found before for the same pictures and split. A part of the run's own split that is itself for
    training is left as it is. Raises FacekitError where nothing remains.
    """
    if pictures.requested:
        return
    among = replace(pictures.dataset, records=pictures.records)
    root = pictures.dataset.root if pictures.own else run.root
    looks = not (pictures.own and _knows_looks(run))
    found = known or overlap.find(run, root, among, pictures.part, looks, jobs, track)
    pictures.overlap = found
    if not found.counts:
        return
    total = len(pictures.records)
    if keep:
        _warn(run, pictures, [TRAINED_ON.format(found.counts.total(), total)])
        return
    pictures.left += found.counts
    pictures.records = [one for one, reason in zip(pictures.records, found.reasons, strict=True) if reason is None]
    log.warning("%s: left out: %s", pictures.data, _listed(found.counts))
    if not pictures.records:
        what = "this picture" if total == 1 else f"all of these {total:,} pictures"
        raise FacekitError(
            f"{pictures.data}: the training of {run.folder} used {what} "
            f"({_listed(found.counts)}); give other pictures, or use --include-training to score these with a warning"
        )


def _knows_looks(run: Run) -> bool:
    """Whether the groups of a split know of every photo that would be found now.

    Those that today's matcher drew do; for a head on an embedder, whose vectors propose more pairs, only if they did.
    """
    matchers = run.info.matchers
    return is_current(matchers) and (run.backbone is None or any("+" in name for name in matchers.values()))


def predict(run: Run, pictures: HeldOut, batch: int, jobs: int, track: Track) -> Predictions:
    """Run the model over the pictures; the unreadable are counted. Raises FacekitError where all are."""
    model = classifier.load(run)
    looked: list[classifier.Looked] = []
    rows: list[classifier.Row] = []
    for one in model.look(pictures.dataset, pictures.records, batch, jobs, track):
        if isinstance(one.row, BadImage):
            pictures.left[one.row.reason] += 1
            pictures.unread.append(Unread(one.record.path, one.row.reason))
            continue
        looked.append(one)
        rows.append(one.row)
    unread = listed([f"{one.path} ({one.reason})" for one in pictures.unread])
    if not rows:
        count = len(pictures.records)
        raise FacekitError(
            f"{pictures.data}: none of {counted(count, 'picture')} can be read: {unread}; give readable pictures"
        )
    if unread:
        what = counted(len(pictures.unread), "picture is", "pictures are")
        log.warning("%s: %s left out: %s", pictures.data, what, unread)
    return Predictions([one.record for one in looked], np.stack(rows), classifier.embeddings(looked))


def warn(run: Run, pictures: HeldOut, trained_on: int, drawn: bool) -> None:
    """Add the warnings that belong to every score of these pictures, and log them."""
    banners = [TRAINED_ON.format(trained_on, len(pictures.records))] if trained_on else []
    before, pictures.banners = pictures.banners, []
    _warn(run, pictures, [*before, *banners, *([DRAWN] if drawn else [])])


def _warn(run: Run, pictures: HeldOut, banners: Sequence[str]) -> None:
    for banner in banners:
        pictures.banners.append(banner)
        log.warning("%s: %s", run.folder, banner)


def _of_run(run: Run, part: str, track: Track) -> Dataset:
    if not run.root.is_dir():
        raise FacekitError(
            f"{run.root}, which {run.folder} was trained on, is gone; use --data to say where its pictures are now"
        )
    return dataset_of(run, run.part(part), track)


def _has_it_of_then(run: Run, dataset: Dataset, part: str) -> bool:
    """Whether a part of the run's own split is what is left to score of a data set that has changed since."""
    if part == "all":  # is all that is there now
        return False
    now = {value(record, run.targets[0].name) or "" for record in dataset.records if record.split == part}
    there = {(record.path, record.sha256) for record in dataset.records}
    return (not now or not now <= set(run.labels)) and any((one.path, one.sha256) in there for one in run.part(part))


def _own(run: Run, dataset: Dataset, part: str, track: Track, stale: bool = False) -> HeldOut:
    wanted = run.part(part)
    if not wanted:
        raise FacekitError(f"the split of {run.folder} has no {part} part; choose another with --part")
    there = {(record.path, record.sha256): record.targets for record in dataset.records}
    records = [updated(run, r, there[r.path, r.sha256]) for r in wanted if (r.path, r.sha256) in there]
    gone = len(wanted) - len(records)
    if not records:
        raise FacekitError(
            f"{dataset.root}: every {part} picture is gone since {run.folder} was trained; "
            "put them back, train again, or give pictures to score with --data"
        )
    found = records
    joined = {(join.left.label, join.left.id) for join in joined_since(run, dataset, part, track)}
    records = [record for record in records if (record.label, record.id) not in joined]
    if not records:
        raise FacekitError(
            f"{run.folder}: every {part} picture repeats a photo of an earlier part of its split; "
            "make the tree again with `balance`, and train again"
        )
    split = "the split that its folders gave" if run.info.split_given else "its own split"
    title = f"the {part} part of {split}" if part != "all" else "its own pictures"
    chosen = HeldOut(dataset, records, title, dataset.root, own=True, part=part, asked_for=found)
    chosen.left += Counter({CHANGED: gone, JOINED: len(joined)})
    if gone or stale:
        chosen.banners.append(SINCE.format(dataset.root, len(wanted) - gone, len(wanted)))
    if run.protocol == protocol.IMAGE:
        chosen.by_image = True
        chosen.banners.append(protocol.BANNER)
    cleaned_with = dict.fromkeys([*run.info.cleaned_with, *dataset.info.recognised_by])
    _favoured(run, chosen, replace(dataset.info, cleaned_with=tuple(cleaned_with)))
    warn(run, chosen, sum(record.split == "train" for record in records), run.info.drawn)
    return chosen


def _others(run: Run, dataset: Dataset, data: Path, part: str) -> HeldOut:
    if run.targets[0].name != IDENTITY:
        return _chosen(run, dataset, data, part)
    dataset = replace(dataset, records=as_known(dataset.records, run.labels))
    unknown = sorted(set(dataset.labels) - set(run.labels))
    if unknown:
        fix = "remove their lines" if data.is_file() else "remove their folders"
        raise FacekitError(f"{data} has names that {run.folder} was not trained on: {listed(unknown)}; {fix}")
    return _chosen(run, dataset, data, part)


def _chosen(run: Run, dataset: Dataset, data: Path, part: str) -> HeldOut:
    records = [record for record in dataset.records if part in ("all", record.split)]
    if not records:
        raise FacekitError(f"{data} has no {part} part; remove --part to score all its pictures")
    warn_of_two(run.folder, run.info.matchers, data, dataset.info.matchers)
    chosen = HeldOut(dataset, records, str(data), data, own=False, asked_for=records)
    if run.protocol == protocol.PERSON:
        chosen.banners += _known_people(run.part("train"), records)
    _favoured(run, chosen, dataset.info)
    warn(run, chosen, 0, dataset.info.drawn)
    return chosen


def _favoured(run: Run, chosen: HeldOut, info: DatasetInfo) -> None:
    if banner := cleaned.favoured(run, info):
        chosen.favoured = True
        chosen.banners.append(banner)


def _known_people(trained: Iterable[Record], records: Iterable[Record]) -> list[str]:
    before, now = ({lineage.person(record) for record in some} - {None} for some in (trained, records))
    return [KNOWN.format(len(before & now), len(now))] if before & now else []


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in counts.most_common())
