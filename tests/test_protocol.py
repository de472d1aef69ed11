"""The split that training and scoring go by: drawn where there is none, refused where it leaks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from patches import tree

from facekit.base.contract import FacekitError, Record, replace
from facekit.base.files import read_lines, replace_lines
from facekit.commands.balance import balance
from facekit.dataset import INFO, MANIFEST, Dataset, derive_id, lineage
from facekit.identity.split import split_dataset
from facekit.options.balance import Balance
from facekit.options.train import Train


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    return tree(tmp_path / "faces")


def _settle(faces: Path, split_by: str = "group") -> tuple[list[Record], str]:
    split = split_dataset(Dataset.open(faces), "70/20/10", split_by, 1)  # type: ignore[arg-type]
    return split.records, split.protocol


def _change(faces: Path, change: Callable[[Record], Record]) -> None:
    records = read_lines(faces / MANIFEST, Record)
    replace_lines(faces / MANIFEST, (change(record).to_json() for record in records))


def test_a_tree_keeps_the_split_it_has(faces: Path) -> None:
    records, by = _settle(faces)
    assert records == Dataset.open(faces).records
    assert by == "group"


def test_a_tree_without_a_split_gets_one_that_no_photo_crosses(tmp_path: Path) -> None:
    records, by = _settle(tree(tmp_path / "faces", split=None, photos=10))
    assert Counter(record.split for record in records) == {"train": 21, "test": 6, "validation": 3}
    assert lineage.crossings(records) == []
    assert by == "group"
    assert all(record.group for record in records)


def test_a_tree_made_by_image_is_split_over_files(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    faces = tree(tmp_path / "faces", split=(None,) * 10)
    _change(faces, lambda r: replace(r, origin=derive_id(r.label, "photo", 0), group=None))
    (faces / INFO).write_text('{"protocol": "image", "complete": true}')
    records, by = _settle(faces)
    assert by == "image"
    assert lineage.crossings(records)
    assert "was made with --split-by image, so its split was drawn file by file" in caplog.text


def test_a_plain_tree_can_be_split_over_files_on_purpose(tmp_path: Path) -> None:
    records, by = _settle(tree(tmp_path / "faces", split=None, photos=10), "image")
    assert by == "image"
    assert Counter(record.split for record in records) == {"train": 21, "test": 6, "validation": 3}


def test_a_split_by_group_is_not_undone(faces: Path) -> None:
    with pytest.raises(
        FacekitError,
        match=r"has a split by group, which --split-by image would undo; "
        r"remove --split-by, or make the tree again with `balance --split-by image`$",
    ):
        _settle(faces, "image")


def test_one_name_only_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        FacekitError, match=r"pictures of one name only, person0; .*, so give a folder with two or more$"
    ):
        _settle(tree(tmp_path / "faces", labels=1))


def test_too_few_pictures_for_a_split_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        FacekitError, match=r"^person0 has 2 photos that can be separated, and a split in 3 parts needs 3"
    ):
        _settle(tree(tmp_path / "faces", split=None, photos=2))


def test_a_photo_in_two_parts_is_refused(faces: Path) -> None:
    _change(faces, lambda r: replace(r, origin="1" * 64, group="1" * 64) if r.label == "person0" else r)
    with pytest.raises(
        FacekitError, match=r"1 photo is in more than one part of the split \(first 1{16}\); make the tree again"
    ):
        _settle(faces)


def test_copies_among_the_held_out_are_refused(faces: Path) -> None:
    _change(faces, lambda r: replace(r, synthetic="copy") if r.split == "test" else r)
    with pytest.raises(FacekitError, match=r"9 copies or augmented pictures are in test or validation \(the first: "):
        _settle(faces)


def _moods(root: Path, photos: int = 14, who: int = 7) -> Path:
    """A tree whose folders are no people: each of `who` people stands in all of them."""
    tree(root, split=None, photos=photos)
    lines = ["image,person"]
    for folder in sorted(root.iterdir()):
        lines += [f"{path.relative_to(root)},p{n % who}" for n, path in enumerate(sorted(folder.iterdir()))]
    root.with_suffix(".csv").write_text("\n".join(lines) + "\n")
    return root


def test_by_person_nobody_stands_in_two_parts(tmp_path: Path) -> None:
    faces = _moods(tmp_path / "moods")
    people = faces.with_suffix(".csv")
    split = split_dataset(Dataset.open(faces), "60/20/20", "person", 1, people=people)
    records = split.records
    assert split.protocol == "person"
    assert lineage.people_crossing(records) == []
    assert {lineage.person(record) for record in records} == {f"p{n}" for n in range(7)}
    for label in ("person0", "person1", "person2"):
        assert {record.split for record in records if record.label == label} == {"train", "test", "validation"}


def test_a_tree_balanced_by_person_says_so_and_is_trained_on_by_person(tmp_path: Path) -> None:
    faces = _moods(tmp_path / "moods")
    options = Balance(
        input=faces,
        output=tmp_path / "even",
        count=20,
        split="60/20/20",
        split_by="person",
        people_from=faces.with_suffix(".csv"),
    )
    report = balance(options)
    assert report.details["copies"] > 0
    even = Dataset.open(options.output)
    assert even.protocol == "person"
    records, by = _settle(options.output)
    assert by == "person"
    assert lineage.people_crossing(records) == []
    assert {lineage.person(record) for record in records} == {f"p{n}" for n in range(7)}
    again = balance(Balance(input=options.output, output=tmp_path / "fewer", count=10, split="60/20/20"))
    assert Dataset.open(Path(again.folder)).protocol == "person"
    _change(options.output, lambda r: replace(r, targets={"person": "p1" if r.id < "8" else "p2"}))
    with pytest.raises(FacekitError, match=r"even: 2 people are in more than one part of the split \(first p1\); make"):
        _settle(options.output)


def test_by_person_needs_to_know_everybody(tmp_path: Path) -> None:
    faces = _moods(tmp_path / "moods")
    with pytest.raises(
        FacekitError,
        match=r"moods: it is not known who is in 42 of 42 pictures \(the first: person0/.*\), which a split by person "
        r"needs; give --people-from FILE\.csv with columns image and person$",
    ):
        _settle(faces, "person")
    people = faces.with_suffix(".csv")
    people.write_text("\n".join(people.read_text().splitlines()[:-3]) + "\n")
    with pytest.raises(FacekitError, match=r"it is not known who is in 3 of 42 pictures"):
        split_dataset(Dataset.open(faces), "70/20/10", "person", 1, people=people)


def test_folders_that_are_people_cannot_be_split_by_person(faces: Path) -> None:
    _change(faces, lambda r: replace(r, split=None, targets={"person": r.label}))
    with pytest.raises(
        FacekitError,
        match=r"faces: each folder is one person, and a model cannot name someone it has never seen; "
        r"remove --split-by person$",
    ):
        _settle(faces, "person")


def test_a_split_that_somebody_crosses_is_not_called_by_person(faces: Path) -> None:
    _change(faces, lambda r: replace(r, targets={"person": f"p{int(r.id[:2], 16) % 4}"}))
    with pytest.raises(FacekitError, match=r"people are in more than one part of the split .*; make it again with"):
        _settle(faces, "person")


def test_a_table_of_people_is_for_a_split_by_person(faces: Path) -> None:
    with pytest.raises(FacekitError, match=r"^--people-from is for --split-by person, and --split-by is group; give"):
        Train(input=faces, output=faces, people_from=faces)
