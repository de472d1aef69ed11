"""The command of `examples/command`, as somebody else's package: built, installed, and run in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, picture

from facekit.base import images

EXAMPLE = ROOT / "examples" / "command"
BUILD = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"

Facekit = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def facekit(tmp_path_factory: pytest.TempPathFactory) -> Facekit:
    """Run facekit where the example's wheel is installed, in a folder of its own beside this environment."""
    out, site = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("site")
    built = subprocess.run([sys.executable, "-c", BUILD, str(out)], cwd=EXAMPLE, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    install = ["-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", str(site)]
    done = subprocess.run(
        [sys.executable, *install, str(out / built.stdout.split()[-1])], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    path = os.pathsep.join(filter(None, (str(site), str(ROOT), os.environ.get("PYTHONPATH"))))

    def run(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "facekit", *map(str, arguments)]
        environment = {**os.environ, "PYTHONPATH": path, "COLUMNS": "120"}
        return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60)

    return run


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Two names: Ada's two pictures differ, Bob's one is joined by a file that is no picture."""
    for label, seeds in (("Ada", (1, 2)), ("Bob", (3,))):
        (tmp_path / "tree" / label).mkdir(parents=True)
        for seed in seeds:
            (tmp_path / "tree" / label / f"{seed}.png").write_bytes(images.encode_png(picture(seed)))
    (tmp_path / "tree" / "Bob" / "note.txt").write_text("no picture")
    return tmp_path / "tree"


def test_the_example_is_short() -> None:
    assert len((EXAMPLE / "facekit_mean.py").read_text().splitlines()) <= 50


def test_help_lists_it_among_facekits_own(facekit: Facekit) -> None:
    done = facekit("--help")
    assert (done.returncode, done.stderr) == (0, "")
    listed = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")]
    assert listed.index("clean") < listed.index("mean-face") < listed.index("train")


def test_its_options_are_on_the_command_line(facekit: Facekit) -> None:
    done = facekit("mean-face", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    for option in ("INPUT", "--output", "-o", "--side", "--json", "--log-file", "Draw the mean face of each name"):
        assert option in done.stdout


def test_it_runs(facekit: Facekit, tree: Path) -> None:
    done = facekit("mean-face", tree, "-o", tree.parent / "means.png", "--side", "32", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["stage"], report["made"], report["left"]) == ("mean-face", 2, {"not a picture": 1})
    sheet = images.read(tree.parent / "means.png")
    ada = [images.resize(picture(seed), 32).astype(np.float64) for seed in (1, 2)]
    assert sheet.shape == (32, 64, 3)
    assert np.array_equal(sheet[:, :32], ((ada[0] + ada[1]) / 2).astype(np.uint8))


def test_its_options_are_checked_as_facekits_own(facekit: Facekit, tree: Path) -> None:
    done = facekit("mean-face", tree, "--side", "5")
    assert (done.returncode, done.stderr) == (2, "error: --side is 5; it must be 16 or more\n")


def test_a_recipe_may_hold_it_and_its_paths_lie_beside_the_recipe(facekit: Facekit, tree: Path) -> None:
    recipe = tree.parent / "recipe.toml"
    recipe.write_text(
        'output = "work"\n[[stage]]\ncommand = "crop"\ninput = "tree"\ndetect = false\nsize = 32\n'
        '[[stage]]\ncommand = "mean-face"\noutput = "all.png"\n'
    )
    (tree.parent / "elsewhere").mkdir()
    done = facekit("run", "../recipe.toml", cwd=tree.parent / "elsewhere")
    assert done.returncode == 0, done.stderr
    assert images.read(tree.parent / "work" / "all.png").shape == (96, 192, 3)
