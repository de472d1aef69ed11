"""An exported model in clean environments: what the extra `onnx` brings, oldest and newest, and no TensorFlow."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, picture

pytest.importorskip("onnx", reason="the extra `export` is not installed")

from exporting import tiny_graph, written_to

from facekit.base import images

MOST_MEGABYTES = 700
"""Of an environment with the extra `onnx`: 557 when it was measured. TensorFlow alone has 1,840."""


def _oldest(extra: str) -> list[str]:
    """The lowest versions that pyproject allows, of facekit's own needs and of an extra's."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"][extra]]
    return [re.sub(r">=([\d.]+).*", r"==\1.*", one) for one in needed if ">=" in one]


@pytest.mark.slow
@pytest.mark.parametrize("versions", ["oldest", "newest"])
def test_an_exported_model_answers_without_tensorflow(tmp_path: Path, versions: str) -> None:
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    pins = _oldest("onnx") if versions == "oldest" else []
    done = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", f"{ROOT}[onnx]", *pins], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    size = sum(file.stat().st_size for file in (tmp_path / "venv").rglob("*") if file.is_file()) / 2**20
    assert size < MOST_MEGABYTES
    file = written_to(tmp_path / "model.onnx", tiny_graph())
    green = np.zeros_like(picture(0))
    green[..., 1] = 255
    (tmp_path / "green.png").write_bytes(images.encode_png(green))
    asked = [tmp_path / "venv" / "bin" / "facekit", "predict", file, tmp_path / "green.png", "--no-detect", "--json"]
    done = subprocess.run(asked, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["label"] == "green"
    missing = subprocess.run([python, "-c", "import tensorflow"], capture_output=True)
    assert missing.returncode == 1
