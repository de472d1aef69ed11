"""Fit a linear head again after pictures were removed: seconds, because a head is small and embeddings are cached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from facekit.base.contract import PARTS, FacekitError, Record, Track, quiet
from facekit.base.files import replace_lines
from facekit.base.text import counted
from facekit.dataset.lineage import TRAIN
from facekit.dataset.targets import value
from facekit.identity.split import Split
from facekit.options.targets import IDENTITY
from facekit.runs import SPLIT, Counts, Run, Target
from facekit.runs.pictures import dataset_of
from facekit.training.linear import Linear
from facekit.training.plan import Plan, options_of


def refit(run: Run, records: list[Record], track: Track = quiet, jobs: int = 0) -> Run:
    """Fit a run's head to what is left of its split, with its own options; return the run as it is then.

    Raises FacekitError where the embedder cannot be had, or pictures of the split are gone or have changed: then the
    head would be another than one that never knew the removed pictures.
    """
    options = options_of(run, run.root, run.folder, jobs, False)
    first, *others = (_left(target, records) for target in run.targets)
    dataset = dataset_of(_with_split(run, records), records, track)
    if len(dataset.records) < len(records):
        lost = counted(len(records) - len(dataset.records), "picture")
        raise FacekitError(f"{lost} of its split are gone from {run.root}, or have changed")
    parts = {part: sum(record.split == part for record in records) for part in PARTS}
    info = replace(
        run.info.with_labels(first),
        names={label: run.name(label) for label in first if label in run.info.names},
        split=Counts(**parts),
        forgotten=None,
        open_set=None,
    )
    kept = zip(info.targets[1:], others, strict=True)
    info = replace(info, targets=(*info.targets[:1], *(replace(one, labels=labels) for one, labels in kept)))
    trainer = Linear(options)
    trainer.load(None)
    replace_lines(run.folder / SPLIT, (record.to_json() for record in records))
    return trainer.fit(Plan(options, trainer, Split(dataset, records, run.protocol), Run(run.folder, info)), track)


def _left(target: Target, records: Sequence[Record]) -> tuple[str, ...]:
    """Return the labels of a target that pictures still have: of people in any part, so that none is lost unnoticed.

    Raises FacekitError where fewer than two are left.
    """
    there = {value(one, target.name) for one in records if one.split == TRAIN or target.name == IDENTITY}
    labels = tuple(label for label in target.labels if label in there)
    if len(labels) < 2:
        left = f"{labels[0]} alone" if labels else "no label"
        raise FacekitError(f"of {target.name}, {left} is left to learn from")
    return labels


def _with_split(run: Run, records: list[Record]) -> Run:
    """Return a run with these pictures in place of those of its `split.jsonl`."""
    other = Run(run.folder, run.info)
    other.__dict__["split"] = records  # what the property caches
    return other
