"""Faces to vectors that are near for one person: the networks, and the vectors of a whole dataset."""

from facekit.identity.embedders.batches import Embedded, embed_dataset, face_in
from facekit.identity.embedders.compare import best_threshold, distances
from facekit.identity.embedders.kept import forget
from facekit.identity.embedders.named import Own, load

__all__ = ["Embedded", "Own", "best_threshold", "distances", "embed_dataset", "face_in", "forget", "load"]
