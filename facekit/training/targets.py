"""What a training learns of each picture: its targets, their labels, and what is refused before it begins."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from facekit.base.contract import FacekitError, Record, replace
from facekit.base.text import counted, listed
from facekit.dataset import Dataset
from facekit.dataset.lineage import TRAIN, VALIDATION
from facekit.dataset.targets import known, read_targets, value
from facekit.identity.split import Split
from facekit.options.targets import IDENTITY
from facekit.options.train import Train
from facekit.runs import Target

log = logging.getLogger(__name__)


def labelled(split: Split, names: Sequence[str], table: Path | None) -> Split:
    """Return a split whose pictures have their labels for targets of these names, from a table before the manifest.

    Raises FacekitError as `read_targets`.
    """
    if list(names) == [IDENTITY]:
        return split
    pictures = replace(split.dataset, records=split.records)
    return replace(split, records=read_targets(pictures, table, names).records)


def targets_of(split: Split, options: Train) -> tuple[Target, ...]:
    """Return what is to be learned: each target with the labels that training pictures have.

    Raises FacekitError for a target that no picture has a label for, and for one whose labels are all the same.
    """
    return tuple(
        Target(name=name, labels=tuple(split.labels) if name == IDENTITY else _labels(name, split, options))
        for name in options.learns
    )


def changed(before: Sequence[Record], dataset: Dataset, names: Sequence[str], table: Path | None) -> str | None:
    """Return in words how many pictures have other labels now than they had in a split; None where none has."""
    others = [name for name in names if name != IDENTITY]
    if not others:
        return None
    now = {record.path: record for record in read_targets(dataset, table, names).records}
    for name in others:
        other = [one for one in before if one.path in now and value(one, name) != value(now[one.path], name)]
        if other:
            return f"another {name} for {counted(len(other), 'picture')}"
    return None


def _labels(name: str, split: Split, options: Train) -> tuple[str, ...]:
    given = [(record, found) for record in split.records if (found := value(record, name)) is not None]
    if not given:
        there = listed([one for one in known(split.records) if one != IDENTITY]) or "none"
        raise FacekitError(
            f"{options.input}: no picture has a label for {name} (targets that there are: {there}); write it into the "
            "manifest with `facekit label --table`, or give --targets-from FILE.csv"
        )
    trained = sorted({found for record, found in given if record.split == TRAIN})
    if len({found for _, found in given}) < 2 or len(trained) < 2:
        where = "the training part" if len({found for _, found in given}) > 1 else str(options.input)
        which = f"the same, {trained[0]}" if trained else "none"
        raise FacekitError(
            f"{options.input}: all pictures of {where} that have a label for {name} have {which}; a model learns to "
            f"tell labels apart, so remove {name} from --targets, or label more pictures"
        )
    if options.backbone is None and options.monitor.startswith("val_"):
        _check_validation(name, [record for record, found in given if found in trained], options)
    _tell_missing(name, split.records, given, trained)
    return tuple(trained)


def _check_validation(name: str, given: Sequence[Record], options: Train) -> None:
    if not any(record.split == VALIDATION for record in given):
        raise FacekitError(
            f"{options.input}: no validation picture has a label for {name}; label some, or give --monitor accuracy"
        )


def _tell_missing(
    name: str, records: Sequence[Record], given: Sequence[tuple[Record, str]], trained: list[str]
) -> None:
    without = len(records) - len(given)
    if without:
        log.info("%s without a label for %s: they count for the other targets alone", counted(without, "picture"), name)
    unseen = Counter(found for _, found in given if found not in trained)
    if unseen:
        log.warning(
            "of %s, %s in no training picture: %s without a label for it",
            name,
            listed([*unseen]) + (" is" if len(unseen) == 1 else " are"),
            counted(unseen.total(), "picture counts as one", "pictures count as ones"),
        )
