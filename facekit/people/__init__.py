"""Who is who, from vectors alone: the person that each folder is of, and how probably each face is that person."""

from facekit.people.across import Twins
from facekit.people.evidence import scaled
from facekit.people.judge import Judged, Named, judge
from facekit.people.reasons import NO_VECTOR, NOBODY, OPEN, PERSON, UNSURE, WRONG

__all__ = ["NOBODY", "NO_VECTOR", "OPEN", "PERSON", "UNSURE", "WRONG", "Judged", "Named", "Twins", "judge", "scaled"]
