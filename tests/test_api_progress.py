"""Progress of functions: bars on a terminal and in a notebook, lines elsewhere, nothing unless it is asked for."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from terminal import on_terminal

import facekit
from facekit.cli import tracking
from facekit.cli.tracking import Tracker

CROP = 'facekit.crop("plain", "faces", detect=False, size=32, progress={})'


def test_a_terminal_shows_bars(plain: Path) -> None:
    code = f"import facekit; print({CROP.format(True)}.kept)"
    done = on_terminal([sys.executable, "-c", code], plain.parent, more={"PYTHONPATH": str(ROOT)})
    assert done.code == 0
    assert "crop " in done.text and "━━━" in done.text and "/16" in done.text
    assert done.text.rstrip().endswith("16")


def test_elsewhere_there_are_lines(
    plain: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(plain.parent)
    facekit.crop("plain", "faces", detect=False, size=32, progress=True)
    said = capsys.readouterr()
    assert said.out == ""
    assert any(line.startswith("crop: 16/16 (") for line in said.err.splitlines())


def test_the_bars_of_answers_stay_until_the_last_answer(plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (plain / "Ada" / "text.jpg").write_text("no picture")
    facekit.crop(plain, plain.parent / "faces", detect=False, size=32)
    answers = facekit.rejected(plain.parent / "faces", progress=True)
    assert [answer.reason for answer in answers] == ["not a picture"]
    capsys.readouterr()


def test_nothing_is_said_of_a_loop_that_was_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a notebook, the last traceback keeps the loop of an interrupted cell."""
    monkeypatch.setattr(tracking, "_EVERY", 0.01)
    tracker = Tracker.on_stderr()
    loop = tracker.track(range(9), "crop")
    next(loop)
    ticker = next(thread for thread in threading.enumerate() if thread.name == "facekit-lines")
    tracker.stop()
    ticker.join(timeout=10)
    assert not ticker.is_alive()
    capsys.readouterr()
    loop.close()  # type: ignore[attr-defined]


def _notebook(cells: list[str], folder: Path) -> Any:
    """Run a notebook in a kernel of its own, and return it with what its cells gave."""
    for package in ("nbclient", "ipykernel", "ipywidgets"):
        pytest.importorskip(package, reason="a notebook needs nbclient, ipykernel and ipywidgets")
    import nbclient
    import nbformat

    notebook = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, cells)))
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    client = nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}})
    client.execute(env={**os.environ, "PYTHONPATH": path})
    return notebook


def _widgets(notebook: Any) -> list[str]:
    """What stands in each widget when the notebook is done."""
    state = notebook.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    outputs = [one["state"]["outputs"] for one in state.values() if one["model_name"] == "OutputModel"]
    return ["".join(output["data"]["text/plain"] for output in some) for some in outputs]


@pytest.mark.filterwarnings("ignore")  # of Jupyter's own
def test_a_notebook_shows_bars(plain: Path) -> None:
    notebook = _notebook(["import facekit", CROP.format(True), CROP.format(False)], plain.parent)
    (bars,) = _widgets(notebook)
    assert "crop" in bars and "━━━" in bars and "16/16" in bars
    first, again = (cell.outputs for cell in notebook.cells[1:])
    assert first[-1]["data"]["text/plain"].startswith("crop: 16 new, 16 in all, 0 left out, ")
    assert [output["output_type"] for output in again] == ["execute_result"], "nothing is shown that nobody asked for"


@pytest.mark.filterwarnings("ignore")
def test_a_notebook_without_widgets_shows_lines(plain: Path) -> None:
    absent = "import sys; sys.modules['ipywidgets'] = None; import facekit"
    notebook = _notebook([absent, CROP.format(True)], plain.parent)
    shown = "".join(output["data"].get("text/plain", "") for output in notebook.cells[1].outputs)
    assert "crop: 16/16 (" in shown
    assert "widgets" not in notebook.metadata
