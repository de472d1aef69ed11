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


def test_the_blocks_run_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("dlib", "keras"):
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    known: dict[str, Any] = {}
    for number, block in enumerate(BLOCKS):
        if "torch" not in block or find_spec("torch") is not None:
            exec(compile(block, f"{PAGE.name}, block {number}", "exec"), known)
    assert len(known["dataset"]) == 27
    assert known["pictures"].shape == (27, 96, 96, 3)
    assert known["face"].name in known["dataset"].labels
    assert known["network"].history.history["val_accuracy"]


def test_the_page_names_what_is_public() -> None:
    text = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"facekit\.(\w+)", text))
    assert {name for name in facekit.__all__ if name[0].isupper()} <= named
    assert named - {*facekit.__all__, "__all__", "some_name"} == set()
