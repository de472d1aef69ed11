"""Whether a text, a page or a table says or shows anything of somebody who goes."""

from __future__ import annotations

import base64
import binascii
import html
import re
import unicodedata
from urllib.parse import unquote

from facekit.removal.looks import is_like, look_at
from facekit.removal.targets import Targets

_HEX = re.compile(r"(?<![0-9a-f])[0-9a-f]{16,64}(?![0-9a-f])")
"""An id, or the 16 digits that a file is called by."""

_PICTURE = re.compile(rb"data:image/(?:png|jpeg|webp);base64,([A-Za-z0-9+/=]+)")

_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")


def mentions(data: bytes, targets: Targets) -> bool:
    """Whether a text says a name, an address or an id of what goes, however it is escaped, or shows such a picture."""
    text = plain(data)
    return says(text, targets) or shows(data, targets)


def plain(data: bytes) -> str:
    """Return a text as a person reads it: entities, escapes and addresses decoded, without the embedded pictures."""
    text = _PICTURE.sub(b"", data).decode(errors="replace")
    text = html.unescape(_ESCAPE.sub(lambda found: chr(int(found[1], 16)), text))
    return text if "%" not in text else f"{text}\n{unquote(text)}"


def says(text: str, targets: Targets) -> bool:
    """Whether a text says a name, an address or an id of what goes."""
    if any(one in text for one in (*targets.urls, *targets.pages)):
        return True
    if any(targets.has_id(found[0][:16]) or targets.has_id(found[0]) for found in _HEX.finditer(text)):
        return True
    return says_name(text, targets)


def says_name(text: str, targets: Targets) -> bool:
    """Whether a text holds somebody's name as words of its own."""
    if not targets.names:
        return False
    folded = " ".join(unicodedata.normalize("NFC", text.casefold()).replace("_", " ").split())
    return any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", folded) is not None for name in targets.names)


def shows(data: bytes, targets: Targets) -> bool:
    """Whether a page has a picture in it that looks like one that goes."""
    if not targets.looks:
        return False
    for found in _PICTURE.finditer(data):
        try:
            look = look_at(base64.b64decode(found[1], validate=True))
        except binascii.Error:
            continue
        if look is not None and is_like(look, targets.looks):
            return True
    return False
