"""Folders of strangers: people who are known to be none of those who are searched for."""

from __future__ import annotations

import logging
from dataclasses import replace

from facekit.base.text import counted
from facekit.dataset.tree import Dataset

log = logging.getLogger(__name__)


def each_another(dataset: Dataset) -> Dataset:
    """Return the photos of a folder without folders each under a label of its own; any other data set as it is."""
    if len(dataset.labels) > 1 or any("/" in one.path for one in dataset.records):
        return dataset
    what = counted(
        len(dataset.records),
        "photo without a folder is a stranger",
        "photos without folders: each counts as a different stranger",
    )
    log.info("%s: %s", dataset.root, what)
    records = [replace(one, label=one.path, name=one.path) for one in dataset.records]
    return replace(dataset, records=records)
