"""Run every command that reads a tree on trees as real disks hold them: the tests' messy trees, ten times as many.

    python benchmarks/trees.py [--trees 500] [--first 0] [--models 500] [--trainers 5] [--minutes 600]

Names, links, rights, formats, tables, and manifests that are half written or hostile are drawn by a seed. Each command
must end with 0 or 2, without a traceback, and leave the tree as it is; models are asked about the first `--models`
trees and trained on the first `--trainers`. Prints each kind of fault once, with its seed, and leaves with 1 where
there is one.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent / "tests"
sys.path.insert(0, str(TESTS))

from fuzz import kind_of  # noqa: E402
from fuzzcommands import prepare  # noqa: E402
from fuzzing import Box  # noqa: E402
from messytrees import MODELS, STAGES, TRAINERS, check  # noqa: E402


def main() -> None:
    """Make the trees, run the commands, and say what went wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trees", type=int, default=500)
    parser.add_argument("--first", type=int, default=0, help="seed of the first tree")
    parser.add_argument("--models", type=int, default=500)
    parser.add_argument("--trainers", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=600, help="begin no tree after so many")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["FACEKIT_CACHE"] = f"{folder}/cache"
        Path(folder, "cache").mkdir()
        made, box = prepare(Path(folder) / "made"), Box(Path(folder) / "box")
        kinds: Counter[str] = Counter()
        runs: Counter[int | None] = Counter()
        end, done = time.monotonic() + 60 * asked.minutes, 0
        for number in range(asked.trees):
            if time.monotonic() > end:
                break
            done += 1
            few = [*(MODELS if number < asked.models else ()), *(TRAINERS if number < asked.trainers else ())]
            for fault in check(box, made, asked.first + number, [*STAGES, *few], runs):
                kind = f"{fault.partition(',')[0]}: {kind_of(fault)}"
                if not kinds[kind]:
                    print(f"{fault}\n", flush=True)
                kinds[kind] += 1
        ended = ", ".join(f"{count} with {code}" for code, count in sorted(runs.items(), key=str))
        spent = f"{time.process_time():.0f} s of the processor"
        print(f"{done} trees, {runs.total()} commands ({ended}), {len(kinds)} kinds of fault, {spent}")
    sys.exit(bool(kinds))


if __name__ == "__main__":
    main()
