"""Who is who, from embeddings alone: the person of each folder, and the probability that each face is that person."""

from facekit.identity.people.across import Twins
from facekit.identity.people.evidence import model_of, scaled
from facekit.identity.people.judge import PERSON, Embedded, Judged, Named, judge
from facekit.identity.people.unsure import is_unsure

__all__ = ["PERSON", "Embedded", "Judged", "Named", "Twins", "is_unsure", "judge", "model_of", "scaled"]
