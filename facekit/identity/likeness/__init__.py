"""Which pictures show one photo, however it was edited: whole photos and faces alike, by one method.

Local features, shapes and embeddings propose pairs (`candidates`), few for each picture. Features say where one
picture lies in the other, crop, scale, turn and mirroring included (`features`); a fine alignment follows, and then the
two are compared cell by cell (`cells`): what is laid over a photo spoils some cells, while two photos of one person
agree in few (`proof`). Two that are equally sharp must agree nearly everywhere; a blurred, noisy or sharpened one is
excused for less.

The bounds were chosen on edited photos of one half of the people of LFW and of the scraped ones, and on the studio
photos of ORL, of whom each person must keep groups to split; `benchmarks/README.md` has the results on the others.
"""

from facekit.identity.likeness.fingerprints import Fingerprint, fingerprint
from facekit.identity.likeness.matcher import CANNOT_SEE, MATCHER, SEES, matcher
from facekit.identity.likeness.pairs import proofs
from facekit.identity.likeness.proof import Proof, Reason
from facekit.identity.likeness.proof_graph import among, links, repeats, shared
from facekit.identity.likeness.recall import measured

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
    "measured",
    "proofs",
    "repeats",
    "shared",
]
