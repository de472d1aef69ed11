"""Who is who, from vectors alone: the person that each folder is of, and how probably each face is that person."""

from facekit.identity.people.across import Twins
from facekit.identity.people.evidence import scaled
from facekit.identity.people.judge import PERSON, Judged, Named, judge

__all__ = ["PERSON", "Judged", "Named", "Twins", "judge", "scaled"]
