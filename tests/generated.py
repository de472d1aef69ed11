"""What is written from the options classes: what `facekit --help` lists. `make docs` writes it; tests compare it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from facekit.options import registry

ROOT = Path(__file__).resolve().parents[1]

_SUMMARIES = '''"""What `facekit --help` lists, which imports no options class for it.

`make docs` writes this file from the classes, and a test compares the two. A command that is not in it yet is listed
all the same.
"""

from facekit.options.headings import Group

SUMMARIES: dict[str, tuple[Group, str | None, str]] = {
'''


def files() -> dict[Path, str]:
    """Return each generated file and its text as it should be now."""
    return {ROOT / "facekit" / "options" / "summaries.py": "".join(_summaries())}


def _summaries() -> Iterator[str]:
    yield _SUMMARIES
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
    stale = [file for file, text in files().items() if not file.exists() or file.read_text(encoding="utf-8") != text]
    for file in stale if "--write" in sys.argv else []:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(files()[file], encoding="utf-8")
    sys.exit(1 if stale and "--write" not in sys.argv else 0)
