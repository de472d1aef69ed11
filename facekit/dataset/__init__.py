"""A dataset: a folder of pictures with one folder per label, and a manifest."""

from facekit.dataset.folder import check_places, key
from facekit.dataset.info import INFO, DatasetInfo, annotate, read_info
from facekit.dataset.output import Output
from facekit.dataset.reasons import REMOVED, REPEATED
from facekit.dataset.records import DECISIONS, GROUPS, MANIFEST, REJECTED, SOURCES
from facekit.dataset.tree import Dataset, by_label, derive_id, distinct, photo_path

__all__ = [
    "DECISIONS",
    "GROUPS",
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
    "photo_path",
    "read_info",
]
