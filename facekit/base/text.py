"""Text from outside, made safe for where it is shown: a terminal, a log, a spreadsheet."""

from __future__ import annotations

import re

_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # control characters, the escape that begins a terminal's commands among them
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks, embeddings, overrides and isolates of direction
    "\u2028\u2029\ufeff\ufff9-\ufffb"  # separators of lines and paragraphs, byte-order mark, annotations
    "\U000e0000-\U000e007f\ud800-\udfff]"  # tags, which nothing shows; halves of characters
)

_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?%?")


def visible(text: str) -> str:
    r"""Return text in which nothing acts on a terminal or reorders what is read: each such character becomes `\x1b`.

    Control characters (newlines too), overrides of the writing direction, line separators, invisible tags and lone
    surrogates are escaped as Python escapes them. Joiners stay: Persian and emoji need them.
    """
    return _HIDDEN.sub(lambda match: _escape(match[0]), text)


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
