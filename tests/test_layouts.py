"""Trees that people have: with folders of parts, with metadata beside the pictures, without any folder."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from conftest import plain_tree

from facekit import runs
from facekit.base.contract import FacekitError, quiet, replace
from facekit.commands.audit import audit
from facekit.commands.balance import balance
from facekit.commands.crop import crop
from facekit.commands.stats import stats
from facekit.dataset import Dataset, lineage, read_info
from facekit.dataset.ancestry import Ancestry, inside
from facekit.dataset.entries import NESTED
from facekit.dataset.groups import leave_out_joined
from facekit.dataset.layouts import LOOSE
from facekit.identity import held_out
from facekit.identity.split import split_dataset
from facekit.options.audit import Audit
from facekit.options.balance import Balance
from facekit.options.crop import Crop
from facekit.options.stats import Stats
from facekit.runs.renewal import additions


@pytest.fixture
def given(tmp_path: Path) -> Path:
    """A split as Keras and Kaggle have it; a test picture of Ada is one of training too."""
    root = tmp_path / "given"
    for part, count, first in (("Train", 8, 0), ("VAL", 2, 50), ("test", 4, 80)):
        plain_tree(root / part, {"Ada": count, "Bob": count}, first=first)
    shutil.copy(root / "Train" / "Ada" / "0000.png", root / "test" / "Ada" / "again.png")
    return root


def places(root: Path) -> list[tuple[str, str, str | None]]:
    return [(record.path, record.label, record.split) for record in Dataset.open(root).records]


def test_folders_of_parts_give_the_split(given: Path) -> None:
    read = Dataset.open(given)
    assert read.info.split_given
    assert read.labels == ["Ada", "Bob"]
    assert places(given)[0] == ("Train/Ada/0000.png", "Ada", "train")
    parts = [record.split for record in read.records]
    assert [parts.count(part) for part in ("train", "validation", "test")] == [16, 4, 9]


@pytest.mark.parametrize(
    ("part", "names"),
    [
        ("train", ["train", "Training"]),
        ("validation", ["val", "VALID", "Validation", "dev"]),
        ("test", ["TEST", "testing", "eval", "evaluation"]),
    ],
)
def test_parts_are_known_in_any_case_and_by_each_of_their_names(tmp_path: Path, part: str, names: list[str]) -> None:
    for name in names:
        plain_tree(tmp_path / name / name, {"Ada": 1})
        assert places(tmp_path / name) == [(f"{name}/Ada/0000.png", "Ada", part)]


def test_somebody_who_is_called_like_a_part_stays_a_label(tmp_path: Path) -> None:
    for names in (("test",), ("Test", "Ada"), ("train", "test"), ("val", "Test")):
        root = plain_tree(tmp_path / "-".join(names), dict.fromkeys(names, 2))
        read = Dataset.open(root)
        assert (read.labels, read.info.split_given) == (sorted(names), False)
        assert {record.split for record in read.records} == {None}


def test_a_folder_of_albums_beside_people_is_no_part(tmp_path: Path) -> None:
    root = plain_tree(tmp_path / "tree", {"Ada": 2})
    plain_tree(root / "Test", {"2019": 2}, first=5)
    assert Dataset.open(root).labels == ["Ada"]


def test_parts_beside_which_other_folders_lie_are_refused(given: Path) -> None:
    (given / "train_more").mkdir()
    with pytest.raises(FacekitError, match=r"holds parts of a split, Train and VAL and test, and train_more, which is"):
        Dataset.open(given)


def test_pictures_of_a_part_without_labels_are_counted(given: Path, caplog: pytest.LogCaptureFixture) -> None:
    shutil.rmtree(given / "test" / "Ada")
    (given / "test" / "Bob" / "0084.png").rename(given / "test" / "loose.png")
    assert len(places(given)) == 16 + 4 + 3
    assert "1 picture is not in a label's folder" in caplog.text


def test_a_given_split_goes_through_crop_and_balance(given: Path, tmp_path: Path) -> None:
    crop(Crop(input=given, output=tmp_path / "faces", detect=False, size=32, jobs=1))
    info = read_info(tmp_path / "faces")
    assert info is not None
    assert info.split_given
    faces = Dataset.open(tmp_path / "faces")
    assert faces.info.split_given
    cut = {record.origin: record.split for record in faces.records}
    assert cut == {record.origin: record.split for record in reversed(Dataset.open(given).records)}
    report = balance(Balance(input=tmp_path / "faces", output=tmp_path / "even", count=10, jobs=1))
    even = Dataset.open(tmp_path / "even")
    assert {record.origin: record.split for record in even.records}.items() <= cut.items()
    assert even.info.split_given
    assert report.details["parts"] == {"train": 14, "test": 4, "validation": 2}
    (left,) = [
        line for line in (tmp_path / "faces" / "rejected.jsonl").read_text().splitlines() if "same bytes" in line
    ]
    assert json.loads(left)["path"] == "test/Ada/again.png"
    found = Ancestry(tmp_path / "even").photo(even.records[0].origin)
    assert found is not None
    assert hashlib.sha256(found.read_bytes()).hexdigest() == even.records[0].origin


def test_a_given_split_without_validation_takes_it_from_training(
    given: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As Keras's `validation_split` does; a copy of a photo goes with it, and the test part stays as it was."""
    caplog.set_level("INFO")
    shutil.rmtree(given / "VAL")
    (given / "test" / "Ada" / "again.png").unlink()
    shutil.copy(given / "Train" / "Ada" / "0001.png", given / "Train" / "Ada" / "copy.png")
    plain_tree(given / "Train", {"Cy": 1}, first=300)
    before = {record.path: record.split for record in Dataset.open(given).records}
    split = split_dataset(Dataset.open(given), "70/20/10", "group", seed=1)
    held = [record for record in split.records if record.split == "validation"]
    assert {record.label for record in held} == {"Ada", "Bob"}, "who has one photo keeps it for training"
    assert 2 <= len(held) <= 4
    assert f"{len(held)} of its training pictures" in caplog.text
    assert {before[record.path] for record in held} == {"train"}
    now = {record.path: record.split for record in split.records}
    assert now["Train/Ada/0001.png"] == now["Train/Ada/copy.png"]
    assert [path for path, part in now.items() if part == "test"] == [p for p, part in before.items() if part == "test"]
    assert split_dataset(Dataset.open(given), "80/20/0", "group", seed=1).counts["validation"] == 0
    report = balance(Balance(input=given, output=tmp_path / "even", count=10, jobs=1))
    parts = report.details["parts"]
    assert isinstance(parts, dict)
    assert parts["validation"] == 2
    even = Dataset.open(tmp_path / "even")
    assert not lineage.crossings(even.records)
    assert not lineage.held_out_synthetic(even.records)


def test_a_line_of_a_stranger_leads_to_no_file_through_a_link(given: Path, tmp_path: Path) -> None:
    plain_tree(tmp_path, {"home": 1}, first=900)
    (given / "test" / "Cy").symlink_to(tmp_path / "home")
    assert inside(given, "test/Ada/0080.png") == given / "test" / "Ada" / "0080.png"
    for path in (
        "test/Cy/0900.png",
        "test/../../home/0900.png",
        "/etc/passwd",
        "test//Ada",
        "a/" * 40 + "b",
        "test/.x",
    ):
        assert inside(given, path) is None


def test_the_split_is_drawn_anew_where_that_is_asked_for(given: Path, tmp_path: Path) -> None:
    balance(Balance(input=given, output=tmp_path / "even", count=10, jobs=1, new_split=True))
    even = Dataset.open(tmp_path / "even")
    assert not even.info.split_given
    before = {record.origin: record.split for record in Dataset.open(given).records}
    assert any(record.split != before[record.origin] for record in even.records)


def test_copies_across_a_given_split_are_left_out_of_its_held_out_part(given: Path) -> None:
    split = split_dataset(Dataset.open(given), "70/20/10", "group", 42)
    assert [join.left.path for join in split.joined] == ["test/Ada/again.png"]
    assert "Train/Ada/0000.png" in {record.path for record in split.part("train")}
    assert len(split.records) == 28


def test_an_audit_says_that_the_split_was_given(given: Path, plain: Path) -> None:
    report = audit(Audit(folder=given))
    assert (
        report.details["split"] == "given by folders, not drawn by facekit; copies across its parts were searched for"
    )
    (crossing,) = [one for one in report.details["crossings"] if one["pictures"]]
    assert (crossing["first"], crossing["second"], crossing["same_bytes"]) == ("train", "test", 1)
    assert "split" not in audit(Audit(folder=plain)).details


def test_what_a_given_split_has_more_since_training_is_seen(given: Path, tmp_path: Path) -> None:
    (given / "test" / "Ada" / "again.png").unlink()
    run = _run_on(given, tmp_path)
    assert not additions(runs.load(run))
    plain_tree(given / "test", {"Cy": 2}, first=300)
    found = additions(runs.load(run))
    assert (found.names_added, found.new) == (("Cy",), 2)


def _run_on(tree: Path, folder: Path) -> Path:
    """A run that says that it was trained on a tree, with its split."""
    run = shutil.copytree(Path(__file__).parent / "data" / "v0_1_0" / "head", folder / "run")
    info = json.loads((run / "model.json").read_text())
    info["dataset"]["root"] = str(tree)
    (run / "model.json").write_text(json.dumps(info))
    records = leave_out_joined(Dataset.open(tree).records, given=True)[0]
    (run / "split.jsonl").write_text("".join(record.to_json() + "\n" for record in records))
    return run


def test_evaluate_says_that_the_split_was_given(given: Path, tmp_path: Path) -> None:
    run = runs.load(_run_on(given, tmp_path))
    run = replace(run, info=replace(run.info, split_given=True))
    assert held_out.choose(run, None, None, quiet).title == "the test part of the split that its folders gave"


# Metadata


def described(root: Path, rows: list[dict[str, object]], name: str = "metadata.jsonl", count: int = 4) -> Path:
    """Write pictures and, as Hugging Face's ImageFolder has it, what is known of them beside them."""
    plain_tree(root.parent, {root.name: count})
    if name.endswith(".csv"):
        lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    else:
        lines = [json.dumps(row) for row in rows]
    (root / name).write_text("\n".join(lines))  # people's last lines often have no end
    return root


ROWS: list[dict[str, object]] = [
    {"file_name": f"000{number}.png", "label": "Ada" if number % 2 else "Zoë/Z", "age": 30 + number, "text": "x"}
    for number in range(4)
]


@pytest.mark.parametrize("name", ["metadata.jsonl", "metadata.csv"])
def test_metadata_says_labels_and_targets(tmp_path: Path, name: str) -> None:
    read = Dataset.open(described(tmp_path / "tree", ROWS, name))
    assert {record.path: record.label for record in read.records} == {
        "0001.png": "Ada",
        "0003.png": "Ada",
        "0000.png": "Zoë_Z",
        "0002.png": "Zoë_Z",
    }
    assert {record.name for record in read.records} == {"Ada", "Zoë/Z"}
    assert read.records[0].targets == {"age": "31", "text": "x"}
    assert not read.info.split_given


def test_metadata_in_the_folders_of_parts(tmp_path: Path) -> None:
    described(tmp_path / "tree" / "train", ROWS)
    plain_tree(tmp_path / "tree", {"test": 2}, first=70)
    (tmp_path / "tree" / "test" / "metadata.csv").write_text("file_name,label\n0070.png,Ada\n0071.png,Zoë/Z\n")
    assert [(path, part) for path, _, part in places(tmp_path / "tree")][-2:] == [
        ("test/0070.png", "test"),
        ("test/0071.png", "test"),
    ]
    assert Dataset.open(tmp_path / "tree").info.split_given


def test_metadata_of_the_root_names_pictures_in_parts(given: Path) -> None:
    rows = [
        {"file_name": path, "age": number} for number, (path, _, _) in enumerate(places(given)) if "again" not in path
    ]
    (given / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    read = Dataset.open(given)
    assert read.labels == ["Ada", "Bob"]
    assert read.info.split_given
    assert all(record.targets for record in read.records)
    assert len(read.records) == 28


def test_metadata_of_the_root_names_flat_parts(tmp_path: Path) -> None:
    """Its labels say that the folders are none, whatever they are called."""
    root = plain_tree(tmp_path / "tree", {"train": 2, "test": 1})
    paths = [path.relative_to(root).as_posix() for path in sorted(root.rglob("*.png"))]
    (root / "metadata.csv").write_text("file_name,label\n" + "".join(f"{path},Ada\n" for path in paths))
    assert [(label, part) for _, label, part in places(root)] == [("Ada", "train")] * 2 + [("Ada", "test")]
    assert Dataset.open(root).info.split_given
    (root / "metadata.csv").write_text("file_name,age\n" + "".join(f"{path},30\n" for path in paths))
    assert {(label, part) for _, label, part in places(root)} == {("train", None), ("test", None)}


def test_what_metadata_of_a_part_does_not_name_is_no_new_picture(tmp_path: Path) -> None:
    described(tmp_path / "tree" / "train", ROWS, count=6)
    described(tmp_path / "tree" / "test", ROWS)
    assert not additions(runs.load(_run_on(tmp_path / "tree", tmp_path)))


def test_what_metadata_and_folder_do_not_share_is_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = described(tmp_path / "tree", [*ROWS[:2], {"file_name": "gone.png", "label": "Ada"}])
    assert len(Dataset.open(root).records) == 2
    assert "lists 1 picture that is missing (the first: gone.png)" in caplog.text
    assert "2 pictures in its folders are not listed" in caplog.text


def test_metadata_of_something_else_changes_nothing(plain: Path) -> None:
    before = places(plain)
    (plain / "metadata.csv").write_text("camera,lens\nA,B\n")
    assert places(plain) == before


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (
            '{"file_name": "../home/mine.png", "label": "Ada"}',
            r"line 2 names '\.\./home/mine\.png', which is not a picture below",
        ),
        ('{"file_name": "/etc/passwd", "label": "Ada"}', r"line 2 names '/etc/passwd'"),
        ('{"file_name": "a\\u0000b", "label": "Ada"}', "line 2 names"),
        ('{"label": "Ada"}', "line 2 has no file_name; fix or delete"),
        ("{", "line 2 is not valid JSON"),
        ('{"file_name": "0002.png"}', r"has no label for 0002\.png; add a column `label`"),
    ],
)
def test_metadata_from_a_stranger_leads_nowhere(tmp_path: Path, line: str, why: str) -> None:
    plain_tree(tmp_path, {"home": 1})
    root = described(tmp_path / "tree", ROWS[:1])
    (root / "metadata.jsonl").write_text(f"{json.dumps(ROWS[0])}\n{line}\n")
    with pytest.raises(FacekitError, match=why):
        Dataset.open(root)


# No folder of a label


def test_a_flat_folder_is_one_label_called_like_it(tmp_path: Path) -> None:
    root = plain_tree(tmp_path, {"Ada L.": 3}) / "Ada L."
    assert places(root) == [(f"000{number}.png", "Ada L_", None) for number in range(3)]
    crop(Crop(input=root, output=tmp_path / "faces", detect=False, size=32, jobs=1))
    assert Dataset.open(tmp_path / "faces").labels == ["Ada L_"]
    assert audit(Audit(folder=root)).kept == 3


@pytest.mark.parametrize("made", [False, True])
def test_pictures_that_lie_too_deep_or_too_high_are_counted(tmp_path: Path, made: bool) -> None:
    root = plain_tree(tmp_path / "tree", {"Ada": 2, "Bob": 2}, side=24)
    if made:
        crop(Crop(input=root, output=tmp_path / "faces", detect=False, size=24, jobs=1))
        root = tmp_path / "faces"
    plain_tree(root / "Ada", {"inner": 3, "inner/more": 2, ".hidden": 4, "@eaDir": 5}, first=20, side=24)
    (root / "Ada" / "inner" / "notes.txt").write_text("no picture")
    (root / "Ada" / "round").symlink_to("..")  # a link is not looked into: what it leads to may be read already
    plain_tree(root, {".": 1}, first=40, side=24)
    left = Dataset.open(root).left
    deep = 10 if made else 5  # a label that facekit made may be called like a system's folder
    assert left[NESTED] == deep
    assert left[LOOSE] == 1
    assert stats(Stats(tree=root)).left[NESTED] == deep
    assert len(Dataset.open(root).records) == 4
