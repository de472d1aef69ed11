"""An objective learned: what an embedder is fitted to, and how that is measured."""

from __future__ import annotations

from collections.abc import Callable

from facekit.base.contract import Track
from facekit.dataset.lineage import TRAIN, VALIDATION
from facekit.networks.backend import Model
from facekit.options.train import Train
from facekit.runs import Run
from facekit.training.checkpoint import Checkpoint
from facekit.training.labels import class_indices
from facekit.training.loop import Fitting, augmented, train_epochs
from facekit.training.objectives.feed import ObjectiveFeed
from facekit.training.objectives.model import loss_of, with_objective
from facekit.training.objectives.watching import Ranked, Sample
from facekit.training.pack import Pack
from facekit.training.plan import EpochWatch

Begin = Callable[[Model, ObjectiveFeed], None]
"""Gives a model, before its first epoch, weights that follow from the data."""


def learn_objective(
    net: Model,
    packed: Pack,
    run: Run,
    checkpoint: Checkpoint,
    options: Train,
    track: Track,
    watch: EpochWatch | None = None,
    begin: Begin | None = None,
) -> None:
    """Train an embedder on the people of a pack, as `train_epochs` does."""
    rows, people = class_indices(packed.records, TRAIN, run.targets)
    feed = ObjectiveFeed(packed, rows, people[:, 0], options)
    embedder = augmented(net, options.augment_strength) if options.light_augment else net
    model = with_objective(embedder, len(run.labels), options)
    if begin is not None and not checkpoint.epochs:
        begin(model, feed)
    train, held_out = (Sample.of(packed.records, part) for part in (TRAIN, VALIDATION))
    # How large a loss is says nothing: it grows with the scale and the margin.
    ranked = Ranked(net, packed, train, held_out, options.batch)
    fitting = Fitting(net, model, feed, loss_of(options), measures=[ranked])
    train_epochs(fitting, run, checkpoint, options, track, watch)
