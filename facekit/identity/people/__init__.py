"""Who is who, from vectors alone: the person that each folder is of, and how probably each face is that person."""

from facekit.identity.people.across import Twins
from facekit.identity.people.evidence import scaled
from facekit.identity.people.judge import Judged, Named, judge
from facekit.identity.people.reasons import NO_VECTOR, NOBODY, OPEN, PERSON, UNSURE, WRONG

__all__ = ["NOBODY", "NO_VECTOR", "OPEN", "PERSON", "UNSURE", "WRONG", "Judged", "Named", "Twins", "judge", "scaled"]
