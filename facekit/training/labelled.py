"""Labels learned: what a network with a head for each target is fitted to, and how that is measured."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence

from facekit.base.contract import Track
from facekit.dataset.lineage import TRAIN, VALIDATION
from facekit.networks.backend import Model, keras
from facekit.options.targets import LEARNED, target_weights
from facekit.options.train import Train
from facekit.runs import Run, Target
from facekit.training.checkpoint import Checkpoint
from facekit.training.feed import ALL, Feed
from facekit.training.labels import class_indices, picture_weights
from facekit.training.loop import Fitting, augmented, train_epochs
from facekit.training.losses import UNCERTAINTY, TargetLoss, accuracies, with_uncertainty
from facekit.training.pack import Pack
from facekit.training.plan import EpochWatch
from facekit.training.together import current

log = logging.getLogger(__name__)


def learn_labels(
    net: Model,
    packed: Pack,
    run: Run,
    checkpoint: Checkpoint,
    options: Train,
    track: Track,
    watch: EpochWatch | None = None,
) -> None:
    """Train a network on the labels of a pack, as `train_epochs` does."""
    targets = run.targets
    sizes = [len(target.labels) for target in targets]
    model = augmented(net, options.augment_strength) if options.light_augment else net
    if options.target_weights == LEARNED:
        model = with_uncertainty(model, len(targets))
    held_out = _feed(packed, VALIDATION, targets, options)
    fitting = Fitting(
        net,
        model,
        _feed(packed, TRAIN, targets, options),
        TargetLoss(sizes, _weights(targets, options), options.label_smoothing),
        lambda: accuracies(sizes),
        held_out if held_out.pictures else None,
        _of_guessing(targets, options),
    )
    train_epochs(fitting, run, checkpoint, options, track, watch)
    if options.target_weights == LEARNED and checkpoint.epochs:
        _tell_learned(model, targets)


def _tell_learned(model: Model, targets: Sequence[Target]) -> None:
    """Log how much the loss of each target counts by now."""
    learned = keras.ops.convert_to_numpy(keras.ops.exp(-model.get_layer(UNCERTAINTY).log_variance))
    said = ", ".join(f"{one.name} {weight:.3g}" for one, weight in zip(targets, learned, strict=True))
    log.info("the weights that were learned: %s", said)


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
