"""Fuzz every reader of a file that may come from a stranger, guided by coverage: Atheris, for as long as it is given.

    python -m pip install atheris
    python benchmarks/fuzz_readers.py [--minutes 60] [--only manifest run …]

Each reader gets its share of the time, in a process of its own, begins from a valid file, and may return or refuse; any
other exception, 10 s or 2 GB end it, and the input is kept in `bench/fuzz`. Leaves with 1 where one was found, and
with 2 where there is no Atheris, which has wheels for Linux and some versions of Python alone.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent / "tests"
sys.path.insert(0, str(TESTS))

KEPT = Path("bench/fuzz")


def main() -> None:
    """Fuzz the readers one after another."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60, help="for all readers together")
    parser.add_argument("--only", nargs="*", default=[])
    asked = parser.parse_args()
    if find_spec("atheris") is None:
        print("there is no Atheris: python -m pip install atheris", file=sys.stderr)
        sys.exit(2)
    from fuzzparsers import READERS

    chosen = [reader.name for reader in READERS if not asked.only or reader.name in asked.only]
    seconds = max(1, round(60 * asked.minutes / len(chosen)))
    failed = [name for name in chosen if not _held(name, seconds)]
    print(f"{len(chosen)} readers, {seconds} s each; {', '.join(failed) or 'all'} {'failed' if failed else 'held'}")
    sys.exit(bool(failed))


def _held(name: str, seconds: int) -> bool:
    kept = KEPT / name.replace(" ", "-")
    kept.mkdir(parents=True, exist_ok=True)
    limits = (f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048", "-verbosity=0", "-print_final_stats=1")
    command = [sys.executable, __file__, "reader", name, f"-artifact_prefix={kept}/", *limits, str(kept)]
    before = _processor()
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    runs = [line.split()[-1] for line in done.stderr.splitlines() if "number_of_executed_units" in line]
    how, minutes = "held" if done.returncode == 0 else "FAILED", (_processor() - before) / 60
    print(f"{name}: {how}, {runs[-1] if runs else 'no'} inputs in {minutes:.1f} minutes of the processor", flush=True)
    if done.returncode:
        print(done.stdout[-3000:], done.stderr[-3000:], sep="\n", flush=True)
    return done.returncode == 0


def _processor() -> float:
    """Return the seconds of the processor that the processes started here, and ended, have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def fuzz(name: str, arguments: list[str]) -> None:
    """Fuzz one reader in this process, which libFuzzer ends."""
    import atheris

    with atheris.instrument_imports(include=["facekit", "msgspec", "tomllib", "csv"]):
        from fuzzparsers import READERS

        reader = next(one for one in READERS if one.name == name)
        folder = Path(tempfile.mkdtemp(prefix="facekit-fuzz-"))
        seed = reader.start(folder)
        reader.holds(folder, seed)  # which imports what it needs
    Path(arguments[-1], "seed").write_bytes(seed)
    atheris.Setup([__file__, *arguments], lambda data: reader.holds(folder, data))
    atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[1:2] == ["reader"]:
        fuzz(sys.argv[2], sys.argv[3:])
    else:
        main()
