"""Tamper with every kind of folder that facekit reads, and see whether the commands hold: the tests' fuzzer, for long.

    python benchmarks/fuzz.py [--minutes 60] [--seed 1] [--only crop clean …]

Prints a line for each kind of fault, with the smallest seed that shows it, and leaves with 1 where there is one:
something read, written or deleted outside the folders, a traceback, more than 10 s, more than 500 MB. A case runs
again by `--only COMMAND --seed SEED --cases 1`.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent / "tests"
sys.path.insert(0, str(TESTS))

from fuzzcommands import COMMANDS, prepare  # noqa: E402
from fuzzing import Box, Command  # noqa: E402
from tampering import tamper  # noqa: E402


def main() -> None:
    """Run cases until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument(
        "--cases", type=int, default=10**9, help="cases of each command, where there is time for so many"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=[])
    asked = parser.parse_args()
    chosen = [command for command in COMMANDS if not asked.only or command.name in asked.only]
    with tempfile.TemporaryDirectory() as folder:
        made, box = prepare(Path(folder) / "made"), Box(Path(folder) / "box")
        warm(made, box, chosen)
        cases = ((command, seed) for seed in range(asked.seed, asked.seed + asked.cases) for command in chosen)
        kinds = fuzz(made, box, cases, time.monotonic() + 60 * asked.minutes)
    sys.exit(bool(kinds))


def warm(made: Path, box: Box, commands: Iterable[Command]) -> None:
    """Run each command on honest folders: it must work, and loads libraries, for which no case is to blame."""
    for command in commands:
        box.fill(made, command.inputs)
        honest = box.hold(command, limited=False)
        if honest.faults or honest.code:
            sys.exit(f"{command.name} does not work on honest folders: {honest.faults} {honest.err}")


def fuzz(made: Path, box: Box, cases: Iterable[tuple[Command, int]], end: float) -> set[tuple[str, str]]:
    """Run cases until then; print and return the kinds of fault."""
    kinds: set[tuple[str, str]] = set()
    run = 0
    for command, seed in cases:
        if time.monotonic() > end:
            break
        run += 1
        for fault in case(made, box, command, seed):
            if (kind := (command.name, kind_of(fault.partition("\n")[2]))) not in kinds:
                kinds.add(kind)
                print(f"{command.name}, seed {seed}: {fault}\n", flush=True)
    print(f"{run} cases, {len(kinds)} kinds of fault")
    return kinds


def case(made: Path, box: Box, command: Command, seed: int) -> list[str]:
    """Run one case; return the faults, with what was changed."""
    rng = random.Random(f"{command.name} {seed}")
    box.fill(made, command.inputs)
    changed = tamper(box.home / command.tampered, box.outside, rng, rng.choice((1, 1, 2, 3)))
    return [f"{'; '.join(changed)}\n{fault}" for fault in box.hold(command).faults]


def kind_of(fault: str) -> str:
    """Return what two faults of one cause have alike: the last line of a traceback, else the words."""
    frames = re.findall(r'File "(\S+)", line (\d+)', fault)
    return f"{fault[:20]} {frames[-1]}" if frames else re.sub(r"[\d'/].*", "", fault)[:60]


if __name__ == "__main__":
    main()
