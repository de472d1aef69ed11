"""The loop over epochs under an objective: an embedder fitted to a pack, from the last whole epoch on."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable

from facekit.base.contract import FacekitError, Track
from facekit.dataset.lineage import TRAIN, VALIDATION
from facekit.networks.assembly import parameters
from facekit.networks.backend import Model, keras
from facekit.networks.blocks import free
from facekit.options.train import Train
from facekit.runs import LOGS, Run
from facekit.training.callbacks import Callbacks, EpochEnd, EpochStart, Progress
from facekit.training.checkpoint import Checkpoint
from facekit.training.labels import class_indices
from facekit.training.loop import adam, augmented
from facekit.training.network import how_it_goes_on
from facekit.training.objectives.feed import ObjectiveFeed
from facekit.training.objectives.model import loss_of, with_objective
from facekit.training.objectives.watching import Finite, Ranked, Sample
from facekit.training.pack import Pack
from facekit.training.plan import EpochWatch
from facekit.training.recalibrate import Recalibrate
from facekit.training.schedule import Step, steps, why_over

Begin = Callable[[Model, ObjectiveFeed], None]
"""Gives a model, before its first epoch, weights that follow from the data."""

log = logging.getLogger(__name__)


def train_epochs(
    net: Model,
    packed: Pack,
    run: Run,
    checkpoint: Checkpoint,
    options: Train,
    track: Track,
    watch: EpochWatch | None = None,
    begin: Begin | None = None,
) -> None:
    """Train an embedder from the checkpoint's last epoch on until it is over; the checkpoint keeps each epoch.

    `watch` is called with all epochs so far once one is kept; what it raises ends the training.
    Raises FacekitError for a training that diverges and a full disk.
    """
    if checkpoint.epochs:
        log.info("%s in %s%s", *how_it_goes_on(checkpoint.epochs, run.folder))
    rows, people = class_indices(packed.records, TRAIN, run.targets)
    feed = ObjectiveFeed(packed, rows, people[:, 0], options)
    model = with_objective(
        augmented(net, options.augment_strength) if options.light_augment else net, len(run.labels), options
    )
    if begin is not None and not checkpoint.epochs:
        begin(model, feed)
    train, held_out = (Sample.of(packed.records, part) for part in (TRAIN, VALIDATION))
    progress = Progress(feed, track, options.epochs - checkpoint.epochs)
    with progress.shown():
        for step in steps(options):
            if checkpoint.epochs >= step.end or why_over(options, checkpoint.rows):
                continue
            _prepare(model, net, step, checkpoint, options)
            callbacks = [progress, EpochStart(options, step, checkpoint), Finite(math.inf, step.rate)]
            callbacks.append(Recalibrate(net, feed, validates=False))
            callbacks.append(Ranked(net, packed, train, held_out, options.batch))
            callbacks.append(EpochEnd(net, run, checkpoint, options, feed.pictures, watch))
            if options.tensorboard:
                callbacks.append(keras.callbacks.TensorBoard(str(run.folder / LOGS), write_graph=False))
            model.fit(
                feed,
                initial_epoch=checkpoint.epochs,
                epochs=step.end,
                callbacks=Callbacks(model, len(feed), callbacks),
                shuffle=False,  # the feed draws its own order
                verbose=0,
            )


def _prepare(model: Model, net: Model, step: Step, checkpoint: Checkpoint, options: Train) -> None:
    """Make the layers of a step trainable, with a fresh optimizer, or the checkpoint's where the step has begun."""
    free(net, step.blocks)
    if not model.trainable_variables:
        raise FacekitError(
            f"{net.name} ends with its embedding, so there is no head to train alone; remove --warmup-epochs"
        )
    model.compile(adam(step, options), loss=loss_of(options))
    # TensorFlow traces a step twice where the first time makes variables: with the optimizer's here, once.
    model.optimizer.build(model.trainable_variables)
    checkpoint.restore(model, optimizer=checkpoint.epochs > step.begin)
    if step.blocks is not None:
        numbers = f"{parameters(net):,} parameters"
        log.info(
            "epochs %d to %d train the head and the last %d blocks: %s", step.begin + 1, step.end, step.blocks, numbers
        )
