"""A command as a person types it, with the options that it was given."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from facekit.base.objects import shown
from facekit.base.text import visible
from facekit.options.base import Options, Value, describe
from facekit.options.fields import Field


def typed(options: Options, **changes: Value) -> str:
    """Return the command line that has these options, those of `changes` in place of its own.

    What is at its default is left out. The class is called like its command.
    """
    words = ["facekit", re.sub(r"(?<!^)(?=[A-Z])", "-", type(options).__name__).lower()]
    for option in describe(type(options)):
        value = changes.get(option.name, getattr(options, option.name))
        if option.required or value != option.default:
            words += _words(option, value)
    return visible(shlex.join(words))


def _words(option: Field, value: Value) -> Iterator[str]:
    if isinstance(value, bool):
        yield option.flag if value else f"--no-{option.flag[2:]}"
        return
    for one in value if isinstance(value, list | tuple) else [value]:
        if one is not None:
            text = shown(str(one))
            yield from ([text] if option.positional else [option.short or option.flag, text])
