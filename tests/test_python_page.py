"""The page on the Python API does what it says: its blocks run one after the other, as a reader types them."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

import facekit

PAGE = ROOT / "docs" / "python.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for package in ("dlib", "keras"):
        pytest.importorskip(package)
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="module")
def known() -> dict[str, Any]:
    """What the blocks so far have defined."""
    return {}


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_each_block_runs(number: int, place: Path, known: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    block = BLOCKS[number]
    if "torch" in block and find_spec("torch") is None:
        pytest.skip("PyTorch is not installed")
    monkeypatch.chdir(place)
    exec(compile(block, f"{PAGE.name}, block {number}", "exec"), known)


def test_what_the_blocks_made_is_there(place: Path, known: dict[str, Any]) -> None:
    assert len(known["dataset"]) == 27
    assert known["pictures"].shape == (27, 96, 96, 3)
    assert known["face"].label in known["dataset"].labels
    assert known["network"].history.history["val_accuracy"]


def test_the_page_names_what_is_public() -> None:
    text = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"facekit\.(\w+)", text))
    assert {name for name in facekit.__all__ if name[0].isupper()} <= named
    assert named - {*facekit.__all__, "__all__", "some_name"} == set()
