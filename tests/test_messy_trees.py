"""Trees as real disks hold them: every command that reads one answers with a line, and leaves the tree as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzzing import Box
from messytrees import MODELS, NO_TREE, STAGES, TRAINERS, check

from facekit.options import registry

TREES = 50
"""Trees that the stages get here; `benchmarks/trees.py` makes ten times as many, and asks models about all."""

FEW = 5
"""Trees that models are asked about, and trained on, here."""


def test_every_command_holds_on_a_messy_tree(made: Path, tmp_path: Path) -> None:
    box = Box(tmp_path / "box")
    faults = [fault for seed in range(TREES) for fault in check(box, made, seed, STAGES)]
    assert not faults, "\n".join(faults)


def test_no_command_that_reads_a_tree_is_forgotten() -> None:
    asked = {"review" if one.run else one.arguments[0] for one in (*STAGES, *MODELS, *TRAINERS)}
    assert set(registry.names()) - asked == NO_TREE, "add the command to tests/messytrees.py"


@pytest.mark.slow
def test_models_hold_on_a_messy_tree(made: Path, tmp_path: Path) -> None:
    box = Box(tmp_path / "box")
    faults = [fault for seed in range(FEW) for fault in check(box, made, seed, [*MODELS, *TRAINERS])]
    assert not faults, "\n".join(faults)
