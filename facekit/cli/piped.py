"""What commands hand each other in a pipeline: JSON and the path of a folder."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from typing import TextIO

from facekit.base import plain, text
from facekit.base.contract import FacekitError

MAX_STDIN = 16 << 20
"""Most that is read from stdin, in bytes: a report with its details, or a path."""

_UNESCAPED = re.compile("[^\x00-\x7e]")
"""What JSON text may hold as it is and some terminals obey: only what `text.visible` escapes of it is replaced."""


@dataclass(frozen=True)
class _Printed:
    """What is read of a report that another command printed."""

    folder: str


def json_line(value: object) -> str:
    r"""Return a value as one line of JSON without NaN. Control characters are written as `\u001b`."""
    return _UNESCAPED.sub(lambda match: _escape(match[0]), plain.dump(value))


def read_folder() -> str:
    """Read the folder that another facekit command printed to stdin: a path in the last line, or a report in JSON.

    A gallery in a database has its address in place of a folder.

    Raises FacekitError where there is none.
    """
    piped = _read(sys.stdin).strip()
    if not piped:
        raise FacekitError("stdin is empty: the previous command printed no folder; fix that command first")
    if not piped.startswith("{"):
        return piped.splitlines()[-1]
    try:
        folder = plain.parse(piped, _Printed).folder
    except ValueError:
        folder = ""
    if not folder:
        raise FacekitError("stdin is JSON without a folder; pipe a facekit command's output into this")
    return folder


def _read(stream: TextIO | None) -> str:
    if stream is None:
        raise FacekitError("stdin is closed; pipe a facekit command's output into this, or give a folder")
    if stream.isatty():  # it would wait for something to be typed
        raise FacekitError("stdin is a terminal; pipe a facekit command's output into this, or give a folder")
    binary = getattr(stream, "buffer", None)
    if binary is None:  # not a file: a program that runs facekit in its own process put it there
        return stream.read()
    try:
        data: bytes = binary.read(MAX_STDIN + 1)
    except OSError as error:
        raise FacekitError(
            f"stdin cannot be read ({error.strerror}); pipe a facekit command's output into this"
        ) from None
    if len(data) > MAX_STDIN:
        raise FacekitError(f"stdin holds more than {MAX_STDIN >> 20} MB; pipe a facekit command's output into this")
    return data.decode(errors="surrogateescape")


def _escape(character: str) -> str:
    return json.dumps(character)[1:-1] if text.visible(character) != character else character
