"""Resolve the paths in a file of options: inputs relative to that file, outputs relative to a chosen folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from facekit.base.objects import is_object
from facekit.options.base import Options, OutputPath, PathOrName, Scalar, Value, describe
from facekit.options.galleries import is_database
from facekit.options.marks import PathMark


def placed(cls: type[Options], values: Mapping[str, Value], inputs: Path, outputs: Path) -> dict[str, Value]:
    """Return a table's values with its paths resolved: inputs against one folder, outputs against another.

    `~` is expanded, absolute paths, addresses and names stay as they are, and so does what is no text, or an empty one:
    making the options refuses that.
    """
    marks = {option.name: option.path for option in describe(cls) if option.path is not None}
    return {key: _place(marks[key], value, inputs, outputs) if key in marks else value for key, value in values.items()}


def _place(mark: PathMark, value: Value, inputs: Path, outputs: Path) -> Value:
    if isinstance(value, list | tuple):
        return [_place_one(mark, part, inputs, outputs) for part in value]
    return _place_one(mark, value, inputs, outputs) if isinstance(value, str | Path) else value


def _place_one(mark: PathMark, value: Scalar, inputs: Path, outputs: Path) -> Scalar:
    if not isinstance(value, str | Path) or not str(value) or is_database(str(value)) or is_object(str(value)):
        return value
    text = os.path.expanduser(value)  # noqa: PTH111 - Path's own raises for a user who is not there
    if isinstance(mark, PathOrName) and not _is_path(mark, str(text), inputs):
        return value
    return str((outputs if isinstance(mark, OutputPath) else inputs) / text)


def _is_path(mark: PathOrName, text: str, inputs: Path) -> bool:
    try:
        if mark.lists:
            return Path(text).suffix.lower() in mark.lists or (inputs / text).is_file()
        return os.sep in text or (inputs / text).exists()
    except (OSError, ValueError):  # too long for a path, or with a zero byte: it is a name
        return False
