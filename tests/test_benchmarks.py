"""The benchmarks are run by hand and by the hour: here, that all they import of facekit and of the tests is there."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT

BENCHMARKS = sorted((ROOT / "benchmarks").glob("*.py"))


@cache
def names_of(file: Path) -> set[str]:
    """What a module defines or imports at its top, with the modules beside a package's `__init__.py`."""
    found = {path.stem for path in file.parent.iterdir()} if file.name == "__init__.py" else set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def file_of(module: str) -> Path | None:
    """The file of a module of facekit, of the tests, or of a benchmark; None of any other."""
    place = ROOT / module.replace(".", "/")
    beside = [folder / f"{module}.py" for folder in (ROOT / "tests", ROOT / "benchmarks")]
    candidates = (place / "__init__.py", place.with_suffix(".py"), *beside)
    return next((file for file in candidates if file.is_file()), None)


@pytest.mark.parametrize("benchmark", BENCHMARKS, ids=lambda file: file.stem)
def test_what_a_benchmark_imports_is_there(benchmark: Path) -> None:
    imports = [node for node in ast.walk(ast.parse(benchmark.read_text())) if isinstance(node, ast.ImportFrom)]
    ours = [(node, file_of(node.module or "")) for node in imports]
    assert not [node.module for node, file in ours if str(node.module).startswith("facekit") and file is None]
    for node, file in ours:
        if file is not None:
            missing = {alias.name for alias in node.names} - names_of(file)
            assert not missing, f"{benchmark.name}, line {node.lineno}: {node.module} has no {missing}"


def test_edits_are_the_same_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty kinds at three strengths: each changes the picture, and again the same way."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from edits import EDITS, edited, middle

    from facekit.world.draw import photo
    from facekit.world.people import people
    from facekit.world.shot import shot

    image, _ = photo(people(3, 2)[0], shot(np.random.default_rng(1)), (240, 320))
    assert len({edit.name for edit in EDITS}) == 20
    for edit in EDITS:
        for strength in range(3):
            made, again = (edited(edit, strength, image, 7, middle(image), [image[::-1].copy()]) for _ in range(2))
            assert np.array_equal(made, again)
            assert not np.array_equal(made, image)
