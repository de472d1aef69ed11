"""The README's help blocks: rendered from the commands themselves. `make docs` writes them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"

_BLOCK = re.compile(r"(<!-- help:([\w-]+) -->\n```text\n).*?(```\n<!-- /help -->)", re.DOTALL)


_HELPS = """
import sys
from facekit.cli import build
for command in sys.argv[1:]:
    sys.stdout.write("\\f")
    try:
        build()([command, "--help"], prog_name="facekit")
    except SystemExit:
        pass
"""
"""Prints the help of each command, every one after a form feed: one process loads the command line once."""


def rendered(text: str) -> str:
    """Return the README's text with each help block as the command prints it now."""
    helps = _helps([match[2] for match in _BLOCK.finditer(text)])
    return _BLOCK.sub(lambda match: match[1] + helps[match[2]] + match[3], text)


def _helps(commands: list[str]) -> dict[str, str]:
    plain = {"COLUMNS": "100", "TERMINAL_WIDTH": "100", "TERM": "dumb", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-c", _HELPS, *commands],
        env={**os.environ, **plain},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(zip(commands, map(_tidy, done.stdout.split("\f")[1:]), strict=True))


def _tidy(text: str) -> str:
    """Return a help without the blanks around it and at the ends of its lines."""
    lines = [line.rstrip() for line in text.strip("\n").splitlines()]
    return "\n".join(lines).strip("\n") + "\n"


if __name__ == "__main__":
    now = README.read_text(encoding="utf-8")
    wanted = rendered(now)
    if "--write" in sys.argv:
        README.write_text(wanted, encoding="utf-8")
    sys.exit(0 if wanted == now or "--write" in sys.argv else 1)
