"""A dataset: a folder of pictures, one folder a label, and the manifest beside them."""

from facekit.dataset.output import REMOVED, Output
from facekit.dataset.tree import INFO, MANIFEST, REJECTED, SOURCES, Dataset, derive_id, photo_path

__all__ = [
    "INFO",
    "MANIFEST",
    "REJECTED",
    "REMOVED",
    "SOURCES",
    "Dataset",
    "Output",
    "derive_id",
    "photo_path",
]
