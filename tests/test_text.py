"""Text from outside does nothing where it is shown, and reads as what it is."""

import csv
import io
import tracemalloc
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as some

from facekit.base.files import csv_text
from facekit.base.text import LISTED, LONGEST, csv_cell, encode, lines, listed, shortened, visible, whole

TURNING = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
"""What turns the direction in which text after it is written."""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ada", "Ada"),
        ("Zoë 😀 李", "Zoë 😀 李"),
        ("می\u200cخواهم", "می\u200cخواهم"),  # a joiner that Persian needs
        ("\x1b[2J\x1b]0;mine\x07", r"\x1b[2J\x1b]0;mine\x07"),
        ("a\nerror: b\r\tc", r"a\nerror: b\r\tc"),
        ("\x7f\x85\x9b31m", r"\x7f\x85\x9b31m"),
        ("\u202egpj.exe", r"\u202egpj.exe"),
        ("\u2066a\u2069\u200f\u061c", r"\u2066a\u2069\u200f\u061c"),
        ("a\u2028b\ufeff", r"a\u2028b\ufeff"),
        ("\U000e0041", r"\U000e0041"),
        ("\udcff", r"\udcff"),
    ],
)
def test_what_acts_on_a_terminal_becomes_visible(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert visible(shown) == shown


@pytest.mark.parametrize("text", ["=1+2", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert csv_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "Ada", "a=b", "-", "-0.5", "+3", "-1e-05", "-.5", "-3%"])
def test_numbers_and_words_stay(text: str) -> None:
    assert csv_cell(text) == text


def test_a_list_is_as_long_as_a_person_reads() -> None:
    names = [f"name {number}" for number in range(20_000)]
    assert listed(names[:LISTED]) == ", ".join(names[:LISTED])
    assert listed(names) == "name 0, name 1, name 2, name 3, name 4 and 19,995 more"
    assert listed([]) == ""


def test_a_long_line_keeps_its_beginning_and_what_it_says_to_do() -> None:
    line = "x.json is wrong (" + "x" * 1_000_000 + "); fix it"
    assert shortened(line[:LONGEST]) == line[:LONGEST]
    shown = shortened(line)
    assert len(shown) < LONGEST + 50
    assert shown.startswith("x.json is wrong (xxx")
    assert shown.endswith("xxx); fix it")
    assert " … 992,026 characters left out … " in shown


def test_lines_are_numbered_as_an_editor_does() -> None:
    assert list(lines("Ada\r\n\n \t\nBob\u2028x\n\n  Cyd")) == [(1, "Ada"), (4, "Bob\u2028x"), (6, "  Cyd")]
    assert [line for _, line in lines("Ada\rBob\r")] == ["Ada", "Bob"]
    assert list(lines("")) == list(lines("\n\n")) == []


def test_blank_lines_take_no_memory() -> None:
    text = "\n" * 3_000_000 + "Ada"
    tracemalloc.start()
    try:
        assert list(lines(text)) == [(3_000_001, "Ada")]
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("007", 7), ("9" * 18, 10**18 - 1)])
def test_a_whole_number_is_read(text: str, number: int) -> None:
    assert whole(text) == number


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.0", " 1", "1_0", "²", "٣", "9" * 19, "9" * 5000, "\udcff"])
def test_what_is_no_whole_number_is_none(text: str) -> None:
    assert whole(text) is None


def test_a_table_is_read_back_as_it_was_written() -> None:
    rows = [["Ada, the 1st", 1, 0.25], ['"quoted"\nname', None, -1.5], ["=evil()", 2, 3.0]]
    read = list(csv.reader(io.StringIO(csv_text(("name", "n", "share"), rows), newline="")))
    assert read == [
        ["name", "n", "share"],
        ["Ada, the 1st", "1", "0.25"],
        ['"quoted"\nname', "", "-1.5"],
        ["'=evil()", "2", "3.0"],
    ]


def test_names_of_files_that_are_not_utf8_are_written_as_the_disk_has_them() -> None:
    assert encode("ü\udcff") == b"\xc3\xbc\xff"
    assert encode("\ud800x") == b"?x"


@given(some.text(some.characters()))
def test_whatever_the_text_nothing_in_it_acts(text: str) -> None:
    shown = visible(text)
    assert not any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in shown)
    assert not any(unicodedata.bidirectional(character) in TURNING for character in shown)
    assert visible(shown) == shown


@given(some.lists(some.text(some.characters(codec="utf-8")), min_size=1))
def test_whatever_the_cells_none_is_a_formula(cells: list[str]) -> None:
    (_, *rows) = csv.reader(io.StringIO(csv_text(["x"] * len(cells), [cells]), newline=""))
    for (read,), cell in zip(zip(*rows, strict=True), cells, strict=True):
        assert read in (cell, f"'{cell}")
        assert not read.startswith(("=", "@", "\t", "\r")) or len(read) == 1
