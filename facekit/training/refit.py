"""Fit a linear head again after pictures were removed: seconds, because a head is small and embeddings are cached."""

from __future__ import annotations

from dataclasses import replace

from facekit.base.contract import PARTS, FacekitError, Record, Track, quiet
from facekit.base.files import replace_lines
from facekit.base.text import counted
from facekit.dataset.targets import value
from facekit.identity.split import Split
from facekit.runs import SPLIT, Counts, Run
from facekit.runs.pictures import dataset_of
from facekit.training.linear import Linear
from facekit.training.plan import Plan, options_of


def refit(run: Run, records: list[Record], track: Track = quiet, jobs: int = 0) -> Run:
    """Fit a run's head to what is left of its split, with its own options; return the run as it is then.

    Raises FacekitError where the embedder cannot be had, or pictures of the split are gone or have changed: then the
    head would be another than one that never knew the removed pictures.
    """
    options = options_of(run, run.root, run.folder, jobs, False)
    left = {value(record, run.targets[0].name) for record in records}
    labels = tuple(label for label in run.labels if label in left)
    dataset = dataset_of(_with_split(run, records), records, track)
    if len(dataset.records) < len(records):
        lost = counted(len(records) - len(dataset.records), "picture")
        raise FacekitError(f"{lost} of its split are gone from {run.root}, or have changed")
    parts = {part: sum(record.split == part for record in records) for part in PARTS}
    info = replace(
        run.info.with_labels(labels),
        names={label: run.name(label) for label in labels},
        split=Counts(**parts),
        forgotten=None,
        open_set=None,
    )
    trainer = Linear(options)
    trainer.load(None)
    replace_lines(run.folder / SPLIT, (record.to_json() for record in records))
    return trainer.fit(Plan(options, trainer, Split(dataset, records, run.protocol), Run(run.folder, info)), track)


def _with_split(run: Run, records: list[Record]) -> Run:
    """Return a run with these pictures in place of those of its `split.jsonl`."""
    other = Run(run.folder, run.info)
    other.__dict__["split"] = records  # what the property caches
    return other
