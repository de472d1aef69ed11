"""The README's help blocks: rendered from the commands themselves. `make docs` writes them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"

_BLOCK = re.compile(r"(<!-- help:([\w-]+) -->\n```text\n).*?(```\n<!-- /help -->)", re.DOTALL)


def rendered(text: str) -> str:
    """Return the README's text with each help block as the command prints it now."""
    names = [match[2] for match in _BLOCK.finditer(text)]
    with ThreadPoolExecutor() as pool:
        helps = dict(zip(names, pool.map(_help, names), strict=True))
    return _BLOCK.sub(lambda match: match[1] + helps[match[2]] + match[3], text)


def _help(command: str) -> str:
    plain = {"COLUMNS": "100", "TERMINAL_WIDTH": "100", "TERM": "dumb", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "facekit", command, "--help"],
        env={**os.environ, **plain},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line.rstrip() for line in done.stdout.strip("\n").splitlines()]
    return "\n".join(lines).strip("\n") + "\n"


if __name__ == "__main__":
    now = README.read_text(encoding="utf-8")
    wanted = rendered(now)
    if "--write" in sys.argv:
        README.write_text(wanted, encoding="utf-8")
    sys.exit(0 if wanted == now or "--write" in sys.argv else 1)
