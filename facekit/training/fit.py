"""Carrying out a plan: the same two calls, `plan` and `fit`, train for every command."""

from __future__ import annotations

from facekit import runs
from facekit.base.contract import FacekitError, Track, quiet
from facekit.runs import Run
from facekit.training.plan import Plan


def fit(plan: Plan, track: Track = quiet) -> Run:
    """Train as planned, and return the complete run; one that was complete already is left as it is.

    The run keeps the weights of the best epoch. Killed at any moment, it goes on from its last whole epoch when it
    is planned again. Raises FacekitError for a training that diverges, a full disk, and a folder that
    another process has written to since it was planned.
    """
    if plan.complete and plan.run is not None:
        return plan.run
    with runs.claimed(plan.options.output):
        if runs.begun(plan.options) != plan.run:
            raise FacekitError(f"{plan.options.output} has changed since the training was planned; start it again")
        return plan.trainer.fit(plan, track)
