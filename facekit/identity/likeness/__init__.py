"""Which pictures show one photo: a hash or a face's vector proposes, pixels laid over one another confirm.

Faces cut out of a re-encoded photo differ by the few pixels that the detector's box moved, and aligned
faces of one person look alike though they are two photos. So a pair that the hashes propose is warped onto
itself (ECC, Evangelidis and Psarakis 2008) and judged by what is left: the correlation of the pictures,
and of their fine structure, which two photos do not share.

The thresholds are measured on real faces, each changed (JPEG, half size, brighter, trimmed, mirrored), cropped
anew and laid over its original: 93 to 100 in 100 are proved to be one photo, by the kind of change, and of
2,086 cropped faces of 42 people (LFW) no two of different people are. Frames of one sitting that differ by
a blink pass too; a looser bound links so many that a name of ten studio photos (ORL) has too few left to split.
"""

from facekit.identity.likeness.fingerprints import Fingerprint, fingerprint
from facekit.identity.likeness.matcher import CANNOT_SEE, MATCHER, SEES, matcher
from facekit.identity.likeness.pairs import proofs
from facekit.identity.likeness.proof import Proof, Reason
from facekit.identity.likeness.proof_graph import among, links, repeats, shared

__all__ = [
    "CANNOT_SEE",
    "MATCHER",
    "SEES",
    "Fingerprint",
    "Proof",
    "Reason",
    "among",
    "fingerprint",
    "links",
    "matcher",
    "proofs",
    "repeats",
    "shared",
]
