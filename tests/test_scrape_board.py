"""What a person sees of a long run: a table of bots on a terminal, lines elsewhere, and who fell short."""

from __future__ import annotations

import io
import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from plainengine import ENGINES
from plainweb import Plain, many
from rich.console import Console as Screen
from terminal import on_terminal

from facekit.base import plugins
from facekit.base.contract import Board, Report
from facekit.cli import tracking
from facekit.cli.bars import Bars
from facekit.cli.console import Console
from facekit.commands.scrape import scrape
from facekit.commands.scrape.board import COLUMNS, Watch
from facekit.commands.scrape.bot import Status
from facekit.options.scrape import Scrape
from facekit.world.web import Web, serve

CHILD = """
import sys
from facekit.base import plugins
from facekit.cli import main
from plainengine import ENGINES
plugins.PARTS["engine"].update(ENGINES)
main()
"""


def board(bots: int, name: str = "Ada Lovelace") -> Board:
    rows = [(str(k + 1), name, "searching", "1,500", "1,234", "100") for k in range(bots)]
    return Board(COLUMNS, rows, ("all", "3 of 1,898 names", "", "15,000", "12,340", "1,000"), "3 of 1,898 names")


def drawn(what: Board, width: int, height: int) -> list[str]:
    """The lines of a screen of that size while one loop is under way."""
    out = io.StringIO()
    screen = Screen(file=out, force_terminal=True, width=width, height=height, color_system=None)
    bars = Bars.on(screen)
    bars.add_task("scrape", total=100)
    bars.board = lambda: what
    for part in bars.get_renderables():
        screen.print(part)
    return out.getvalue().splitlines()


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 50)])
def test_ten_bots_fit_a_terminal(width: int, height: int) -> None:
    lines = drawn(board(10), width, height)
    assert len(lines) == 13
    assert lines[0].split() == ["bot", "name", "state", "found", "kept", "per", "min"]
    assert [line.split()[0] for line in lines[1:11]] == [str(k) for k in range(1, 11)]
    assert lines[11].split()[:3] == ["all", "3", "of"]
    assert lines[12].startswith("scrape")
    assert max(map(len, lines)) <= width


def test_what_does_not_fit_is_counted() -> None:
    lines = drawn(board(64, "A very long name " * 9), 80, 24)
    assert len(lines) <= 23
    assert any("… and 46 more" in line for line in lines)
    assert max(map(len, lines)) <= 80


def test_a_loop_that_waits_is_heard_of(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(tracking, "_EVERY", 0.05)

    def slow() -> Iterator[int]:
        yield 1
        time.sleep(0.3)
        yield 2

    with Console() as talk:
        assert list(talk.track(slow(), "scrape", 2, lambda: board(1))) == [1, 2]
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) >= 4
    assert re.fullmatch(r"scrape: 1/2 \(.*/s, .* s left\); 3 of 1,898 names", lines[1])
    assert lines[-1].startswith("scrape: 2/2")


def test_each_bot_is_credited_with_what_its_names_keep() -> None:
    class Two:
        statuses = [Status("searching", "Bob", 12, 3), Status("waiting", "", 5, 1)]

    watch = Watch(Two(), 4)  # type: ignore[arg-type]
    watch.searched("Ada", 1)
    watch.searched("Bob", 0)
    watch.kept("Ada", 3)
    watch.kept("Bob", 2)
    watch.kept("Cyd", 4)  # searched for by an earlier run
    watch.ended("Ada")
    shown = watch.board()
    assert [row[:5] for row in shown.rows] == [("1", "Bob", "searching", "12", "2"), ("2", "", "waiting", "5", "3")]
    assert shown.total[:5] == ("all", "1 of 4 names", "", "17", "9")
    assert shown.line == "1 of 4 names, 17 found, 9 kept, 1 of 2 bots searching"


def closing(capsys: pytest.CaptureFixture[str], shortfalls: list[dict[str, Any]]) -> list[str]:
    report = Report("scrape", "raw", 3, 3, details={"shortfalls": shortfalls, "kept_pages": []})
    with Console() as talk:
        talk.table([report])
    return capsys.readouterr().err.splitlines()


def test_the_worst_names_are_listed_and_the_rest_counted(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"name": f"N{k}", "kept": k, "short": 40 - k, "why": "bing: ok; 9 found"} for k in range(14)]
    lines = closing(capsys, rows)
    assert [line.split()[0] for line in lines[2:]] == ["name", *(f"N{k}" for k in range(10)), "…"]
    assert lines[-1].strip() == "… and 4 more names that fell short: see raw"
    assert len(closing(capsys, [])) == 2


def test_a_name_cannot_spoil_the_screen(capsys: pytest.CaptureFixture[str]) -> None:
    lines = closing(capsys, [{"name": "Ada\n\x1b[2JLovelace", "kept": 0, "short": 1, "why": "[bold]bing[/]: empty"}])
    assert len(lines) == 4
    assert lines[3].split() == [r"Ada\n\x1b[2JLovelace", "0", "1", "[bold]bing[/]:", "empty"]


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    names = {f"more Name {k}": many(f"n{k}", 6, {1: "slow", 2: "404"}) for k in range(12)}
    with serve(Plain(names)) as one:
        yield one


def test_the_command_on_a_terminal(web: Web, tmp_path: Path) -> None:
    """The table is there while bots work, and gone when they have."""
    names = [f"Name {k}" for k in range(12)]
    words = ["scrape", *names, "-o", str(tmp_path / "raw"), "--engine", "plain", "--base-url", web.base_url]
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    more = {"COLUMNS": "80", "LINES": "24", "TERM": "xterm", "PYTHONPATH": paths}
    command = [sys.executable, "-c", CHILD, *words, "--per-name", "4"]
    with (tmp_path / "out").open("wb") as out:
        ended = on_terminal(command, tmp_path, 80, more, out.fileno())
    assert (tmp_path / "out").read_text() == f"{tmp_path / 'raw'}\n"
    said = ended.text
    assert ended.code == 0, said
    assert re.search(r"bot\s+name\s+state\s+found\s+kept\s+per min", said)
    assert said.rindex("per min") < said.rindex("stage"), "the table goes when the bots have done"


def test_a_stage_prints_nothing_by_itself(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(plugins.PARTS, "engine", {**plugins.PARTS["engine"], **ENGINES})
    scrape(Scrape(names=["Name 1"], output=tmp_path / "raw", per_name=2, engine="plain", base_url=web.base_url))
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "")
