"""When two spellings count as the same name: one rule for folders, tables, models and lists.

NFC, case-folded and without outer spaces alike are one name, because disks, programs and people mix these up: macOS
takes names apart (NFD), an archive leaves a space behind, a table says `ada`.
"""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from collections.abc import Iterable

from facekit.base.errors import FacekitError

_BYTE = re.compile("[\udc80-\udcff]")
"""A byte of a file's name that is not UTF-8, as Python reads it."""


def fold(name: str) -> str:
    """Return what two spellings of one name have in common."""
    return " ".join(unicodedata.normalize("NFC", _composed(name).casefold()).split())


def loose(name: str) -> str:
    """Return what spellings of one person's name have in common where a person is removed: `_` counts as a space.

    Folders are often called `ada_lovelace`, and nobody should stay because of it.
    """
    return fold(name.replace("_", " "))


def stored(name: str) -> str:
    r"""Return a folder's name as a label: NFC, without outer spaces, a byte that is not UTF-8 as `%EB`.

    What would then be empty, or hidden, stays as it is.
    """
    text = _composed(name).strip()
    return text if text and not text.startswith(".") else name


def one_each(names: Iterable[str]) -> dict[str, str]:
    """Return each spelling -> the one that is used for all of its name: the first of them, as it is stored."""
    used: dict[str, str] = {}
    return {name: used.setdefault(fold(name), stored(name)) for name in sorted(set(names))}


def spelled_as(names: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """Return each name -> the spelling that is known of it; a name of which none is known stays as it is."""
    exact = set(known)
    spellings = {fold(name): name for name in sorted(exact)}
    return {name: name if name in exact else spellings.get(fold(name), name) for name in set(names)}


def _composed(name: str) -> str:
    """Return a name in NFC, and in UTF-8 whatever bytes the disk has."""
    return _BYTE.sub(lambda match: f"%{ord(match[0]) - 0xDC00:02X}", unicodedata.normalize("NFC", name))


def find_path(root: str | os.PathLike[str], path: str) -> str:
    """Return a path below a folder as the disk spells it: composed or not (NFC, NFD); as it is where none is there."""
    if path.isascii() or os.path.lexists(os.path.join(root, path)):  # noqa: PTH118 - Path drops nothing here, and costs
        return path
    for form in ("NFC", "NFD"):
        other = unicodedata.normalize(form, path)
        if os.path.lexists(os.path.join(root, other)):  # noqa: PTH118
            return other
    return path


def check_encoding() -> None:
    """Refuse to read names of files in any other encoding than UTF-8: they would be stored as other names.

    Python takes UTF-8 in the C locale as well, unless it is told not to. Raises FacekitError.
    """
    encoding = sys.getfilesystemencoding()
    if encoding.replace("-", "").lower() != "utf8":
        raise FacekitError(
            f"the locale's encoding is {encoding}, so file names would be stored wrongly; "
            "set PYTHONUTF8=1, or a locale in UTF-8 such as LC_ALL=C.UTF-8, and run the same command again"
        )
