"""How long a person waits for help and for completion, beside the import of Typer and Rich that any such program needs.

The calls alternate, each in a process of its own, started as a shell starts it. CPU seconds carry; wall seconds also
count whatever else the machine did.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FACEKIT = [str(Path(sys.executable).with_name("facekit"))]
COMPLETE = "_FACEKIT_COMPLETE"
CALLS: dict[str, tuple[list[str], dict[str, str]]] = {
    'python -c "import typer, rich"': ([sys.executable, "-c", "import typer, rich"], {}),
    "facekit --version": ([*FACEKIT, "--version"], {}),
    "facekit --help": ([*FACEKIT, "--help"], {}),
    "facekit crop --help": ([*FACEKIT, "crop", "--help"], {}),
    "facekit train --help": ([*FACEKIT, "train", "--help"], {}),
    "facekit <TAB>, bash": (FACEKIT, {COMPLETE: "complete_bash", "COMP_WORDS": "facekit ", "COMP_CWORD": "1"}),
    "facekit <TAB>, zsh": (FACEKIT, {COMPLETE: "complete_zsh", "_TYPER_COMPLETE_ARGS": "facekit "}),
    "facekit crop --<TAB>, bash": (
        FACEKIT,
        {COMPLETE: "complete_bash", "COMP_WORDS": "facekit crop --", "COMP_CWORD": "2"},
    ),
    "facekit crop --<TAB>, zsh": (FACEKIT, {COMPLETE: "complete_zsh", "_TYPER_COMPLETE_ARGS": "facekit crop --"}),
}
MOST = {"facekit --help": 1.6, "facekit crop --help": 2.2}
"""The most that each may take, in times of the first call."""


def timed(name: str) -> tuple[float, float]:
    """Return the CPU seconds and the wall seconds of one call. Raises CalledProcessError where it fails."""
    command, environment = CALLS[name]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    with tempfile.TemporaryFile() as out:
        subprocess.run(command, env={**os.environ, **environment}, stdout=out, check=True)
        wall = time.monotonic() - began
        if "import" not in name and out.tell() == 0:
            raise RuntimeError(f"{name} printed nothing")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    for name in CALLS:  # once before it counts: bytecode is compiled, files are read
        timed(name)
    seen: dict[str, list[tuple[float, float]]] = {name: [] for name in CALLS}
    for _ in range(rounds):
        for name, found in seen.items():
            found.append(timed(name))
    first = statistics.median(used for used, _ in next(iter(seen.values())))
    print(f"{rounds} rounds, Python {sys.version.split()[0]}\n")
    print("| call | CPU ms | range | times | wall ms | range |\n|---|---|---|---|---|---|")
    ratios = {}
    for name, found in seen.items():
        used, wall = ([1000 * value for value in column] for column in zip(*found, strict=True))
        ratios[name] = statistics.median(used) / 1000 / first
        print(f"| `{name}` | {_row(used)} | {ratios[name]:.2f} | {_row(wall)} |")
    slow = [name for name, most in MOST.items() if ratios[name] > most]
    for name in slow:
        print(f"\n{name} takes {ratios[name]:.2f} times as long, and at most {MOST[name]} is allowed")
    return len(slow) > 0


def _row(values: list[float]) -> str:
    return f"{statistics.median(values):.0f} | {min(values):.0f} to {max(values):.0f}"


if __name__ == "__main__":
    sys.exit(main())
