"""One name is one label, however folders, tables and models spell it; names that are not UTF-8 are read too."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Facekit, manifest, picture, plain_tree
from older import move, unpack

from facekit.base import images, names
from facekit.base.contract import FacekitError
from facekit.commands.balance import balance
from facekit.commands.clean import clean
from facekit.commands.crop import crop
from facekit.commands.review.app import build
from facekit.commands.review.session import Session
from facekit.dataset import Dataset, pairlists, tables
from facekit.dataset.spelling import as_known
from facekit.options.balance import Balance
from facekit.options.clean import Clean
from facekit.options.crop import Crop

COMPOSED, APART = "Zo\u00eb", "Zoe\u0308"
LATIN = os.fsdecode(b"Zo\xeb")


@pytest.mark.parametrize(
    ("one", "other"), [(COMPOSED, APART), ("Ann ", "Ann"), ("ANN", "ann"), ("Stra\u00dfe", "STRASSE"), (LATIN, "Zo%EB")]
)
def test_two_spellings_are_one_name(tmp_path: Path, one: str, other: str, caplog: pytest.LogCaptureFixture) -> None:
    plain_tree(plain_tree(tmp_path / "tree", {one: 4, "Bob": 4}), {other: 4}, first=100)
    found = Dataset.open(tmp_path / "tree")
    assert len(found.labels) == 2
    assert {len(records) for records in found.by_label().values()} == {4, 8}
    assert sum("count as one name" in message for message in caplog.messages) == 1
    assert all((found.root / record.path).is_file() for record in found.records)
    made = balance(Balance(input=tmp_path / "tree", output=tmp_path / "even", count=6))
    assert made.kept == 12
    assert {line["label"] for line in manifest(tmp_path / "even")} == set(found.labels)
    assert as_known(found.records, [one])[-1].label in (one, "Bob")


def test_labels_are_stored_in_one_form_and_in_utf8() -> None:
    assert names.stored(APART) == COMPOSED
    assert names.stored(" Ann ") == "Ann"
    assert names.stored(LATIN) == "Zo%EB"
    assert [names.stored(odd) for odd in (" ", " .x", ".")] == [" ", " .x", "."]
    assert names.spelled_as(["zoe\u0308", "Cyd", "Ann"], ["Ann", "ANN", COMPOSED]) == {
        "zoe\u0308": COMPOSED,
        "Cyd": "Cyd",
        "Ann": "Ann",
    }


def test_look_alikes_are_told_apart(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Dataset.open(plain_tree(tmp_path / "tree", {COMPOSED: 1, APART: 1}))
    assert r"'Zoe\u0308' and 'Zo\xeb' count as one name" in caplog.text


def test_a_table_and_pairs_name_pictures_in_either_form(tmp_path: Path) -> None:
    tree = plain_tree(tmp_path / "tree", {APART: 2, "Ann ": 2})
    (tree / APART / "0000.png").rename(tree / APART / "Mu\u0308ller.png")
    file = tmp_path / "table.csv"
    rows = (f"{COMPOSED}/M\u00fcller.png,1", "Ann/0002.png,2", "Ann /0003.png,3")
    file.write_text("\n".join(("image,n", *rows)), encoding="utf-8")
    found = tables.column(tables.read(file), "n", Dataset.open(tree))
    assert sorted(map(str, found)) == ["1", "2", "3", "None"]
    file.write_text(f"label,n\n{COMPOSED.upper()},1\nann,2\n", encoding="utf-8")
    assert sorted(map(str, tables.column(tables.read(file), "n", Dataset.open(tree)))) == ["1", "1", "2", "2"]
    file.write_text(f"image,label\ntree/{COMPOSED}/M\u00fcller.png,zo\u00cb\ntree/Ann /0002.png,Zo\u00eb\n")
    listed = tables.dataset(file)
    assert {record.label for record in listed.records} == {COMPOSED}
    assert all((tmp_path / record.path).is_file() for record in listed.records)
    (tmp_path / "pairs.csv").write_text(
        f"first,second,same\n{COMPOSED}/M\u00fcller.png,{APART}/0001.png,1\n{COMPOSED}/0001.png,Ann /0002.png,0\n"
    )
    pairs = pairlists.on_disk(pairlists.read(tmp_path / "pairs.csv"), tree)
    assert all((tree / photo).is_file() for photo in pairs.photos)
    assert len(pairs.photos) == 3


def test_a_folder_that_another_disk_spells_otherwise_is_where_it_was(tmp_path: Path) -> None:
    plain_tree(tmp_path / "tree", {COMPOSED: 3, "Bob": 3})
    crop(Crop(input=tmp_path / "tree", output=tmp_path / "faces", detect=False, size=24, jobs=1))
    (tmp_path / "faces" / COMPOSED).rename(tmp_path / "faces" / APART)
    found = Dataset.open(tmp_path / "faces")
    assert found.labels == ["Bob", COMPOSED]
    assert not any(record.moved_from for record in found.records)
    again = crop(Crop(input=tmp_path / "tree", output=tmp_path / "faces", detect=False, size=24, jobs=1))
    assert (again.made, again.kept) == (0, 6)


def test_a_model_knows_a_name_in_any_spelling(tmp_path: Path, facekit: Facekit) -> None:
    pytest.importorskip("onnxruntime")
    old = unpack(tmp_path / "old")
    move(old)
    for label in Dataset.open(old / "balanced").labels:
        shutil.copytree(old / "balanced" / label, tmp_path / "new" / f"{label.upper()} ")
    done = facekit(*("evaluate", old / "head", "--data", tmp_path / "new", "--rounds", 10, "-o", tmp_path / "e"))
    assert done.code == 0, done.err


@pytest.fixture
def latin(tmp_path: Path) -> Path:
    """A tree as an archive from Windows leaves it: no name in it is UTF-8."""
    for number, name in enumerate((b"Zo\xeb", b"J\xf6rg", b"Ann")):
        folder = tmp_path / "photos" / os.fsdecode(name)
        folder.mkdir(parents=True)
        for one in range(10 * number, 10 * number + 6):
            (folder / os.fsdecode(b"M\xfcller_%d.png" % one)).write_bytes(images.encode_png(picture(one)))
    return tmp_path / "photos"


def test_names_that_are_not_utf8_go_through(latin: Path, facekit: Facekit, caplog: pytest.LogCaptureFixture) -> None:
    place, out = latin.parent, os.fsdecode(b"F\xe9")
    assert facekit("crop", latin, "-o", place / out, "--no-detect", "--size", 24, "-j", 1).code == 0
    assert facekit("balance", latin, "-o", place / "even", "-n", 8).code == 0
    assert facekit("audit", place / "even", "-o", place / "report", "-j", 1).code == 0
    for folder in (place / out, place / "even"):
        assert {line["label"] for line in manifest(folder)} == {"Zo%EB", "J%F6rg", "Ann"}
        (folder / "manifest.jsonl").read_text(encoding="utf-8")
    clean(Clean(input=latin, output=place / "kept", min_images=3, embedder="none"))
    session = Session(place / "kept")
    assert {counts.label for counts in session.overview().names} == {"Zo%EB", "J%F6rg", "Ann"}
    build(session)


# The locale, the home folder, markup


@pytest.mark.parametrize("utf8", ["0", "1"])
def test_a_locale_that_is_not_utf8_stores_no_wrong_label(tmp_path: Path, utf8: str) -> None:
    plain_tree(tmp_path / "tree", {COMPOSED: 3, "Bob": 3})
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": utf8, "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-m", "facekit", "crop", "tree", "-o", "out", "--no-detect", "--size", "24", "-q"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    if utf8 == "0":
        assert done.returncode == 2
        assert "the locale's encoding is ascii" in done.stderr and "set PYTHONUTF8=1" in done.stderr
        assert not (tmp_path / "out").exists()
    else:
        assert done.returncode == 0, done.stderr
        assert {line["label"] for line in manifest(tmp_path / "out")} == {COMPOSED, "Bob"}


def test_another_encoding_is_refused(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "iso8859-1")
    with pytest.raises(FacekitError, match=r"encoding is iso8859-1.*; set PYTHONUTF8=1, or a locale in UTF-8"):
        Dataset.open(plain)


def test_a_tilde_that_no_shell_has_expanded_is_home(
    plain: Path, tmp_path: Path, facekit: Facekit, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    done = facekit("crop", plain, "--output=~/x", "--no-detect", "--size", 24, "-j", 1, "--log-file=~/log")
    assert done.code == 0
    assert not (tmp_path / "~").exists()
    assert {"x", "log"} <= {one.name for one in (tmp_path / "home").iterdir()}


def test_square_brackets_are_shown(tmp_path: Path, facekit: Facekit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tree = plain_tree(Path("[red]tree[", "x]"), {"[bold]Ada[": 3, "]Bob]": 3})
    out = Path("[blue]out[")
    done = facekit("crop", tree, "-o", out, "--no-detect", "--size", 24, "-j", 1)
    assert done.code == 0
    assert "[blue]out[" in done.err
    assert done.out.strip() == str(out)
    done = facekit("balance", tree / "]nobody]", "-o", "b")
    assert done.code == 2
    assert "[red]tree[" in done.err
    assert json.loads(facekit("crop", tree, "-o", out, "--no-detect", "--size", 24, "--json").out)["folder"] == str(out)
