"""What a training will do: refused early, before anything is written, and shown by a dry run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from facekit import runs
from facekit.base import plugins
from facekit.base.contract import FacekitError, StaleError, Track, quiet
from facekit.base.files import locked
from facekit.base.text import counted
from facekit.dataset import Dataset, check_places, lineage, protocol
from facekit.dataset.lineage import VALIDATION
from facekit.identity.embedders import backbone_of
from facekit.identity.split import Split, split_dataset
from facekit.identity.split_people import split_people
from facekit.options.base import Value
from facekit.options.common import STRANGER, is_stranger
from facekit.options.objectives import embeds
from facekit.options.targets import IDENTITY
from facekit.options.train import Train
from facekit.options.typed import typed
from facekit.runs import Epoch, Run, Target, renewal
from facekit.training import targets
from facekit.training.labels import missing_labels
from facekit.training.objectives.people import check as check_embedding

log = logging.getLogger(__name__)


EpochWatch = Callable[[Sequence[Epoch]], None]


class Trainer(Protocol):
    """One way to train: a network or a linear head, an embedding or a projection of one."""

    needs_validation: bool
    """Whether the training cannot go without a validation part."""

    def __init__(self, options: Train) -> None:
        """Look at the options alone. Raises FacekitError for what they cannot mean."""
        ...

    def load(self, run: Run | None) -> None:
        """Load the weights to begin with; `run` is the one to go on with. Raises FacekitError without them."""
        ...

    def fit(self, plan: Plan, track: Track) -> Run:
        """Train to the end and return the complete run. The output folder is locked. Raises FacekitError."""
        ...


@dataclass(frozen=True)
class Plan:
    """A training that may begin: by what, on what, and where."""

    options: Train
    trainer: Trainer
    split: Split
    run: Run | None
    """The run to go on with, complete or not; None for a fresh one."""
    targets: tuple[Target, ...] = ()
    """What the model will answer, in the order of its outputs."""
    watch: EpochWatch | None = None
    """Called with all epochs so far once one is kept; what it raises ends the training, which can go on later."""

    @property
    def kept_targets(self) -> tuple[Target, ...]:
        """What the run keeps of them: nothing where it learns identity alone."""
        return () if [one.name for one in self.targets] == [IDENTITY] else self.targets

    @property
    def complete(self) -> bool:
        """Whether there is nothing left to train."""
        return self.run is not None and self.run.complete


def plan(options: Train, split: Split | None = None, track: Track = quiet) -> Plan:
    """Check a training, and return what it will do; nothing is written.

    Without `split` the data set is read from `options.input`, and its split drawn where it has none. A run that goes
    on, or is complete, keeps its own split; the caller compares a split that it hands in with that of the run. Raises
    FacekitError for data that cannot be trained on, a folder that may not be touched, and weights that cannot be
    loaded, and StaleError where the run was begun on other pictures.
    """
    check_places(options.output, options.input)
    trainer: Trainer = plugins.load("trainer", _kind_of_trainer(options))(options)
    _refuse_locked(options)
    run = runs.begun(options)
    complete = run is not None and run.complete
    if not (complete or options.dry_run):
        trainer.load(run)
    if split is None:
        split = _split(options, run, track)
    if not (run is not None and split.records is run.split):
        split = targets.labelled(split, options.learns, options.targets_from)
    if run is not None and run.complete:
        log.info(
            "%s is already trained with these options on these pictures; --overwrite trains it again", options.output
        )
        return Plan(options, trainer, split, run, run.targets)
    if embeds(options):
        check_embedding(split, options)
        return Plan(options, trainer, split, run)
    _check_parts(split, options, trainer.needs_validation)
    return Plan(options, trainer, split, run, targets.targets_of(split, options) if run is None else run.targets)


def options_of(run: Run, data: Path, output: Path, jobs: int, overwrite: bool) -> Train:
    """Return the options that a run was trained with, to train or go on in `output`, on the same pictures in `data`.

    Raises FacekitError for values that options cannot have.
    """
    own: dict[str, Value] = {"input": data, "output": output, "jobs": jobs, "overwrite": overwrite}
    own["backbone"] = backbone_of(run)  # refused where it is no longer what the head was fitted to
    return renewal.options_of(run, own)


def _kind_of_trainer(options: Train) -> str:
    if embeds(options):
        return "projection" if options.backbone else "embedding"
    return "linear" if options.backbone else "network"


def _refuse_locked(options: Train) -> None:
    """Refuse a folder that another process writes: before minutes are spent on reading the pictures."""
    if options.output.is_dir() and not options.dry_run:
        with locked(options.output):
            pass


def _split(options: Train, run: Run | None, track: Track) -> Split:
    dataset = Dataset.open(options.input, track).hashed(track)
    if run is None:
        # What a head stands on sees each face anyway: so its groups are as closely drawn as scores want them later.
        known = options.backbone if options.backbone in plugins.names("embedder") and not options.dry_run else None
        if embeds(options):
            return split_people(dataset, options.split, options.seed, track, known)
        return split_dataset(dataset, options.split, options.split_by, options.seed, track, options.people_from, known)
    _refuse_changed(options, run, dataset)
    return Split(dataset, run.split, run.protocol)


def _refuse_changed(options: Train, run: Run, dataset: Dataset) -> None:
    changed = runs.changes(run, dataset) or _people_changed(run, dataset, options.people_from)
    changed = changed or targets.changed(run.split, dataset, options.learns, options.targets_from)
    if changed:
        began = "trained" if run.complete else "begun"
        raise StaleError(
            f"{dataset.root} has changed since {run.folder} was {began} ({changed})",
            typed(options, overwrite=True, resume=False),
        )


def _people_changed(run: Run, dataset: Dataset, people: Path | None) -> str | None:
    """Return in words how many pictures a table of people says something else of now."""
    if people is None:
        return None
    now = {record.path: lineage.person(record) for record in protocol.with_people(dataset, people).records}
    count = sum(lineage.person(record) != now.get(record.path) for record in run.split)
    return f"{people} has a different person for {counted(count, 'picture')}" if count else None


def _check_parts(split: Split, options: Train, needs_validation: bool) -> None:
    kind = options.kind(split.protocol)
    stranger = next(filter(is_stranger, split.labels), None)
    if kind == "people" and stranger is not None:
        raise FacekitError(
            f"{options.input} has a folder {stranger!r}, but a model of people answers `{STRANGER}` for faces that it "
            "does not know; rename or remove the folder, or give --labels classes"
        )
    if needs_validation and not split.counts[VALIDATION]:
        raise FacekitError(
            f"{options.input} has no validation part to monitor; give --monitor accuracy, "
            + (
                "or add a folder `val`"
                if split.dataset.info.split_given
                else "or a --split whose last share is above 0"
            )
        )
    missing = missing_labels(split.labels, split.records)
    if missing:
        raise FacekitError(
            f"{options.input}: {missing[0]} has no picture in the training part (names without one: {len(missing)}); "
            "draw the split again with `balance --new-split`, or remove the folder"
        )
