"""What pictures are labelled with beside their folder: from the manifest, and from a CSV file."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from facekit.base.contract import FacekitError, Record, replace
from facekit.dataset import Dataset
from facekit.dataset.targets import known, read_targets, value
from facekit.options.targets import IDENTITY


def _file(folder: Path, *lines: str, end: str = "\n") -> Path:
    file = folder / "who.csv"
    file.write_bytes(end.join([*lines, ""]).encode("utf-8-sig"))
    return file


def _of(dataset: Dataset, target: str) -> dict[str, str | None]:
    return {record.path: value(record, target) for record in dataset.records}


def test_a_table_of_a_windows_spreadsheet_says_what_pictures_show(plain: Path, tmp_path: Path) -> None:
    """BOM, semicolons, CRLF and backslashes; a picture without a line, or with an empty value, has no label."""
    rows = ("image;expression;gender", r"Ada\0000.png;happy;female", r"Ada\0001.png;;female", r"Bob\0008.png;sad;")
    dataset = read_targets(Dataset.open(plain), _file(tmp_path, *rows, end="\r\n"))
    expressions = _of(dataset, "expression")
    assert {path: found for path, found in expressions.items() if found} == {
        "Ada/0000.png": "happy",
        "Bob/0008.png": "sad",
    }
    assert _of(dataset, "gender")["Ada/0001.png"] == "female"
    assert _of(dataset, IDENTITY)["Bob/0008.png"] == "Bob"
    assert known(dataset.records) == [IDENTITY, "expression", "gender"]
    assert dataset.records[-1].targets is None


def test_a_table_by_label_replaces_the_manifest_and_one_spelling_is_kept(
    plain: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    opened = Dataset.open(plain)
    records = [replace(record, targets={"gender": "Male", "mood": "calm"}) for record in opened.records]
    with caplog.at_level(logging.INFO):
        dataset = read_targets(
            replace(opened, records=records), _file(tmp_path, "label,gender", "ada,female", "Bob,male")
        )
    assert set(_of(dataset, "gender").items()) == {
        (record.path, "female" if record.label == "Ada" else "male") for record in records
    }
    assert {value(record, "mood") for record in dataset.records} == {"calm"}
    assert "its gender replaces that of the manifest for 8 pictures" in caplog.text


def test_spellings_of_a_value_are_one(plain: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    dataset = read_targets(Dataset.open(plain), _file(tmp_path, "label,mood", "Ada,Happy", "Bob,happy"))
    assert {value(record, "mood") for record in dataset.records} == {"Happy"}
    assert "of mood, 'Happy', 'happy' count as 'Happy'" in caplog.text


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["image,mood", "Ada/0000,sad", "0000.png,happy"], "two values of mood, sad and happy; keep one"),
        (["image,mood", "Eve/1.png,sad"], "no image that has a mood is in"),
        (["label,mood", "Eve,sad"], "no label that has a mood is in"),
        (["image,identity", "Ada/0000,Bob"], "says that Ada/0000.png is Bob, but a picture's identity is its folder"),
        (["image,group", "Ada/0000,1"], "has no column of a target with values; it has image, group"),
        (["name,mood", "Ada,sad"], "has no column image or label; it has name, mood"),
    ],
)
def test_tables_that_cannot_be_meant(plain: Path, tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(FacekitError) as refused:
        read_targets(Dataset.open(plain), _file(tmp_path, *lines))
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_identity_that_is_the_folder_is_no_target(plain: Path, tmp_path: Path) -> None:
    table = _file(tmp_path, "image,identity,mood", "Ada/0000,ada,sad")
    found: list[Record] = read_targets(Dataset.open(plain), table).records
    assert found[0].targets == {"mood": "sad"}
    assert found[0].label == "Ada"
    assert read_targets(Dataset.open(plain), table, ["identity"]).records[0].targets is None
