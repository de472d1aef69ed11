"""Embed faces so that those of one person are close: the networks, and the embeddings of a whole dataset."""

from facekit.identity.embedders.backbone import backbone_of, described, is_there
from facekit.identity.embedders.embeddings import DatasetEmbeddings, embed_dataset, face_in
from facekit.identity.embedders.metrics import distances
from facekit.identity.embedders.registry import KIND, PerThread, available, card, check_version, full_name, load

__all__ = [
    "KIND",
    "DatasetEmbeddings",
    "PerThread",
    "available",
    "backbone_of",
    "card",
    "check_version",
    "described",
    "distances",
    "embed_dataset",
    "face_in",
    "full_name",
    "is_there",
    "load",
]
