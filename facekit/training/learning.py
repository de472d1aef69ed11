"""Learning: a network fitted to packed pictures, in its one or two steps, from wherever a kill left it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from facekit.base.contract import Track
from facekit.networks import backend, build
from facekit.networks.assembly import parameters
from facekit.networks.backend import keras
from facekit.networks.blocks import blocks, free
from facekit.options.train import Train
from facekit.runs.pretrained import give
from facekit.training.callbacks import Ledger, Settle, Start, Steps, Watch
from facekit.training.checkpoint import Checkpoint
from facekit.training.classes import TRAIN, VALIDATION, evened, numbered
from facekit.training.feed import Feed
from facekit.training.pack import Pack
from facekit.training.schedule import Row, Step, steps, why_over

_TURN = 10
"""Most that light augmentation turns a picture, in degrees: about what a detector leaves upright."""

log = logging.getLogger(__name__)


def network(options: Train, classes: int, donor: Any) -> Any:
    """Return the network to be trained, drawn by the seed, its backbone the donor's where there is one."""
    keras.utils.set_random_seed(options.seed)
    with backend.computing(options.precision):
        net = build(options.network, options.size, classes, options.color)
    if donor is not None:
        give(donor, net)
    return net


def learn(
    net: Any,
    packed: Pack,
    labels: Sequence[str],
    checkpoint: Checkpoint,
    options: Train,
    track: Track,
    publish: Callable[[Sequence[Row]], None],
    logs: Path,
) -> None:
    """Train from the checkpoint's last epoch on until it is over; the checkpoint keeps each epoch.

    `publish` gets the history after each epoch. Raises FacekitError for a training that diverges and a full disk.
    """
    checkpoint.kept = net
    model = varied(net) if options.light_augment else net
    feed, held = _feed(packed, TRAIN, labels, options), _feed(packed, VALIDATION, labels, options)
    progress = Steps(feed, track, options.epochs - checkpoint.epochs)
    with progress.shown():
        for step in steps(options):
            if checkpoint.epochs >= step.end or why_over(options, checkpoint.rows):
                continue
            _ready(model, net, step, checkpoint, options, len(labels))
            ledger = Ledger(checkpoint, options, feed.pictures, publish)
            callbacks = [progress, Start(options, step, checkpoint), Watch(len(labels), step.rate)]
            callbacks += [Settle(net, feed, scored=bool(held.pictures)), ledger]
            if options.tensorboard:
                callbacks.append(keras.callbacks.TensorBoard(str(logs), write_graph=False))
            model.fit(
                feed,
                initial_epoch=checkpoint.epochs,
                epochs=step.end,
                validation_data=held if held.pictures else None,
                callbacks=callbacks,
                shuffle=False,  # the feed draws its own order
                verbose=0,
            )


def varied(net: Any) -> Any:
    """Return a model that changes each picture a little before the network sees it, in training alone."""
    layers = keras.layers
    inputs = keras.Input(net.input_shape[1:], name="picture")
    changes = (
        layers.RandomFlip("horizontal", seed=0, dtype="float32"),
        layers.RandomRotation(_TURN / 360, fill_mode="nearest", seed=0, dtype="float32"),
        layers.RandomTranslation(0.08, 0.08, fill_mode="nearest", seed=0, dtype="float32"),
        layers.RandomZoom(0.1, fill_mode="nearest", seed=0, dtype="float32"),
        layers.RandomBrightness(0.12, seed=0, dtype="float32"),
    )
    x = inputs
    for change in changes:
        x = change(x)
    return keras.Model(inputs, net(x), name=net.name)


def _ready(model: Any, net: Any, step: Step, checkpoint: Checkpoint, options: Train, classes: int) -> None:
    """Let the layers of a step learn, under a fresh optimizer, or the checkpoint's where the step has begun."""
    free(net, step.blocks)
    loss = _smoothed(options.label_smoothing, classes) if options.label_smoothing else "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.Adam(step.rate), loss=loss, metrics=["accuracy"])
    checkpoint.restore(model, optimizer=checkpoint.epochs > step.begin)
    if step.blocks is not None:
        what = f"the head and the last {step.blocks} of {len(blocks(net))} blocks" if step.blocks else "the head alone"
        numbers = f"{parameters(net):,} parameters"
        log.info("epochs %d to %d train %s: %s", step.begin + 1, step.end, what, numbers)


def _smoothed(share: float, classes: int) -> Callable[[Any, Any], Any]:
    """Return the cross-entropy with targets that are not quite certain."""

    def loss(truth: Any, found: Any) -> Any:
        sure = keras.ops.one_hot(keras.ops.cast(truth, "int32"), classes)
        return keras.losses.categorical_crossentropy(sure, found, label_smoothing=share)

    return loss


def _feed(packed: Pack, part: str, labels: Sequence[str], options: Train) -> Feed:
    places, classes = numbered(packed.records, part, labels)
    if part != TRAIN:
        return Feed(packed, places, classes, options.batch)
    weights = evened(classes, len(labels)) if options.class_weights == "auto" else None
    return Feed(packed, places, classes, options.batch, options.seed, weights)
