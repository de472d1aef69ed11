"""The loop over epochs: a network fitted to packed pictures, in one or two steps, from the last whole epoch on."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any

from facekit.base.contract import FacekitError, Track
from facekit.base.text import counted
from facekit.dataset.lineage import TRAIN, VALIDATION
from facekit.networks import backend, build
from facekit.networks.assembly import parameters
from facekit.networks.backend import Layer, Model, engine, keras
from facekit.networks.blocks import blocks, free
from facekit.networks.embedder import build_embedder
from facekit.options.targets import LEARNED, target_weights
from facekit.options.train import Train
from facekit.runs import LOGS, Run, Target
from facekit.runs.pretrained import copy_backbone
from facekit.training.callbacks import Callbacks, EpochEnd, EpochStart, Progress, Watch
from facekit.training.checkpoint import Checkpoint
from facekit.training.feed import ALL, Feed
from facekit.training.labels import class_indices, picture_weights
from facekit.training.losses import UNCERTAINTY, TargetLoss, accuracies, with_uncertainty
from facekit.training.pack import Pack
from facekit.training.plan import EpochWatch
from facekit.training.recalibrate import Recalibrate
from facekit.training.schedule import Step, steps, why_over
from facekit.training.together import current

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


def train_epochs(
    net: Model,
    packed: Pack,
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
    targets = run.targets
    model = augmented(net, options.augment_strength) if options.light_augment else net
    if options.target_weights == LEARNED:
        model = with_uncertainty(model, len(targets))
    feed, held_out = _feed(packed, TRAIN, targets, options), _feed(packed, VALIDATION, targets, options)
    progress = Progress(feed, track, options.epochs - checkpoint.epochs)
    with progress.shown():
        for step in steps(options):
            if checkpoint.epochs >= step.end or why_over(options, checkpoint.rows):
                continue
            _prepare(model, net, step, checkpoint, options, targets)
            callbacks = [
                progress,
                EpochStart(options, step, checkpoint),
                Watch(_of_guessing(targets, options), step.rate),
            ]
            callbacks.append(Recalibrate(net, feed, validates=bool(held_out.pictures)))
            callbacks.append(EpochEnd(net, run, checkpoint, options, feed.pictures, watch))
            if options.tensorboard:
                callbacks.append(keras.callbacks.TensorBoard(str(run.folder / LOGS), write_graph=False))
            model.fit(
                feed,
                initial_epoch=checkpoint.epochs,
                epochs=step.end,
                validation_data=held_out if held_out.pictures else None,
                callbacks=Callbacks(model, len(feed), callbacks),
                shuffle=False,  # the feed draws its own order
                verbose=0,
            )
    if options.target_weights == LEARNED and checkpoint.epochs:
        _tell_learned(model, targets)


def _tell_learned(model: Model, targets: Sequence[Target]) -> None:
    """Log how much the loss of each target counts by now."""
    learned = keras.ops.convert_to_numpy(keras.ops.exp(-model.get_layer(UNCERTAINTY).log_variance))
    said = ", ".join(f"{one.name} {weight:.3g}" for one, weight in zip(targets, learned, strict=True))
    log.info("the weights that were learned: %s", said)


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


def _prepare(
    model: Model, net: Model, step: Step, checkpoint: Checkpoint, options: Train, targets: Sequence[Target]
) -> None:
    """Make the layers of a step trainable, with a fresh optimizer, or the checkpoint's where the step has begun."""
    free(net, step.blocks)
    sizes = [len(target.labels) for target in targets]
    loss = TargetLoss(sizes, _weights(targets, options), options.label_smoothing)
    model.compile(adam(step, options), loss=loss, metrics=accuracies(sizes))
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


def _weights(targets: Sequence[Target], options: Train) -> list[float] | None:
    """Return how much the loss of each target counts; None where that is learned."""
    if options.target_weights == LEARNED:
        return None
    given = target_weights(options.target_weights)
    return [given.get(target.name, 1.0) for target in targets]


def _of_guessing(targets: Sequence[Target], options: Train) -> float:
    """Return the loss of a network that takes all labels of a target for equally likely."""
    weights = _weights(targets, options) or [1.0] * len(targets)
    return sum(weight * math.log(len(target.labels)) for weight, target in zip(weights, targets, strict=True))


def _feed(packed: Pack, part: str, targets: Sequence[Target], options: Train) -> Feed:
    rows, classes = class_indices(packed.records, part, targets)
    sizes = [len(target.labels) for target in targets]
    even = part == TRAIN and options.class_weights == "auto"
    seed = options.seed if part == TRAIN else None
    weights, team = picture_weights(classes, sizes, even), current()
    return Feed(packed, rows, classes, options.batch, seed, weights, ALL if team is None else team.share)
