"""What a training does in which epoch follows from its options and its history alone."""

from __future__ import annotations

from typing import Any

import pytest

from facekit.base.contract import FacekitError
from facekit.options.train import Train
from facekit.runs import Epoch
from facekit.training.schedule import best, merit, rate, steps, why_over


def options(**more: Any) -> Train:
    return Train(input="in", output="out", **more)


def history(*accuracies: float) -> list[Epoch]:
    return [Epoch(epoch=n, accuracy=a, val_accuracy=a, loss=1.0) for n, a in enumerate(accuracies, 1)]


def rates(chosen: Train, rows: list[Epoch]) -> list[float]:
    """The rate of every epoch, as one that is resumed before it would find it."""
    found = []
    for epoch in range(len(rows)):
        step = next(step for step in steps(chosen) if step.begin <= epoch < step.end)
        found.append(rate(chosen, step, rows[:epoch]))
    return found


def test_one_step_unless_the_head_warms_up() -> None:
    one = steps(options(epochs=9, learning_rate=0.01))
    assert [(s.begin, s.end, s.rate, s.blocks) for s in one] == [(0, 9, 0.01, None)]
    two = steps(options(epochs=9, warmup_epochs=2, weights="imagenet", unfreeze=3, finetune_rate=0.001))
    assert [(s.begin, s.end, s.rate, s.blocks) for s in two] == [(0, 2, 1e-3, 0), (2, 9, 0.001, 3)]


def test_a_cosine_falls_in_each_step_from_its_own_rate() -> None:
    chosen = options(epochs=6, warmup_epochs=2, weights="imagenet", schedule="cosine", finetune_rate=0.0004)
    found = rates(chosen, history(*[0.1] * 6))
    assert found == pytest.approx([1e-3, 5e-4, 4e-4, 3.4142e-4, 2e-4, 0.5858e-4], rel=1e-3)


def test_a_plateau_halves_the_rate_after_three_epochs_without_a_better_one() -> None:
    chosen = options(epochs=20, schedule="plateau", learning_rate=0.08)
    found = rates(chosen, history(0.5, 0.6, 0.6, 0.5, 0.55, 0.7, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6))
    assert found == [0.08] * 5 + [0.04] * 4 + [0.02] * 3 + [0.01]


def test_a_constant_rate_stays() -> None:
    assert set(rates(options(epochs=5), history(0.1, 0.1, 0.1, 0.1, 0.1))) == {1e-3}


def test_it_is_over_when_good_enough_or_no_better_or_at_the_last_epoch() -> None:
    assert why_over(options(), []) is None
    assert why_over(options(), history(0.5)) is None
    assert why_over(options(), history(0.5, 0.97)) == "reached 0.97"
    assert why_over(options(epochs=2), history(0.5, 0.6)) == "all epochs"
    waiting = history(0.5, 0.6, 0.6, 0.6)
    assert why_over(options(patience=3), waiting) is None
    assert why_over(options(patience=2), waiting) == "no better epoch in 2"
    assert why_over(options(), waiting) is None


def test_patience_begins_anew_when_all_layers_do() -> None:
    chosen = options(patience=2, warmup_epochs=3, weights="imagenet")
    assert why_over(chosen, history(0.6, 0.5, 0.5, 0.5)) is None
    assert why_over(chosen, history(0.6, 0.5, 0.5, 0.5, 0.5)) == "no better epoch in 2"


def test_a_tie_goes_to_the_lower_loss_then_to_the_first() -> None:
    rows = [
        Epoch(epoch=n, accuracy=0.9, val_accuracy=0.9, val_loss=held, loss=loss)
        for n, held, loss in ((1, 0.3, 0), (2, 0.2, 9))
    ]
    assert merit(rows[1], "val_accuracy") > merit(rows[0], "val_accuracy")
    assert best([*rows, rows[1]], "val_accuracy") == 2
    assert best([], "val_accuracy") == 0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"warmup_epochs": 3}, r"^--warmup-epochs keeps layers as they are, .*; give --weights$"),
        ({"unfreeze": 3}, r"^--unfreeze keeps layers as they are, .*; give --weights$"),
        ({"warmup_epochs": 4, "epochs": 4, "weights": "imagenet"}, r"^--warmup-epochs is 4; it must be less than"),
        ({"color": "sepia"}, r"^--color is 'sepia'; choose from rgb, gray$"),
    ],
)
def test_options_that_no_epoch_could_follow_are_refused(more: dict[str, Any], message: str) -> None:
    with pytest.raises(FacekitError, match=message):
        options(**more)
