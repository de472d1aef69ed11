"""Text from outside does nothing where it is shown, and reads as what it is."""

import ast
import csv
import io
import re
import tracemalloc
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as some

from facekit.base.files import csv_text
from facekit.base.text import LISTED, LONGEST, counted, csv_cell, encode, lines, listed, shortened, visible, whole

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


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (counted(0, "face"), "0 faces"),
        (counted(1, "face"), "1 face"),
        (counted(1200, "face"), "1,200 faces"),
        (counted(1, "person is", "people are"), "1 person is"),
        (counted(2, "person is", "people are"), "2 people are"),
    ],
)
def test_one_thing_is_not_several(said: str, words: str) -> None:
    assert said == words


THINGS = (
    "answers|bots|cards|contenders|copies|cores|decisions|embeddings|epochs|faces|fields|files|folders|folds|groups|images|"
    "labels|layers|lines|links|minutes|models|names|others|pairs|parts|people|photos|pictures|records|resamples|searches|"
    "seconds|steps|strangers|trees|units|values"
)

COUNTS = re.compile(
    rf"(?:\x01|%d|%s|\}}\}}) (?:more |other |left-out |training |known |good |blank |of the |of its )*(?:{THINGS})\b"
    r"(?! no | one | \x01| %s| that are not| with numbers|, no picture)"
)
"""A number and things; not the verbs in `recipe.toml names no stage` and `the model answers with`."""

NEVER_ONE = {
    # Limits and settings, which are greater.
    ("api/model.py", "\x01 labels"),
    # An address, which `answers`.
    ("sources/picture.py", "\x01 answers with HTTP status"),
    ("video/opening.py", "\x01 answers something that is no video"),
    ("base/cluster/client.py", "up to %d seconds"),
    ("commands/train/supervising.py", "within \x01 seconds"),
    # Faces that were kept and faces that were left out, of each of which there is one at least.
    ("scores/model.py", "of \x01 faces"),
    ("base/lines.py", "more than \x01 blank lines"),
    ("base/rows.py", "more than \x01 blank lines"),
    ("commands/compare/contenders.py", "has \x01 contenders"),
    ("commands/scrape/notices.py", "\x01 bots on"),
    ("commands/scrape/notices.py", "\x01 minutes"),
    ("commands/inspect/pictures.py", "one page cannot show \x01 pictures"),
    ("commands/cross_validate/stage.py", "\x01 folds need"),
    ("commands/cross_validate/stage.py", "\x01 folds of its own pictures"),
    ("commands/gallery/denying.py", "\x01 shows \x01 faces; say which"),
    ("identity/faces.py", "\x01 shows \x01 faces; give a number"),
    ("identity/gallery/promise.py", "\x01 people left out in turn"),
    ("identity/gallery/sqlite.py", "row \x01 of \x01 names nobody"),
    ("identity/gallery/promise.py", "about \x01 people, or as many strangers"),
    ("dataset/lineage.py", "a split in \x01 parts"),
    ("dataset/tables.py", "it has \x01 values"),
    ("dataset/tables.py", "at most \x01 groups"),
    ("dataset/tree.py", "for \x01 of its pictures"),
    ("dataset/tables.py", "is the name of \x01 photos"),
    ("report/scores.py", "have \x01 photos or people"),
    ("identity/openset/evaluation.py", "\x01 people of the model are not strangers"),
    ("identity/openset/answers.py", "with %d people left"),
    ("identity/held_out.py", "all of these \x01 pictures"),
    ("report/templates/clean.html", "{{ measured }} faces"),
    ("report/templates/scores.html", "{{ classes.accuracy | percent }} of the answers"),
    ("report/templates/scores.html", "{{ info.pictures_per_second }} pictures per second"),
    ("report/templates/scores.html", "{{ by.gap.of }} groups"),
    ("runs/info.py", "has \x01 faces"),
    ("scores/identification.py", "\x01 people"),  # asked for one before
    ("serving/guard.py", "within \x01 seconds"),
    ("serving/gate.py", "within \x01 seconds"),
    ("serving/people.py", "shows \x01 faces; say which"),
    ("sources/pieces.py", "\x01 names pieces"),
    ("sources/engines/api.py", "end in \x01 seconds"),
    ("training/callbacks.py", "for \x01 epochs"),
    ("identity/split_people.py", "each of \x01 parts of the split"),
    ("report/cards/wording.py", "fewer than \x01 photos"),
}


def test_whatever_counts_things_says_one_thing_right() -> None:
    """`1 pictures` is in no message and on no page: numbers with a noun are written by `counted`."""
    package = ROOT / "facekit"
    found = {(str(file.relative_to(package)), text) for file in package.rglob("*.py") for text in _texts(file)}
    for file in (package / "report" / "templates").glob("*.html"):
        found |= {(f"report/templates/{file.name}", line) for line in file.read_text().splitlines()}
    wrong = [(file, text) for file, text in sorted(found) if COUNTS.search(text) and not file.startswith("world/")]
    allowed = [(file, text) for file, text in wrong if any(file == f and part in text for f, part in NEVER_ONE)]
    assert [one for one in wrong if one not in allowed] == []
    unused = [one for one in NEVER_ONE if not any(one[0] == file and one[1] in text for file, text in allowed)]
    assert unused == []


def _texts(file: Path) -> Iterator[str]:
    """The texts of a module, `\\x01` for each value in them; not its docstrings."""
    tree = ast.parse(file.read_text())
    parts: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts |= {id(value) for value in node.values}
        if isinstance(node, ast.Expr):
            parts.add(id(node.value))
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "\x01" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield node.value
