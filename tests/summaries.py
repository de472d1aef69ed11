"""What `facekit --help` lists, written from the options classes into a file that it reads: `make docs`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from facekit.options import registry

SUMMARIES = Path(__file__).parents[1] / "facekit" / "options" / "summaries.py"

_HEAD = '''"""What `facekit --help` lists, which imports no options class for it.

`make docs` writes this file from the classes, and a test compares the two. A command that is not in it yet is listed
all the same.
"""

from facekit.options.headings import Group

SUMMARIES: dict[str, tuple[Group, str | None, str]] = {
'''


def rendered() -> str:
    """Return the file as it has to be."""
    return "".join(_summaries())


def _summaries() -> Iterator[str]:
    yield _HEAD
    for name in registry.names():
        listed = registry.own(name).listed
        yield f"    {_quoted(name)}: (\n"
        yield f"        {_quoted(listed.group)},\n        {_quoted(listed.after)},\n"
        yield f"        {_quoted(listed.summary)},{'  # noqa: E501' if len(listed.summary) > 109 else ''}\n"
        yield "    ),\n"
    yield "}\n"


def _quoted(text: str | None) -> str:
    if text is None:
        return "None"
    quote = "'" if '"' in text else '"'
    return f"{quote}{text}{quote}"


if __name__ == "__main__":
    SUMMARIES.write_text(rendered(), encoding="utf-8")
