"""What a tree holds, counted: by label, part, size and source, and what was left out."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from conftest import Facekit, plain_tree, read_tree

from facekit.base.contract import FacekitError
from facekit.commands.balance import balance
from facekit.commands.crop import crop
from facekit.commands.stats import stats
from facekit.dataset import Dataset
from facekit.options.balance import Balance
from facekit.options.crop import Crop
from facekit.options.stats import Stats

MADE = Path(__file__).parent / "data" / "v0_1_0"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos, of which two cannot be used, and a balanced tree of them."""
    root = tmp_path_factory.mktemp("stats")
    photos = plain_tree(root / "photos", {"Ada": 4, "Bob": 6}, side=24)
    plain_tree(photos, {"Bob": 1}, first=50, side=100)
    (photos / "Ada" / "broken.jpg").write_bytes(b"no picture")
    (photos / "Ada" / ".DS_Store").write_bytes(b"x")
    (photos / "Bob" / "same.png").write_bytes((photos / "Bob" / "0005.png").read_bytes())
    crop(Crop(input=photos, output=root / "faces", detect=False, size=24, jobs=1))
    balance(Balance(input=root / "faces", output=root / "even", count=10, jobs=1))
    return root


def count(tree: Path, **more: Any) -> dict[str, Any]:
    report = stats(Stats(tree=tree, **more))
    return {**report.details, "left": dict(report.left), "kept": report.kept}


def test_a_plain_tree_is_counted(place: Path) -> None:
    before = read_tree(place)
    found = count(place / "photos")
    assert found["kept"] == found["pictures"] == 13
    assert [(row["label"], row["pictures"]) for row in found["labels"]] == [("Bob", 8), ("Ada", 5)]
    assert found["left"] == {"not a picture": 1, "hidden": 1}
    assert found["sides"] == {"0-47": 11, "96-159": 1}
    assert (found["median_side"], found["parts"], found["sources"]) == (24, {}, {"folder": 12})
    files = [path for path in (place / "photos").rglob("*") if path.is_file() and path.name != ".DS_Store"]
    assert (found["bytes"], found["beside"]) == (sum(path.stat().st_size for path in files), 1)
    assert sum(row["bytes"] for row in found["labels"]) == found["bytes"]
    assert read_tree(place) == before


def test_a_tree_of_facekits_is_counted_with_parts_and_what_was_left_out(place: Path) -> None:
    found = count(place / "even")
    assert found["parts"] == Counter(record.split for record in Dataset.open(place / "even").records)
    assert found["kinds"]["copy"] + found["kinds"]["as found"] == 20
    assert [row["pictures"] for row in found["labels"]] == [10, 10]
    assert sum(sum(row["parts"].values()) for row in found["labels"]) == 20
    assert count(place / "faces")["left"] == {"not a picture": 1, "same bytes as another": 1}


def test_a_run_is_counted_without_its_pictures() -> None:
    found = count(MADE / "head")
    assert found["pictures"] == sum(found["parts"].values()) == 16
    assert "trained on 16 pictures of 2 labels from /data/faces/balanced" in found["lines"][0]
    assert (found["bytes"], found["sides"]) == (0, {})
    assert found["beside"] > 1000


def test_sources_and_licences_are_counted_by_photo() -> None:
    found = count(MADE / "faces")
    assert found["sources"] == {"openverse": 15}
    assert sum(found["licences"].values()) == 15


def test_lines_are_short_and_the_largest_labels_come_first(tmp_path: Path) -> None:
    names = {f"{'long ' * 20}{n}\x1b[31m": n + 1 for n in range(6)}
    found = count(plain_tree(tmp_path / "t", names, side=16), labels=3)
    lines = found["lines"][1:]
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in "".join(lines)
    assert [line.split()[-2] for line in lines if "█" in line][:3] == ["6", "5", "4"]
    assert "  and 3 more labels with 6 pictures; --labels 0 lists all" in lines
    assert len(found["labels"]) == 6
    assert not any("more labels" in line for line in count(tmp_path / "t", labels=0)["lines"])


def test_an_archive_and_a_given_split_are_counted(tmp_path: Path) -> None:
    for part, first in (("train", 0), ("val", 10)):
        plain_tree(tmp_path / "t" / part, {"Ada": 2}, first=first, side=16)
    assert count(tmp_path / "t")["parts"] == {"train": 2, "validation": 2}
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as out:
        for file in (tmp_path / "t").rglob("*.png"):
            out.write(file, file.relative_to(tmp_path))
    found = count(tmp_path / "t.zip")
    assert found["parts"] == {"train": 2, "validation": 2}
    assert found["lines"][0] == f"{tmp_path / 't.zip'}: 4 pictures of 1 label, with the split of its folders"


def test_what_is_no_tree_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(FacekitError, match="has no pictures"):
        stats(Stats(tree=tmp_path / "empty"))
    with pytest.raises(FacekitError, match="no such file or folder"):
        stats(Stats(tree=tmp_path / "none"))


def test_the_command_prints_lines_or_json(place: Path, facekit: Facekit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    plain, coded = (facekit("stats", "photos", *more) for more in ([], ["--json"]))
    assert plain.code == coded.code == 0, plain.err + coded.err
    assert plain.out.splitlines()[0] == "photos: 13 pictures of 2 labels"
    assert json.loads(coded.out)["details"]["median_side"] == 24


def test_the_source_says_of_how_many_photos(place: Path, facekit: Facekit) -> None:
    done = facekit("stats", place / "photos")
    lines = done.out.splitlines()
    assert "source of the 12 different photos" in lines  # of 13 pictures: one repeats another's bytes
    assert "source" not in lines
    assert "source" in facekit("stats", place / "faces").out.splitlines()
    assert done.err.count("read photos: ") == done.err.count("measure photos: ") == 1
