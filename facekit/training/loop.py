"""The loop over epochs: a network fitted to its feed, in one or two steps, from the last whole epoch on."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from facekit.base.contract import FacekitError, Track
from facekit.base.text import counted
from facekit.networks import backend, build
from facekit.networks.assembly import parameters
from facekit.networks.backend import Layer, Model, engine, keras
from facekit.networks.blocks import blocks, free
from facekit.networks.embedder import build_embedder
from facekit.options.train import Train
from facekit.runs import LOGS, Run
from facekit.runs.pretrained import copy_backbone
from facekit.training.callbacks import Callbacks, EpochEnd, EpochStart, Progress, Watch
from facekit.training.checkpoint import Checkpoint
from facekit.training.feed import Feed
from facekit.training.plan import EpochWatch
from facekit.training.recalibrate import Recalibrate
from facekit.training.schedule import Step, steps, why_over

_TURN = 10
"""Most that light augmentation turns a picture, in degrees: about what a detector leaves upright."""

log = logging.getLogger(__name__)


def build_network(options: Train, outputs: int | Sequence[int], donor: Model | None, embedder: bool = False) -> Model:
    """Return the network to be trained: its weights are drawn by the seed, those of the backbone are the donor's.

    Of several numbers of classes it has a head for each; of an `embedder` they are the numbers of an embedding.
    """
    keras.utils.set_random_seed(options.seed)
    with backend.computing(options.precision):
        if embedder and isinstance(outputs, int):
            net = build_embedder(options.network, options.size, outputs, options.color)
        else:
            net = build(options.network, options.size, outputs, options.color)
    if donor is not None:
        copy_backbone(donor, net)
    if options.dropout is not None:
        set_dropout(net, options.dropout)
    return net


def dropouts(net: Model) -> list[Layer]:
    """Return the layers of a network that leave out values, each by itself.

    Those that leave out whole blocks, as EfficientNet has them, are something else: their shares grow with depth.
    """
    layers = (layer for layer in net.layers if isinstance(layer, keras.layers.Dropout))
    return [layer for layer in layers if layer.noise_shape is None]


def set_dropout(net: Model, share: float) -> None:
    """Give all dropout layers of a network one share. Raises FacekitError where it has none."""
    layers = dropouts(net)
    if not layers:
        raise FacekitError(f"{net.name} has no dropout layers; remove --dropout")
    for layer in layers:
        layer.rate = share


@dataclass(frozen=True)
class Fitting:
    """What is fitted to what, and how it is measured."""

    net: Model
    """The network whose weights the run keeps."""
    model: Model
    """What is fitted: the network, with what changes its input and what the loss needs behind it."""
    feed: Feed
    loss: Any
    metrics: Callable[[], Sequence[Any]] = list
    """Makes the metrics of Keras."""
    held_out: Feed | None = None
    """What the loss and the metrics are measured on after each epoch."""
    of_guessing: float = math.inf
    """The loss of a network that guesses; infinite where the size of a loss says nothing."""
    measures: Sequence[Any] = ()
    """Callbacks that add to what Keras measures of an epoch."""


def train_epochs(
    fitting: Fitting,
    run: Run,
    checkpoint: Checkpoint,
    options: Train,
    track: Track,
    watch: EpochWatch | None = None,
) -> None:
    """Train from the checkpoint's last epoch on until it is over; the checkpoint and the run's history keep each epoch.

    `watch` is called with all epochs so far once one is kept; what it raises ends the training.
    Raises FacekitError for a training that diverges and a full disk.
    """
    net, model, feed, held_out = fitting.net, fitting.model, fitting.feed, fitting.held_out
    progress = Progress(feed, track, options.epochs - checkpoint.epochs)
    if not why_over(options, checkpoint.rows):
        log.info("building the network's graph, which can take minutes; the bar appears after the first step")
    with progress.shown():
        for step in steps(options):
            if checkpoint.epochs >= step.end or why_over(options, checkpoint.rows):
                continue
            _prepare(fitting, step, checkpoint, options)
            callbacks = [progress, EpochStart(options, step, checkpoint), Watch(fitting.of_guessing, step.rate)]
            callbacks.append(Recalibrate(net, feed, validates=held_out is not None))
            callbacks.extend(fitting.measures)
            callbacks.append(EpochEnd(net, run, checkpoint, options, feed.pictures, watch))
            if options.tensorboard:
                callbacks.append(keras.callbacks.TensorBoard(str(run.folder / LOGS), write_graph=False))
            model.fit(
                feed,
                initial_epoch=checkpoint.epochs,
                epochs=step.end,
                validation_data=held_out,
                callbacks=Callbacks(model, len(feed), callbacks),
                shuffle=False,  # the feed draws its own order
                verbose=0,
            )


def augmented(net: Model, strength: float = 1.0) -> Model:
    """Return a model that changes each picture a little before the network sees it, in training alone.

    `strength` multiplies the range of each change; the flip has none.
    """
    layers = keras.layers
    inputs = keras.Input(net.input_shape[1:], name="picture")
    changes = (
        layers.RandomFlip("horizontal", seed=0, dtype="float32"),
        layers.RandomRotation(strength * _TURN / 360, fill_mode="nearest", seed=0, dtype="float32"),
        layers.RandomTranslation(strength * 0.08, strength * 0.08, fill_mode="nearest", seed=0, dtype="float32"),
        layers.RandomZoom(strength * 0.1, fill_mode="nearest", seed=0, dtype="float32"),
        layers.RandomBrightness(strength * 0.12, seed=0, dtype="float32"),
    )
    x = inputs
    for change in changes:
        # Keras says no, because of TensorFlow's compiler. On JAX all steps would then run operation by operation, the
        # network's too: on an H100 123 pictures a second of cnn5, in place of 26,000.
        change.supports_jit = engine() == "jax"
        x = change(x)
    return keras.Model(inputs, net(x), name=net.name)


def _prepare(fitting: Fitting, step: Step, checkpoint: Checkpoint, options: Train) -> None:
    """Make the layers of a step trainable, with a fresh optimizer, or the checkpoint's where the step has begun."""
    net, model = fitting.net, fitting.model
    free(net, step.blocks)
    if not model.trainable_variables:
        raise FacekitError(
            f"{net.name} ends with its embedding, so there is no head to train alone; remove --warmup-epochs"
        )
    model.compile(adam(step, options), loss=fitting.loss, metrics=fitting.metrics())
    # TensorFlow traces a step twice where the first time makes variables: with the optimizer's here, once.
    model.optimizer.build(model.trainable_variables)
    checkpoint.restore(model, optimizer=checkpoint.epochs > step.begin)
    if step.blocks is not None:
        what = (
            f"the head and the last {step.blocks} of {counted(len(blocks(net)), 'block')}"
            if step.blocks
            else "the head alone"
        )
        numbers = f"{parameters(net):,} parameters"
        log.info("epochs %d to %d train %s: %s", step.begin + 1, step.end, what, numbers)


def adam(step: Step, options: Train) -> Any:
    """Return Adam, with weight decay where it is asked for: of kernels alone, as usual."""
    optimizer = keras.optimizers.Adam(step.rate, weight_decay=options.weight_decay or None)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer
