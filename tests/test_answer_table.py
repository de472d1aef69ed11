"""Answers on a terminal: photos can be told apart at any width, and nothing is cut."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from facekit.cli import answer_table

FOLDER = "/home/ada/pictures/holidays of this year"


def _row(photo: str, name: str) -> dict[str, str]:
    return {"photo": photo, "face": "128 x 128 at 1034, 220", "name": name, "probability": "0.98", "similarity": "0.71"}


def _shown(rows: list[dict[str, str]], width: int) -> list[str]:
    screen = Console(file=StringIO(), width=width, force_terminal=False)
    screen.print(answer_table.show(rows, width))
    assert isinstance(screen.file, StringIO)
    return [line.rstrip() for line in screen.file.getvalue().splitlines() if line.strip()]


ROWS = [
    _row(f"{FOLDER}/first day/IMG_20260801_101112_0001.jpg", "Grace Brewster Murray Hopper"),
    _row(f"{FOLDER}/first day/IMG_20260801_101112_0001.jpg", "unknown"),
    _row(f"{FOLDER}/last day/IMG_20260801_101112_0002.jpg", "Ada"),
]


@pytest.mark.parametrize("width", [60, 80, 200])
def test_photos_can_be_told_apart(width: int) -> None:
    lines = _shown(ROWS, width)
    said = "\n".join(lines)
    assert max(map(len, lines)) <= width
    assert lines[0] == f"photos below {FOLDER}/"
    assert said.count(FOLDER) == 1
    for row in ROWS:
        assert row["photo"].removeprefix(f"{FOLDER}/") in said
        assert row["name"] in said
    assert "…" not in said
    assert said.count("similarity 0.71") == (3 if width < 200 else 0), "no number is broken off its name"
    assert said.count("IMG_20260801_101112_0001.jpg") == (1 if width < 200 else 2)


def test_one_photo_keeps_its_path() -> None:
    lines = _shown([_row("photos/a.jpg", "Ada")], 120)
    assert lines[0].split() == ["photo", "face", "name", "probability", "similarity"]
    assert lines[2].split()[0] == "photos/a.jpg"


def test_photos_of_several_places_keep_their_paths() -> None:
    said = "\n".join(_shown([_row("a.jpg", "Ada"), _row("/b/c.jpg", "Bob"), _row("/b/d.jpg", "Bob")], 120))
    assert "below" not in said
    assert "/b/c.jpg" in said


def test_what_would_act_on_the_terminal_is_escaped() -> None:
    rows = [_row("photos/\x1b[2J.jpg", "[red]Ada"), _row("photos/b.jpg", "Bob\x1b[0m")]
    for width in (60, 200):
        said = "\n".join(_shown(rows, width))
        assert "\x1b" not in said
        assert "[red]Ada" in said
