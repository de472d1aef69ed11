"""The README's part on commands: rendered from the commands themselves. `make docs` writes it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from itertools import groupby
from pathlib import Path

from facekit.options import registry
from facekit.options.headings import HEADINGS

README = Path(__file__).parents[1] / "README.md"

_BLOCK = re.compile(r"(?<=<!-- commands -->\n).*?(?=<!-- /commands -->)", re.DOTALL)

_HELP = """
import sys
from facekit.cli import build
for name in sys.argv[1:]:
    build()([name, "--help"], standalone_mode=False, prog_name="facekit")
    print(end="\\0", flush=True)
"""


def rendered(text: str) -> str:
    """Return the README's text with the help of each command as the command prints it now."""
    return _BLOCK.sub(lambda _: _commands(), text)


def _commands() -> str:
    """Return a heading for each group, and below it a folded block for each of facekit's own commands."""
    own = [command for command in registry.catalogue().commands if command.name in registry.names()]
    helps = _helps([command.name for command in own])
    parts = []
    for group, commands in groupby(own, key=lambda command: command.options.group):
        parts.append(f"\n### {HEADINGS[group]}\n")
        for command in commands:
            first = f"<details><summary><code>facekit {command.name}</code></summary>"
            parts.append(f"\n{first}\n\n```text\n{helps[command.name]}```\n</details>\n")
    return "".join(parts) + "\n"


def _helps(names: list[str]) -> dict[str, str]:
    plain = {"COLUMNS": "100", "TERMINAL_WIDTH": "100", "TERM": "dumb", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-c", _HELP, *names], env={**os.environ, **plain}, capture_output=True, text=True, check=True
    )
    return dict(zip(names, map(_trimmed, done.stdout.split("\0")), strict=False))


def _trimmed(text: str) -> str:
    lines = [line.rstrip() for line in text.strip("\n").splitlines()]
    return "\n".join(lines).strip("\n") + "\n"


if __name__ == "__main__":
    now = README.read_text(encoding="utf-8")
    wanted = rendered(now)
    if "--write" in sys.argv:
        README.write_text(wanted, encoding="utf-8")
    sys.exit(0 if wanted == now or "--write" in sys.argv else 1)
