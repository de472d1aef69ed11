"""Estimate how long the demo takes on this machine, from two measured steps."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from facekit.base import plugins
from facekit.base.parallel import workers
from facekit.options.train import Train

_TIMES = 3


@dataclass(frozen=True)
class Cost:
    """What a stage costs, in steps that are measured on the machine."""

    photos: float = 0.0
    """Times as much as to draw a photo and to find its face; spread over the cores."""
    steps: float = 0.0
    """Training steps."""
    seconds: float = 0.0
    """What no faster machine makes much shorter: a browser's start, the import of a library."""


@dataclass(frozen=True)
class Pace:
    """How fast this machine is at the moment, in seconds."""

    photo: float
    """To draw a photo and to find its face, on one core."""
    step: float
    """To train on one batch, on all cores."""

    def seconds(self, costs: Sequence[Cost]) -> float:
        """Return how long stages with these costs take."""
        photos, steps = sum(cost.photos for cost in costs), sum(cost.steps for cost in costs)
        return photos * self.photo / workers(0) + steps * self.step + sum(cost.seconds for cost in costs)


def pace(photo: Callable[[int], object], options: Train, classes: int) -> Pace:
    """Measure how long it takes to find the face in the photo of a number, made on the way, and to train a step.

    Keras, which is imported for it, is needed later anyway. Raises FacekitError where it is not installed.
    """
    return Pace(_median(photo), _step(options, classes))


def _step(options: Train, classes: int) -> float:
    keras = plugins.need("facekit.networks.backend", "demo").keras
    build = plugins.need("facekit.networks", "demo").build
    net = build(options.network, options.size, classes, options.color)
    net.compile(keras.optimizers.Adam(options.learning_rate), loss="sparse_categorical_crossentropy")
    pixels = np.zeros((options.batch, options.size, options.size, 3 if options.color == "rgb" else 1), np.uint8)
    truth = np.zeros(options.batch, np.int32)
    return _median(lambda number: net.train_on_batch(pixels, truth))


def _median(work: Callable[[int], object]) -> float:
    """Return the median time of a work, which is done once before it is measured."""
    work(0)
    took = []
    for number in range(1, _TIMES + 1):
        began = time.monotonic()
        work(number)
        took.append(time.monotonic() - began)
    return statistics.median(took)
