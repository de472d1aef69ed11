"""Fonts for names in any alphabet: matplotlib's own first, then installed fonts for missing characters."""

from __future__ import annotations

from functools import lru_cache

from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

OWN = "DejaVu Sans"

MISSING = "\N{REPLACEMENT CHARACTER}"


def fitting(text: str) -> tuple[list[str], str]:
    """Return the font families that draw a text, and the text with what no installed font has replaced."""
    families = [OWN]
    lacking = set(text) - _characters(font_manager.findfont(OWN)) - {"\n"}
    for family, file in _installed() if lacking else ():
        had = lacking & _characters(file)
        if had:
            families.append(family)
            lacking -= had
        if not lacking:
            break
    return families, "".join(MISSING if character in lacking else character for character in text)


@lru_cache(maxsize=1)
def _installed() -> list[tuple[str, str]]:
    """Return family -> a file of it, without the own one, sorted by name."""
    plain = (entry for entry in font_manager.fontManager.ttflist if entry.weight in (400, "normal"))
    files = {entry.name: entry.fname for entry in plain}
    return sorted((name, file) for name, file in files.items() if name != OWN and "Last Resort" not in name)


@lru_cache(maxsize=64)
def _characters(file: str) -> frozenset[str]:
    try:
        return frozenset(map(chr, FT2Font(file).get_charmap()))
    except RuntimeError:  # FreeType cannot read it
        return frozenset()
