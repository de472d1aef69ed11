"""Kill each of scrape, crop, clean, balance and augment after its k-th written line, often, and run it again.

    python benchmarks/kills.py [--kills 20] [--only crop clean …] [--names 50]

Prints a row for each stage: kills, how many of the runs ended with the tree and manifest of an uninterrupted
run (times of fetching apart), and seconds. Exits with 1 where one did not. `scrape` needs a browser; it is also
killed ten times in one run over `--names` names with a tenth of all links bad, and run again each time: then the
links are counted that were fetched though their picture had been kept.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent / "tests"
sys.path.insert(0, str(TESTS))

from conftest import read_tree  # noqa: E402
from longrun import faulty, kill_often  # noqa: E402

from facekit.world.content import World  # noqa: E402
from facekit.world.web import serve  # noqa: E402

STAGES = {
    "scrape": (),
    "crop": ("--faces", "all"),
    "clean": ("--min-images", "3"),
    "balance": ("-n", "12"),
    "augment": ("-n", "40"),
}


def run(k: int, stage: str, output: Path, *arguments: str) -> int:
    """Run a stage that dies after its k-th line; 0 lets it live. Return its exit code."""
    command = [sys.executable, str(TESTS / "killing.py"), str(k or -1), "SIGKILL", stage, *arguments]
    done = subprocess.run([*command, "-o", str(output)], capture_output=True, text=True, check=False)
    if done.returncode not in (0, -signal.SIGKILL):
        sys.exit(f"{stage} failed with {done.returncode}:\n{done.stderr}")
    return done.returncode


def trial(stage: str, work: Path, kills: int, *arguments: str) -> bool:
    """Kill a stage `kills` times, each in a folder of its own, and print how it went."""
    began, rng, same, killed = time.monotonic(), random.Random(stage), 0, 0
    whole = work / stage
    run(0, stage, whole, *arguments)
    wanted = read_tree(whole)
    lines = len(wanted["manifest.jsonl"])
    for number in range(kills):
        out = work / f"{stage}-{number}"
        killed += run(rng.randint(1, lines), stage, out, *arguments) != 0
        run(0, stage, out, *arguments)
        same += read_tree(out) == wanted
        shutil.rmtree(out)
    print(f"{stage:<8} {lines:>6} {killed:>6} {same:>6}/{kills:<3} {time.monotonic() - began:>8.0f}", flush=True)
    return same == kills


def long_run(work: Path, names: int, kills: int = 10) -> bool:
    """Kill one long scrape often, and print how it went."""
    began = time.monotonic()
    with serve(faulty(names, 34)) as web:
        arguments = ("--base-url", web.base_url, "--per-name", "20", "--bots", "4")
        outcome = kill_often(web, work, (*[f"Name {k:03d}" for k in range(names)], *arguments), kills)
    print(f"\n{names} names, {outcome.lines} lines, {outcome.kept} pictures, {outcome.killed} kills in one run:")
    print(f"  files that differ {len(outcome.differs)} {outcome.differs[:5]}")
    print(f"  links fetched again after they were kept {len(outcome.twice)} {outcome.twice[:5]}")
    print(f"  {time.monotonic() - began:.0f} seconds", flush=True)
    return not outcome.differs and not outcome.twice


def main() -> int:
    """Run the trials that were asked for, each on what the stage before it made."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--kills", type=int, default=20)
    asked.add_argument("--only", nargs="+", choices=STAGES, default=list(STAGES))
    asked.add_argument("--names", type=int, default=50, help="names of the long scrape; 0 for none")
    options = asked.parse_args()
    print(f"{'stage':<8} {'lines':>6} {'killed':>6} {'same':>10} {'seconds':>8}")
    fine = True
    world = World(people=3, photos=16)
    with tempfile.TemporaryDirectory() as folder, serve(world) as web:
        work = Path(folder)
        source = work / "photos"
        if "scrape" in options.only:
            source = work / "scrape"
            scraping = (*world.names, "--base-url", web.base_url, "--per-name", "12", "--bots", "2")
            fine &= trial("scrape", work, options.kills, *scraping)
        else:
            run(0, "draw", source, "--people", "3", "--photos", "16")
        stages = list(STAGES)
        last = max(stages.index(stage) for stage in options.only)  # those before it make what it works on
        for stage in stages[1 : last + 1]:
            kills = options.kills if stage in options.only else 0
            fine &= trial(stage, work, kills, str(source), *STAGES[stage])
            source = work / stage
    if "scrape" in options.only and options.names:
        with tempfile.TemporaryDirectory() as folder:
            fine &= long_run(Path(folder), options.names)
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
