"""CSV files of what is known about pictures: which row is whose."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from conftest import plain_tree

from facekit.base.contract import FacekitError
from facekit.commands.balance import balance
from facekit.dataset import Dataset, tables
from facekit.options.balance import Balance


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return plain_tree(tmp_path / "plain", {"Ada": 4, "Bob": 4})


MANY = ",".join(f"c{number}" for number in range(20_000))
"""Columns of a table that nobody lists."""


def _table(folder: Path, *lines: str) -> tables.Table:
    file = folder / "table.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8-sig")
    return tables.read(file)


def test_a_table_takes_no_more_memory_than_its_text(tmp_path: Path) -> None:
    """A row of one value is as small as its text, however many columns the header has."""
    (tmp_path / "table.csv").write_text(f"image,{MANY}\n" + "a\n" * 300)
    tracemalloc.start()
    try:
        table = tables.read(tmp_path / "table.csv")
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
    assert len(table.rows) == 300
    assert (table.rows[-1]["image"], table.rows[-1]["c7"]) == ("a", "")


@pytest.mark.parametrize("begins", ["image,", '"\n",image,'])
def test_a_row_without_end_is_not_read(tmp_path: Path, begins: str) -> None:
    (tmp_path / "table.csv").write_text(begins + ",".join(map(str, range(300_000))) + "\na,b\n")
    with pytest.raises(FacekitError, match=r"line 1 is not valid CSV \(a row of more than 1048576 characters\)"):
        tables.read(tmp_path / "table.csv")


def test_blank_lines_have_an_end(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("image,label\n" + "\n" * 99_999 + "a,b\n")
    assert tables.read(tmp_path / "table.csv").lines == [100_001]
    (tmp_path / "table.csv").write_text("image,label\n" + "\n" * 1_000_000 + "a,b\n")
    with pytest.raises(FacekitError, match=r"line 100002 is not valid CSV \(more than 100,000 blank lines\)"):
        tables.read(tmp_path / "table.csv")


def test_a_row_goes_by_path_or_by_a_name_that_one_picture_has(plain: Path, tmp_path: Path) -> None:
    rows = ("image,gender", "Ada/0000.png,female", "Ada/0001,female", "0002.png, female ", "0004,male", "gone.png,male")
    found = tables.column(_table(tmp_path, *rows), "gender", Dataset.open(plain))
    assert found == ["female"] * 3 + [None, "male"] + [None] * 3


def test_a_name_of_two_photos_is_refused(plain: Path, tmp_path: Path) -> None:
    (plain / "Ada" / "0004.png").write_bytes((plain / "Ada" / "0000.png").read_bytes() + b" ")
    with pytest.raises(FacekitError, match=r"table\.csv: 0004 is the name of 2 photos; give paths below .*plain$"):
        tables.column(_table(tmp_path, "image,gender", "0004,male"), "gender", Dataset.open(plain))
    found = tables.column(_table(tmp_path, "image,gender", "Bob/0004,male"), "gender", Dataset.open(plain))
    assert found.count("male") == 1


def test_what_was_made_of_a_photo_goes_by_the_photos_name(plain: Path, tmp_path: Path) -> None:
    balance(Balance(input=plain, output=tmp_path / "even", count=6))
    even = Dataset.open(tmp_path / "even")
    rows = [f"Ada/000{n}.png,female" for n in range(4)] + [f"000{n},male" for n in range(4, 8)]
    found = tables.column(_table(tmp_path, "image,gender", *rows), "gender", even)
    assert found == ["female" if record.label == "Ada" else "male" for record in even.records]


def test_a_table_of_names_goes_by_label(plain: Path, tmp_path: Path) -> None:
    found = tables.column(_table(tmp_path, "label,gender", "Ada,female", "Zoe,female"), "gender", Dataset.open(plain))
    assert found == ["female"] * 4 + [None] * 4


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("picture,gender", "a,b"), r"table\.csv has no column image or label; it has picture, gender$"),
        ((MANY, "1"), r"no column image or label; it has c0, c1, c2, c3, c4 and 19,995 more$"),
        ((f"image,{MANY}", "1"), r"choose from c0, c1, c2, c3, c4 and 19,995 more$"),
        (("image,age,race", "a,1,2"), r"table\.csv has no column 'gender'; choose from age, race$"),
        (("image,gender", "x.png,male"), r"no image that has a gender is in .*plain; give paths below .*plain$"),
        (("label,gender", "Zoe,female"), r"no label that has a gender is in .*plain; give its names$"),
        (("image,gender", "0001,male", "Ada/0001.png,female"), r"gives Ada/0001\.png two values of gender, male and "),
        (("image,gender",), r"table\.csv has no rows; give a CSV file with a header and one line per picture$"),
    ],
)
def test_tables_that_say_nothing_are_refused(plain: Path, tmp_path: Path, lines: tuple[str, ...], message: str) -> None:
    with pytest.raises(FacekitError, match=message):
        tables.column(_table(tmp_path, *lines), "gender", Dataset.open(plain))


def test_files_that_are_no_tables_are_refused(plain: Path, tmp_path: Path) -> None:
    with pytest.raises(FacekitError, match=r"^no such file: .*nowhere\.csv; give a CSV file with a header$"):
        tables.read(tmp_path / "nowhere.csv")
    with pytest.raises(FacekitError, match=r"0000\.png is not UTF-8 text; save it as UTF-8$"):
        tables.read(plain / "Ada" / "0000.png")


def test_a_csv_of_pictures_anywhere_is_a_dataset(plain: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    absolute = plain / "Bob" / "0004.png"
    lines = ("image,label,age,group", "../plain/Ada/0000.png,Ada,30,g", f"{absolute},Bob,,", "gone.png,Bob,40,")
    found = tables.dataset(_table(elsewhere, *lines).file)
    assert [record.label for record in found.records] == ["Ada", "Bob", "Bob"]
    assert [record.targets for record in found.records] == [{"age": "30", "group": "g"}, None, {"age": "40"}]
    assert found.records[0].group == "g"
    assert found.bytes_of(found.records[1]) == absolute.read_bytes()
    assert found.records[0].id == Dataset.open(plain).records[0].id
    with pytest.raises(FacekitError, match=r"table\.csv, line 3: image or label is empty; fill it in, or delete"):
        tables.dataset(_table(elsewhere, "image,label", "a.png,Ada", "b.png,").file)
    with pytest.raises(FacekitError, match=r"has no column label; it has image, age$"):
        tables.dataset(_table(elsewhere, "image,age", "a.png,1").file)


# As people and their programs write them


def test_line_numbers_are_those_of_an_editor(tmp_path: Path) -> None:
    for lines, bad in (
        (("image,label", "", "a.jpg,A", "", "", "b.jpg,B", "x.jpg,"), 7),
        (("image,label", "", "a.jpg,A", "", "", "b.jpg,B", ","), 7),
        (("image,label", '"two', 'lines.jpg",A', "b.jpg,"), 4),
        (("sep=;", "image;label", "a.jpg;A", "b.jpg;"), 4),
        (("image,label", "a\u2028b.jpg,A", "a\x0bb.jpg,A", "b.jpg,"), 4),
    ):
        with pytest.raises(FacekitError, match=rf"table\.csv, line {bad}: image or label is empty"):
            tables.dataset(_table(tmp_path, *lines).file)
    assert _table(tmp_path, "image,label", '"two', 'lines.jpg",A', "", "b.jpg,B").lines == [2, 5]
    with pytest.raises(FacekitError, match=r"table\.csv, line 3 has 3 values and the header 2 names; put quotes"):
        _table(tmp_path, "image,label", "a.jpg,A", "b,c.jpg,B")
    row = _table(tmp_path, "image,label", "a.jpg,A,,", "b.jpg").rows[1]
    assert (row["image"], row["label"]) == ("b.jpg", "")


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_values_may_be_parted_by_commas_semicolons_and_tabs(tmp_path: Path, mark: str) -> None:
    other = ";" if mark == "," else ","
    table = _table(tmp_path, f"image{mark}label", f'"a{mark}b.jpg"{mark}A', f"c{other}d.jpg{mark}B")
    assert [row["label"] for row in table.rows] == ["A", "B"]
    assert [row["image"] for row in table.rows] == [f"a{mark}b.jpg", f"c{other}d.jpg"]


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FacekitError, match=r"table\.csv has two columns 'label'; rename one$"):
        _table(tmp_path, "image,label,label", "a.jpg,A,B")


def test_paths_may_be_written_as_windows_writes_them(plain: Path, tmp_path: Path) -> None:
    lines = ("image,label", r"plain\Ada\0000.png,Ada", r"plain\odd\name.png,Bob")
    (plain / r"odd\name.png").write_bytes((plain / "Bob" / "0004.png").read_bytes())
    found = tables.dataset(_table(tmp_path, *lines).file)
    assert [record.path for record in found.records] == ["plain/Ada/0000.png", "plain/odd/name.png"]
    lines = ("image,label", r"plain\Ada\0000.png,Ada", r"plain/odd\name.png,Bob")
    found = tables.dataset(_table(tmp_path, *lines).file)
    assert found.records[1].path == r"plain/odd\name.png", "a file that is called so"
    rows = ("image,gender", r"Ada\0001.png,female")
    assert tables.column(_table(tmp_path, *rows), "gender", Dataset.open(plain)).count("female") == 1


def test_pictures_that_are_not_there_are_named(plain: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lines = ("image,label", "plain/Ada/0000.png,Ada", "", *(f"gone{number}.png,Bob" for number in range(7)))
    tables.dataset(_table(tmp_path, *lines).file)
    (said,) = [record.getMessage() for record in caplog.records]
    assert "7 pictures are not there: line 4 gone0.png, line 5 gone1.png" in said
    assert said.endswith("line 8 gone4.png and 2 more")


@pytest.mark.parametrize("name", ["a\0b.png", "a/" * 5000 + "b.png", "a" * 5000])
def test_names_that_no_disk_can_hold_are_pictures_that_are_not_there(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "table.csv").write_text(f"image,label\n{name},Ada\n")
    (record,) = tables.dataset(tmp_path / "table.csv").records
    assert record.label == "Ada"
    assert "1 picture is not there" in caplog.text
