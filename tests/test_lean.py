"""A plain install, without extras: what needs none works, the rest says which one is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# As in a lean environment, an import of an extra's package finds nothing.
LEAN = """
import sys
from importlib.abc import MetaPathFinder
from facekit.base.plugins import EXTRAS

class Absent(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in EXTRAS:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
from facekit.cli import main
main()
"""


def facekit(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LEAN, *map(str, arguments)], capture_output=True, text=True, timeout=60
    )


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("lean")
    done = facekit("draw", "-o", root / "photos", "--people", "2", "--photos", "6", "--no-faults", "--quiet")
    assert done.returncode == 0, done.stderr
    return root / "photos"


def test_crop_clean_and_balance_need_no_extra(photos: Path) -> None:
    root = photos.parent
    steps = (
        ("crop", photos, "-o", root / "faces"),
        ("clean", root / "faces", "-o", root / "good", "--min-images", "4"),
        ("balance", root / "good", "-o", root / "even", "--count", "4"),
    )
    for step in steps:
        done = facekit(*step)
        assert done.returncode == 0, done.stderr
    assert len(list((root / "even").glob("*/*.jpg"))) == 8


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (("scrape", "Ada Lovelace", "-o", "raw"), "scrape"),
        (("augment", "even", "-o", "full"), "augment"),
        (("train", "full", "-o", "model"), "train"),
        (("crop", "photos", "-o", "faces", "--cluster", "local:2"), "cluster"),
        (("demo", "-o", "demo"), "train"),
        (("cross-validate", "model"), "train"),
        (("predict", "model", "photo.jpg", "--grid", "sheet.png"), "train"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_command_says_which_extra_it_misses(arguments: tuple[str, ...], extra: str) -> None:
    done = facekit(*arguments)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"pip install 'facekit-cli[{extra}]'" in done.stderr


def test_the_doctor_names_what_is_missing_and_how_to_get_it() -> None:
    done = facekit("doctor", "--quiet")
    assert done.returncode == 0, done.stderr
    missing = [line for line in done.stdout.splitlines() if line.startswith("missing")]
    assert {"selenium", "albumentations", "keras"} <= {line.split()[1] for line in missing}
    assert all("pip install" in line for line in missing if line.split()[1] in ("selenium", "keras"))
