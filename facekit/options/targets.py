"""The options that say what a model learns of each picture, and how much each of it counts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from facekit.base.errors import FacekitError
from facekit.base.text import counted
from facekit.options.fields import shown
from facekit.options.marks import InputPath, Reads, Section

IDENTITY = "identity"
"""The target that the folders are the answers to."""

LEARNED = "learned"
"""Weights that the training finds itself."""

MOST = 16
"""Targets of one model."""

_LONGEST = 60
"""Characters of a target's name."""

TARGETS = Section("Targets")


def target_names(text: str | None) -> tuple[str, ...]:
    """Read `identity,expression` as names, identity first and the others as they stand; without a text, identity alone.

    Raises FacekitError for an empty name and for one that is there twice.
    """
    if text is None:
        return (IDENTITY,)
    names = [name.strip() for name in text.split(",")]
    if not all(name.isprintable() and 0 < len(name) <= _LONGEST and not {"=", '"'} & set(name) for name in names):
        raise FacekitError(f"--targets is {shown(text)}; give names separated by commas, such as identity,expression")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise FacekitError(f"--targets names {twice} twice; give each target once")
    if len(names) > MOST:
        raise FacekitError(f"--targets has {counted(len(names), 'name')}; give at most {MOST}")
    return tuple(sorted(names, key=lambda name: name != IDENTITY))


def target_weights(text: str | None) -> Mapping[str, float]:
    """Read `identity=1,gender=.5` as weights by target; nothing for no text and for `learned`. Raises FacekitError."""
    if text is None or text.strip() == LEARNED:
        return {}
    found: dict[str, float] = {}
    for part in text.split(","):
        name, mark, number = (piece.strip() for piece in part.partition("="))
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not (name and mark and 0 < value <= 1000):
            raise FacekitError(
                f"--target-weights is {shown(text)}; give a number above 0 for each target, such as "
                f"identity=1,gender=.5, or {LEARNED}"
            )
        if name in found:
            raise FacekitError(f"--target-weights gives {name} twice; give each target once")
        found[name] = value
    return found


Targets = Annotated[
    str | None,
    "What to learn of each picture, separated by commas, such as `identity,expression,gender`: identity is its folder, "
    "others come from the data set's manifest or --targets-from. One network, with a head for each; by default "
    "identity alone.",
    Reads(target_names),
    TARGETS,
]
TargetsTable = Annotated[
    Path | None,
    "CSV of targets, with a column `image` or `label` and a column for each target; it counts before the manifest.",
    InputPath(),
    TARGETS,
]
TargetWeights = Annotated[
    str | None,
    "How much the loss of each target counts, such as `identity=1,gender=.5` (1 where it is not named), or `learned`, "
    "which weighs them by their uncertainty.",
    Reads(target_weights),
    TARGETS,
]


def check_targets(targets: str | None, table: Path | None, weights: str | None, backbone: str | None) -> None:
    """Refuse what does not go with one another. Raises FacekitError."""
    names = target_names(targets)
    if table is not None and names == (IDENTITY,):
        raise FacekitError("--targets-from is only read for --targets; give --targets identity,expression as well")
    if weights is None:
        return
    if len(names) < 2:
        raise FacekitError("--target-weights needs two targets or more; give --targets identity,expression as well")
    if backbone is not None:
        raise FacekitError("--target-weights is for networks: with --backbone each head is fitted by itself; remove it")
    unknown = sorted(set(target_weights(weights)) - set(names))
    if unknown:
        raise FacekitError(f"--target-weights names {unknown[0]}, which is not among --targets {','.join(names)}")


def written(names: Sequence[str]) -> str:
    """Return names as `--targets` takes them."""
    return ",".join(names)
