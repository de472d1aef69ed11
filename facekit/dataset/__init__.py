"""A dataset: a folder of pictures, one folder a label, and the manifest beside them."""

from facekit.dataset.folder import check_places
from facekit.dataset.info import INFO, DatasetInfo, annotate, read_info
from facekit.dataset.output import REMOVED, REPEATED, Output, key
from facekit.dataset.tree import (
    DECISIONS,
    MANIFEST,
    REJECTED,
    SOURCES,
    Dataset,
    by_label,
    derive_id,
    distinct,
    named_by_id,
    photo_path,
)

__all__ = [
    "DECISIONS",
    "INFO",
    "MANIFEST",
    "REJECTED",
    "REMOVED",
    "REPEATED",
    "SOURCES",
    "Dataset",
    "DatasetInfo",
    "Output",
    "annotate",
    "by_label",
    "check_places",
    "derive_id",
    "distinct",
    "key",
    "named_by_id",
    "photo_path",
    "read_info",
]
