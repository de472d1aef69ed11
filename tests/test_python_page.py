"""The Python in the documentation does what it says: blocks run one after the other, as a reader types them."""

from __future__ import annotations

import re
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

import facekit

PAGE = ROOT / "docs" / "python.md"
GUIDES = [ROOT / "docs" / "guides" / f"{name}.md" for name in ("galleries", "extending")]
"""They begin with what the page on the Python API has made."""


def blocks(page: Path) -> list[str]:
    """Return the blocks of a page that are no module of their own, such as the example that one shows."""
    found = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    return [block for block in found if not block.startswith('"""')]


def test_the_blocks_run_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("dlib", "keras"):
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    known: dict[str, Any] = {}
    _run(PAGE, known)
    assert len(known["dataset"]) == 27
    assert known["pictures"].shape == (27, 96, 96, 3)
    assert known["face"].name in known["dataset"].labels
    assert known["network"].history.history["val_accuracy"]
    _lay_out(tmp_path)
    for guide in GUIDES:
        _run(guide, known)
    assert set(known["recall"]) == set(known["scores"]["labels"])
    assert facekit.Dataset("album").labels == ("Ada Lovelace",)


def _run(page: Path, known: dict[str, Any]) -> None:
    for number, block in enumerate(blocks(page)):
        if "torch" not in block or find_spec("torch") is not None:
            exec(compile(block, f"{page.name}, block {number}", "exec"), known)


def _lay_out(folder: Path) -> None:
    """Make what the guides suppose that a reader has."""
    photo = next(iter(sorted((folder / "photos").glob("*/*.jpg"))))
    (folder / "album").mkdir()
    for name in ("photo.jpg", "album/1.jpg"):
        shutil.copy(photo, folder / name)
    (folder / "people.csv").write_text("image,person\n1.jpg,Ada Lovelace\n")


def test_the_guide_shows_the_example_package_as_it_is() -> None:
    text, example = GUIDES[1].read_text(encoding="utf-8"), ROOT / "examples" / "parts"
    for kind, name in (("toml", "pyproject.toml"), ("python", "facekit_parts.py")):
        assert f"```{kind}\n{(example / name).read_text(encoding='utf-8')}```" in text


def test_the_page_names_what_is_public() -> None:
    text = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"facekit\.(\w+)", text))
    assert {name for name in facekit.__all__ if name[0].isupper()} <= named
    assert named - {*facekit.__all__, "__all__", "some_name"} == set()
