"""What `/v1/feedback` takes to say which answer was right or wrong.

Nothing of an answer is kept: its token carries what feedback needs (who was named, by number, how similar, and when),
signed, so that every process and every server of one gallery or run takes it, and nobody can make one up.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import math
import struct
import time
from dataclasses import dataclass
from datetime import UTC, datetime

_FORM = struct.Struct(">BIQf8s")
_VERSION = 1
_SIGNATURE = 16
_TEXT = 4 * math.ceil((_FORM.size + _SIGNATURE) / 3)


@dataclass(frozen=True)
class Token:
    """An answer to one face."""

    person: int | None
    """The number of the person that was named, or of the label, from 1; None: a stranger."""
    similarity: float | None
    at: int
    """When, in seconds since 1970."""
    face: bytes
    """Eight bytes that tell the face from others."""

    @property
    def id(self) -> str:
        """What feedback on it is kept by: saying something else of the same answer counts instead."""
        return hashlib.sha256(_packed(self)).hexdigest()[:32]

    @property
    def answered(self) -> str:
        """When, in UTC."""
        return datetime.fromtimestamp(self.at, UTC).isoformat(timespec="seconds")


class Tokens:
    """Makes and reads the tokens of one gallery or run."""

    def __init__(self, identity: str) -> None:
        """Sign by what no answer shows: the random id of a gallery, or the hash of what a run is."""
        self._secret = hashlib.sha256(f"facekit answers {identity}".encode()).digest()

    def make(self, picture: str, number: int, person: int | None, similarity: float | None) -> str:
        """Return the token of the answer to a face: the number-th of the picture with that SHA-256."""
        face = hashlib.sha256(f"{picture} {number}".encode()).digest()[:8]
        packed = _packed(Token(person, similarity, int(time.time()), face))
        return base64.urlsafe_b64encode(packed + self._signature(packed)).decode()

    def read(self, text: str) -> Token | None:
        """Return what a token says; None for one that this gallery's servers did not make."""
        try:
            data = base64.b64decode(text.encode("ascii"), b"-_", validate=True) if len(text) == _TEXT else b""
        except (UnicodeError, binascii.Error):
            return None
        packed, signature = data[: _FORM.size], data[_FORM.size :]
        if len(data) != _FORM.size + _SIGNATURE or not hmac.compare_digest(signature, self._signature(packed)):
            return None
        version, at, person, similarity, face = _FORM.unpack(packed)
        if version != _VERSION:
            return None
        return Token(person or None, None if math.isnan(similarity) else similarity, at, face)

    def _signature(self, packed: bytes) -> bytes:
        return hmac.digest(self._secret, packed, "sha256")[:_SIGNATURE]


def _packed(token: Token) -> bytes:
    similarity = math.nan if token.similarity is None else token.similarity
    return _FORM.pack(_VERSION, token.at, token.person or 0, similarity, token.face)
