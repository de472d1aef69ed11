"""What the owner of a picture allows: answers of its host, the host's own files, and what is written in the picture.

Every signal is read in favour of whoever set it. Some of them speak of generative models alone; facekit, which makes
none, keeps to them all the same. What is read, and in which version:

- `X-Robots-Tag` with noai, noimageai, noml, noindex, noimageindex or none;
- `tdm-reservation`, as a header and in `/.well-known/tdmrep.json`: TDM Reservation Protocol, W3C community group;
- `Content-Usage`, as a header and in robots.txt: draft-ietf-aipref-attach-05 with draft-ietf-aipref-vocab-08, and the
  words that its earlier versions had; both are drafts, and may change;
- `Content-Signal` in robots.txt, which Cloudflare writes;
- robots.txt: RFC 9309;
- the property Data Mining of the IPTC Photo Metadata Standard (2023.1), which is PLUS's in XMP.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from urllib3 import HTTPHeaderDict

from facekit.base.contract import BadImage
from facekit.base.header import opened

TOKEN = "facekit"
"""What hosts address facekit by, as in `User-agent: facekit` and `X-Robots-Tag: facekit: noindex`."""

REASON = "opted out"
"""How the reason begins of every picture that is left out because its owner wants it so."""

X_ROBOTS, ROBOTS, DATA_MINING = "X-Robots-Tag", "robots.txt", "data mining (IPTC)"
TDM, TDM_FILE, USAGE = "tdm-reservation", "tdmrep.json", "Content-Usage"
USAGE_RULE, SIGNAL_RULE = "Content-Usage in robots.txt", "Content-Signal in robots.txt"

SIGNALS = (ROBOTS, USAGE_RULE, SIGNAL_RULE, TDM_FILE, X_ROBOTS, TDM, USAGE, DATA_MINING)
"""Every signal, in the order in which they are looked at."""

_ROBOTS_WORDS = {"noai", "noimageai", "noindex", "noimageindex", "noml", "none"}

_VALUED = {"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"}
"""Directives with a colon of their own, where others have it after the name of a robot."""

_TRAINING = ("train-ai", "ai", "bots", "all", "tdm")
"""The categories of Content-Usage that training belongs to, the narrowest first: the first that is set decides.

`train-ai` is that of the current draft. Version 01 had `ai` in `tdm`, 02 `train-ai` in `all`, 03 and 04 in `bots`.
"""

_MINING = re.compile(rb"DataMining\b.{0,300}?\b(DMI-[A-Z-]+)", re.DOTALL)
_RESERVED = re.compile(rb"\btdm:reservation(?:>|\s*=\s*[\"'])\s*1\b")


class OptOut(NamedTuple):
    """Why a picture may not be used: the signal, and the words in which it was given."""

    signal: str
    value: str

    @property
    def reason(self) -> str:
        """The reason that is counted."""
        return f"{REASON}: {self.signal}"


def is_opt_out(reason: str) -> bool:
    """Whether a reason why a picture was left out says that its owner wants it so."""
    return reason.startswith(REASON)


def by_signal(reasons: Iterable[str]) -> dict[str, int]:
    """Return signal -> pictures that were left out for it, the most frequent first, of the reasons of all."""
    said = Counter(reason.removeprefix(f"{REASON}: ") for reason in reasons if is_opt_out(reason))
    return dict(said.most_common())


def of_answer(headers: HTTPHeaderDict, reserved: OptOut | None = None) -> OptOut | None:
    """Return what the headers of an answer forbid, or what the host's tdmrep.json says, which a header overrules."""
    said = headers.getlist(X_ROBOTS)
    if robots_tag(said):
        return OptOut(X_ROBOTS, ", ".join(said)[:200])
    usage = ", ".join(headers.getlist(USAGE))
    if training(usage) is False:
        return OptOut(USAGE, usage[:200])
    own = headers.get(TDM, "").strip()
    if own == "1":
        return OptOut(TDM, own)
    return None if own == "0" else reserved


def robots_tag(values: Iterable[str]) -> bool:
    """Return whether an `X-Robots-Tag` forbids the use of a picture to everybody or to facekit."""
    for value in values:
        token = ""
        for piece in value.lower().split(","):
            name, colon, rest = piece.strip().partition(":")
            if name.strip() in _VALUED:
                continue
            if colon:
                token, name = name.strip(), rest
            if name.strip() in _ROBOTS_WORDS and token in ("", "*", TOKEN):
                return True
    return False


def training(usage: str) -> bool | None:
    """Return whether a statement of `Content-Usage` allows training; None where it says nothing of it.

    The draft lets a statement that is not perfectly written say nothing; here `Train-AI = N` forbids all the same.
    """
    said = {}
    for piece in usage.lower().split(","):
        name, _, value = piece.partition(";")[0].partition("=")
        said[name.strip()] = {"y": True, "n": False}.get(value.strip())
    return next((said[name] for name in _TRAINING if said.get(name) is not None), None)


def signalled(signal: str) -> bool | None:
    """Return whether a `Content-Signal` allows training; None where it says nothing of it."""
    pieces = (piece.partition("=") for piece in signal.lower().split(","))
    said = {name.strip(): {"yes": True, "no": False}.get(value.strip()) for name, _, value in pieces}
    return said.get("ai-train")


def of_picture(data: bytes) -> OptOut | None:
    """Return what the metadata in a picture's bytes forbid."""
    for packet in _packets(data):
        found = _MINING.search(packet)
        if found and found[1].startswith(b"DMI-PROHIBITED"):
            return OptOut(DATA_MINING, found[1].decode())
        if _RESERVED.search(packet):
            return OptOut(TDM, "tdm:reservation in the picture")
    return None


def _packets(data: bytes) -> Iterable[bytes]:
    """Return where XMP may be: in all formats it is plain text among the bytes; a PNG may have it compressed."""
    if any(word in data for word in (b"DataMining", b"tdm:reservation")):
        yield data
    if data.startswith(b"\x89PNG") and b"iTXt" in data:
        try:
            with opened(data) as picture:
                yield str(picture.info.get("XML:com.adobe.xmp", "")).encode(errors="replace")
        except BadImage:  # said by whoever decodes it
            return
