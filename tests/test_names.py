"""Names: read, merged where they are one person, and given folders that every disk accepts."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from facekit.base.contract import FacekitError
from facekit.base.foldernames import MAX_BYTES, safe
from facekit.commands.scrape import names
from facekit.commands.scrape.names import labels, merge, read_names, words


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Ada Lovelace", "Ada Lovelace"),
        ("AC/DC", "AC_DC"),
        ("a\\b:c", "a_b_c"),
        ("..", "__"),
        (".", "_"),
        (".hidden.", "_hidden_"),
        ("/", "_"),
        ("\n", "_"),
        ("Ada\nLovelace\t", "Ada Lovelace"),
        ("👩🏽‍🚀", "👩🏽‍🚀"),
        ("Jose\u0301", "José"),
        ("evil\u202egpj", "evil gpj"),
        ("nul", "_nul"),
        ("COM1.txt", "_COM1.txt"),
        ("Mr. T", "Mr. T"),
    ],
)
def test_a_folder_is_safe(name: str, label: str) -> None:
    assert safe(name) == label


def test_a_long_name_is_cut_and_told_apart() -> None:
    first, second = safe("é" * 300), safe("é" * 301)
    assert first != second
    assert all(len(label.encode()) <= MAX_BYTES for label in (first, second))


def test_names_that_share_a_folder_are_told_apart_in_any_order_of_runs() -> None:
    one = labels(["A/B", "A_B", "a_b"], {})
    assert one["A/B"] == "A_B"
    assert len({label.casefold() for label in one.values()}) == 3
    again = labels(["A_B", "A/B"], {"a/b": "A_B"})
    assert again["A/B"] == "A_B" and again["A_B"] == one["A_B"]


def test_spellings_of_one_person_are_merged_with_a_notice() -> None:
    names, notices = merge(["José", "Jose\u0301", "JOSÉ", "Ann  Lee", "ann lee", "Bob"])
    assert names == ["José", "Ann  Lee", "Bob"]
    assert len(notices) == 3


def test_names_come_from_arguments_files_and_stdin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = tmp_path / "people.txt"
    listed.write_bytes("\ufeffAda\r\n\r\n Bob \n".encode())
    monkeypatch.setattr(sys, "stdin", io.StringIO("Cyd\nDan\n"))
    given = [str(listed), "-", "Eve/Adam", "x" * 300, "\0"]
    assert read_names(given) == ["Ada", "Bob", "Cyd", "Dan", "Eve/Adam", "x" * 300, "\0"]


def test_lists_that_cannot_be_read(tmp_path: Path) -> None:
    latin = tmp_path / "latin.txt"
    latin.write_bytes("José".encode("latin-1"))
    for given, said in ((["no-such.txt"], "no such file"), ([str(latin)], "UTF-8"), (["  "], "no names")):
        with pytest.raises(FacekitError, match=said):
            read_names(given)


@pytest.mark.parametrize("name", ["people.txt", "Ada"])
def test_a_fifo_is_neither_a_list_nor_a_name(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(FacekitError, match=rf"{name} is a FIFO; give a file with one name a line, or pipe the names"):
        read_names([str(tmp_path / name)])
    with pytest.raises(FacekitError, match="/dev/zero is a device; give a file"):
        read_names(["/dev/zero"])


def test_more_than_a_list_holds_is_not_read_from_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "MAX_TEXT", 100)
    monkeypatch.setattr(sys, "stdin", io.StringIO("Ada\n" * 26))
    with pytest.raises(FacekitError, match="stdin holds more than 100 characters"):
        read_names(["-"])


def test_a_query_is_one_line_with_the_name_in_it() -> None:
    assert words("Ada\nLovelace", "{name}  portrait") == "Ada Lovelace portrait"
    assert words("Jose\u0301", "{name}") == "José"
