"""The trainer of `--network`: a network of the run's own, trained until it is as good as asked or out of epochs."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property

from facekit import runs
from facekit.base import plugins
from facekit.base.cluster.client import hired
from facekit.base.contract import FacekitError, Track
from facekit.base.files import delete
from facekit.base.text import counted
from facekit.dataset.lineage import TRAIN, VALIDATION
from facekit.dataset.targets import value
from facekit.identity.split import Split
from facekit.networks import backend, check_size
from facekit.networks.assembly import parameters
from facekit.networks.backend import Model
from facekit.options.train import Train
from facekit.runs import Counts, Run, Target, pretrained
from facekit.training import openset, together
from facekit.training.checkpoint import Checkpoint
from facekit.training.ending import complete
from facekit.training.labelled import learn_labels
from facekit.training.labels import missing_labels, none_left
from facekit.training.loop import build_network
from facekit.training.pack import Pack, pack
from facekit.training.plan import Plan
from facekit.training.schedule import why_over

log = logging.getLogger(__name__)


class Network:
    """The trainer of `--network`."""

    def __init__(self, options: Train) -> None:
        """Raises FacekitError for a network that is not registered, a size too small for it, and a missing extra."""
        self.needs_validation = options.monitor.startswith("val_")
        self._options = options
        if options.tensorboard:
            plugins.need("tensorboard", "--tensorboard")
        plugins.load("network", options.network)
        check_size(options.network, options.size)

    def load(self, run: Run | None) -> None:
        """Load the weights to begin with, unless the run has its own by now. Raises FacekitError."""
        if self._options.deterministic:
            backend.compute_alike()
        if run is None or not Checkpoint.open(run.folder / runs.CHECKPOINT).epochs:
            _ = self._donor

    @cached_property
    def _donor(self) -> Model | None:
        """A network with the weights to begin with; None without any."""
        return pretrained.donor(self._options)

    def fit(self, plan: Plan, track: Track) -> Run:
        """Train from the last whole epoch on. Raises FacekitError for a training that diverges."""
        options, split = plan.options, plan.split
        checkpoint = Checkpoint.open(options.output / runs.CHECKPOINT) if plan.run else None
        donor = None if checkpoint and checkpoint.epochs else self._donor
        targets = plan.targets
        net = build_network(options, [len(target.labels) for target in targets], donor)
        count = parameters(net)  # before a step freezes some of its layers
        run = plan.run or runs.begin(
            *(options, split.dataset, split.records, split.protocol, options.network),
            left=split.left,
            targets=plan.kept_targets,
        )
        checkpoint, team = checkpoint or Checkpoint(run.folder / runs.CHECKPOINT), together.current()
        if team is not None:
            checkpoint = team.follow(checkpoint)
        if not why_over(options, checkpoint.rows):
            say_how_it_goes_on(plan.run, checkpoint.epochs)
            with packing(run, split, options, track) as packed:
                if team is not None:
                    team.check_pack(packed)
                run = with_counts(run, packed)
                learn_labels(net, packed, run, checkpoint, options, track, plan.watch)
        if team is not None:
            team.part()
            if not team.is_first:
                return run
        return _complete(run, count, checkpoint, plan, track)


def say_how_it_goes_on(run: Run | None, epochs: int) -> None:
    """Log what becomes of a training that was interrupted after so many whole epochs; nothing without one."""
    if run is None:
        return
    if epochs:
        log.info("continuing the interrupted training in %s after epoch %d", run.folder, epochs)
    else:
        log.info("beginning the training in %s again: it was interrupted before its first epoch was done", run.folder)


def with_counts(run: Run, packed: Pack) -> Run:
    """Write into a run how many pictures are used, and how many are left out."""
    used = Counter(record.split for record in packed.records)
    counts = Counts(train=used[TRAIN], validation=used[VALIDATION])
    return run.save(replace(run.info, left={**run.info.left, **packed.left}, used=counts))


@contextmanager
def packing(run: Run, split: Split, options: Train, track: Track) -> Iterator[Pack]:
    """Lay the pictures of training and validation into one memory map, for as long as it is needed."""
    pictures = [*split.part(TRAIN), *split.part(VALIDATION)]
    file = run.folder / runs.PACK
    try:
        with hired(options.cluster, options.jobs) as jobs:
            packed = pack(split.dataset.root, pictures, options.size, file, jobs, track)
        _check(packed, run.targets, options)
        yield packed
    finally:
        delete(file)


def _check(packed: Pack, targets: Sequence[Target], options: Train) -> None:
    """Refuse pictures whose unreadable ones leave a part or a name without any."""
    if packed.left:
        log.warning(
            "%s left out",
            counted(packed.left.total(), "picture cannot be read and is", "pictures cannot be read and are"),
        )
    for target in targets:
        missing = missing_labels(target.labels, packed.records, target.name)
        if missing:
            lost = [(value(one, target.name), one.split, reason) for one, reason in packed.lost]
            why = Counter(reason for label, part, reason in lost if (label, part) == (missing[0], TRAIN))
            raise FacekitError(f"{options.input}: {none_left(missing, why)}")
    if options.monitor.startswith("val_") and not any(record.split == VALIDATION for record in packed.records):
        raise FacekitError(f"{options.input}: no picture of the validation part can be read; give readable ones")


def _complete(run: Run, count: int, checkpoint: Checkpoint, plan: Plan, track: Track) -> Run:
    """Keep the best epoch's weights, and what they make of the faces that training did not see."""
    options, split = plan.options, plan.split
    checkpoint.export(run.folder / runs.WEIGHTS)
    info = openset.add(run, options, openset.network_faces(split, options, track))
    info = openset.tempered(info, openset.network_temperatures(run, split, options, track))
    return complete(run, info, checkpoint, options, count)
