"""Make outside text safe to show in a terminal, a log or a spreadsheet."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # control characters, the escape that begins a terminal's commands among them
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks, embeddings, overrides and isolates of direction
    "\u2028\u2029\ufeff\ufff9-\ufffb"  # separators of lines and paragraphs, byte-order mark, annotations
    "\U000e0000-\U000e007f\ud800-\udfff]"  # tags, which nothing shows; halves of characters
)

LISTED = 5
"""Most names that one line lists."""

LONGEST = 8_000
"""Most characters of one line for a person."""

_DIGITS = 18
"""Of a whole number: all that 64 bits hold."""

_LINE = re.compile(r"[^\r\n]+")

_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?%?")


def visible(text: str) -> str:
    r"""Return text in which nothing acts on a terminal or reorders what is read: each such character becomes `\x1b`.

    Control characters (newlines too), overrides of the writing direction, line separators, invisible tags and lone
    surrogates are escaped as Python escapes them. Joiners stay: Persian and emoji need them.
    """
    return _HIDDEN.sub(lambda match: _escape(match[0]), text)


def listed(names: Sequence[str], most: int = LISTED) -> str:
    """Return the first few of some names, as a person reads them, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def counted(number: int, one: str, several: str = "") -> str:
    """Return a number with what it counts: `1 picture`, `1,200 pictures`.

    `several` is what stands behind any number but 1, of which it may be more than a noun (`pictures are`); without it,
    `one` with an s.
    """
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"


def shortened(text: str) -> str:
    """Return a line for a person, `LONGEST` characters at most: the middle is left out, the end says what to do."""
    left = len(text) - LONGEST
    if left <= 0:
        return text
    end = LONGEST // 4
    return f"{text[: LONGEST - end]} … {left:,} characters left out … {text[-end:]}"


def lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line that is not blank, whatever ends it: millions of blank ones take no memory."""
    number, place = 1, 0
    for line in _LINE.finditer(text):
        number += text.count("\n", place, line.start())
        place = line.start()
        if not line[0].isspace():
            yield number, line[0]


def whole(text: str) -> int | None:
    """Return the number that a text from outside is: ASCII digits alone, 18 at most; None for anything else.

    Python's own `int` raises ValueError for thousands of digits, and reads other scripts' as well.
    """
    return int(text) if len(text) <= _DIGITS and text.isascii() and text.isdecimal() else None


def csv_cell(text: str) -> str:
    """Return text that no spreadsheet takes for a formula: with an apostrophe before `=`, `+`, `-`, `@` or a tab.

    Numbers stay as they are, and so does a single character.
    """
    harmless = len(text) < 2 or _NUMBER.fullmatch(text) or not _FORMULA.match(text)
    return text if harmless else f"'{text}"


def encode(text: str) -> bytes:
    """Return text as UTF-8. Bytes of a file name that are not UTF-8 come out as the disk has them."""
    try:
        return text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return text.encode(errors="replace")


def _escape(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return {"\n": r"\n", "\r": r"\r", "\t": r"\t"}.get(character, f"\\x{code:02x}")
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
