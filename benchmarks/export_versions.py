"""Each format of `facekit export` in environments of their own, at the lowest and newest versions that facekit allows.

    python benchmarks/export_versions.py [--folder FOLDER] [--newest-python PYTHON]

For each of the extras `export`, `torch` and `onnx`: what pyproject.toml allows at least, and the newest that there
is, is installed by uv (`pip install uv`) with a wheel of this checkout. `export` and `torch` train a small network on
drawn photos, export it in each format, and ask each file by its own runtime and `facekit predict`; `onnx` answers from
what `export` wrote. Ends with 1 where one fails. The environments take 20 GB, most of it for `torch`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import facekit

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = {"export": "tensorflow", "torch": "torch", "onnx": ""}
"""Extra -> what Keras computes with; the last only reads what the first wrote."""

SHOWN = ("keras", "tensorflow", "tf2onnx", "onnx", "onnxruntime", "ai-edge-litert", "torch", "numpy")
LOWEST, NEWEST = "lowest", "newest"


def main() -> int:
    """Print a table; return 1 where something fails."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path, help="keeps the environments; they are made where they are missing")
    parser.add_argument("--extra", action="append", choices=EXTRAS, help="only this one, which may be repeated")
    parser.add_argument("--newest-python", default=sys.executable, help="the interpreter for the newest versions")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = (asked.folder or Path(scratch)).resolve()
        photos = folder / "photos"
        facekit.draw(photos, people=3, photos=8, faults=False)
        print("| extra | versions | Python | packages | MB | what came of it |\n| --- | --- | --- | --- | ---: | --- |")
        rows = [
            _row(folder, photos, extra, which, python)
            for extra in asked.extra or EXTRAS
            for which, python in ((LOWEST, sys.executable), (NEWEST, asked.newest_python))
        ]
    return int(any("FAILED" in row for row in rows))


def _row(folder: Path, photos: Path, extra: str, which: str, python: str) -> str:
    place = folder / f"{extra}-{which}"
    program = _environment(place, extra, which, python)
    found = _tried(program, photos, folder, extra, which)
    versions, number = _versions(program)
    size = sum(file.lstat().st_size for file in place.rglob("*") if not file.is_dir()) / 2**20
    row = f"| {extra} | {which} | {number} | {versions} | {size:.0f} | {found} |"
    print(row, flush=True)
    return row


def _environment(place: Path, extra: str, which: str, python: str) -> Path:
    """Return the interpreter of an environment with this facekit in it; what it needs is installed if it is missing."""
    program = place / "bin" / "python"
    install = ("pip", "install", "--compile-bytecode", "--python", program)
    if not (place / "whole").exists():
        shutil.rmtree(place, ignore_errors=True)
        _uv("venv", "--seed", "--python", python, place)
        listed = place / "requirements.txt"
        # Only of a project's own file are its requirements taken as direct ones, which are to be the lowest.
        resolution = ("--resolution", "lowest-direct" if which == LOWEST else "highest")
        _uv("pip", "compile", ROOT / "pyproject.toml", "--extra", extra, "--python", python, *resolution, "-o", listed)
        _uv(*install, "-r", listed)
        (place / "whole").touch()
    with tempfile.TemporaryDirectory() as wheels:
        _uv("build", "--wheel", "--out-dir", wheels, ROOT)
        _uv(*install, "--no-deps", "--reinstall", *Path(wheels).glob("*.whl"))
    return program


def _uv(*arguments: str | Path) -> None:
    program = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    done = subprocess.run([program, "--quiet", *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"uv {arguments[0]}: {done.stderr[-2000:]}")


def _tried(program: Path, photos: Path, folder: Path, extra: str, which: str) -> str:
    """Return what the environment made of each format."""
    written = folder / f"written-by-{'export' if extra == 'onnx' else extra}-{which}"
    written.mkdir(exist_ok=True)
    words = [program, ROOT / "benchmarks" / "export_worker.py", photos, written, *(["--read"] * (extra == "onnx"))]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": EXTRAS[extra] or "tensorflow"}
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, env=environment)
    if done.returncode:
        return f"FAILED: {' '.join(done.stderr.split())[-400:]}"
    found = json.loads(done.stdout.splitlines()[-1])
    return "; ".join(f"{name}: {what}" for name, what in found.items())


def _versions(program: Path) -> tuple[str, str]:
    """Return the packages of an environment that matter, and its Python."""
    code = (
        "import json, platform; from importlib.metadata import distributions as all; "
        "print(json.dumps([platform.python_version(), {one.name.lower(): one.version for one in all()}]))"
    )
    done = subprocess.run([program, "-c", code], capture_output=True, text=True, check=True)
    number, found = json.loads(done.stdout)
    return ", ".join(f"{name} {found[name]}" for name in SHOWN if name in found), number


if __name__ == "__main__":
    sys.exit(main())
