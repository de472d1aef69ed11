"""Folds: each of a run's pictures scored once, by a model that has not seen its photo."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fuzzing import watch
from patches import edit, move, tree

from facekit import runs
from facekit.base.contract import FacekitError, Record, replace
from facekit.base.files import read_lines, replace_lines
from facekit.commands.cross_validate import cross_validate
from facekit.commands.cross_validate.stage import Fold, cut
from facekit.commands.train import train
from facekit.dataset import MANIFEST, Dataset, derive_id, lineage, protocol
from facekit.options.cross_validate import CrossValidate
from facekit.options.train import Train
from facekit.runs import Run


def _with_copies(faces: Path) -> None:
    """Add two copies of each training photo, as `balance` does."""
    records = read_lines(faces / MANIFEST, Record)
    copies = []
    for photo in [record for record in records if record.split == "train"]:
        for k in range(2):
            id = derive_id(photo.id, "balance", "copy", k)
            copy = replace(photo, id=id, path=f"{photo.label}/{id[:16]}.png", parent=photo.id, synthetic="copy")
            shutil.copy(faces / photo.path, faces / copy.path)
            copies.append(copy)
    replace_lines(faces / MANIFEST, (record.to_json() for record in [*records, *copies]))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on 14 photos of each of three people, and two copies of each that it learned from."""
    faces = tree(tmp_path_factory.mktemp("folds") / "faces")
    _with_copies(faces)
    options = Train(input=faces, output=faces.parent / "run", network="cnn3", size=32, epochs=2, batch=8, stop_at=1)
    train(options)
    return options.output


def _folds(run: Path, count: int, seed: int = 1) -> tuple[Run, list[Fold]]:
    loaded = runs.load(run)
    return loaded, cut(loaded, count, seed, Dataset.open(loaded.root))


def _photos(records: Sequence[Record]) -> list[Record]:
    return [record for record in records if not record.synthetic]


def test_every_photo_is_held_out_once_and_crosses_nowhere(trained: Path) -> None:
    run, folds = _folds(trained, 5)
    held = Counter(record.id for fold in folds for record in fold.held)
    assert held == Counter(record.id for record in _photos(run.split))
    for fold in folds:
        protocol.check(fold.records, "group", "fold")
        parts = {part: [r for r in fold.records if r.split == part] for part in ("train", "test", "validation")}
        assert all({r.label for r in part} == set(run.labels) for part in parts.values())
        held_out = {r.origin for part in ("test", "validation") for r in parts[part]}
        assert not held_out & {r.origin for r in parts["train"]}
        copies = Counter(r.parent for r in fold.records if r.synthetic)
        had = {r.parent for r in run.split if r.synthetic}
        assert copies == {r.id: 2 for r in _photos(parts["train"]) if r.id in had}
        assert len(_photos(parts["validation"])) == pytest.approx(len(_photos(parts["train"])) * 3 / 8, abs=3)


def test_the_seed_decides_the_folds(trained: Path) -> None:
    assert _folds(trained, 3, 1)[1] == _folds(trained, 3, 1)[1]
    assert [fold.held for fold in _folds(trained, 3, 1)[1]] != [fold.held for fold in _folds(trained, 3, 2)[1]]


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of the run, to be changed."""
    return Path(shutil.copytree(trained, tmp_path / "run", ignore=shutil.ignore_patterns("evaluation*")))


def _change_split(run: Path, change: Any) -> None:
    records = read_lines(run / runs.SPLIT, Record)
    replace_lines(run / runs.SPLIT, (change(record).to_json() for record in records))


def test_photos_of_one_group_stand_in_one_fold(run: Path) -> None:
    _change_split(run, lambda r: replace(r, group=derive_id(r.label, "group", int(r.origin, 16) % 5)))
    _, folds = _folds(run, 3)
    stands = {(r.group, fold.number) for fold in folds for r in fold.held}
    assert len(stands) == len({group for group, _ in stands})


def test_folds_by_person_keep_everybody_in_one(run: Path) -> None:
    number = {r.origin: n % 7 for n, r in enumerate(_photos(runs.load(run).split))}
    people = lineage.join_people(
        [replace(r, split=None, targets={"person": f"p{number[r.origin]}"}) for r in runs.load(run).split]
    )
    drawn = lineage.draw_split(_photos(people), (0.6, 0.2, 0.2), 1, "people")
    replace_lines(run / runs.SPLIT, (record.to_json() for record in drawn))
    edit(run, protocol="person")
    _, folds = _folds(run, 4)
    for fold in folds:
        assert lineage.people_crossing(fold.records) == []
    with pytest.raises(
        FacekitError, match=r"^person\d has 7 people that can be separated, and 8 folds need 8; give --fol"
    ):
        _folds(run, 8)


def test_folds_over_files_hold_out_copies_too(run: Path) -> None:
    edit(run, protocol="image")
    loaded, folds = _folds(run, 3)
    assert Counter(r.id for fold in folds for r in fold.held) == Counter(r.id for r in loaded.split)
    assert any(record.synthetic for record in folds[0].held)


def test_too_few_photos_for_so_many_folds_are_refused(run: Path) -> None:
    with pytest.raises(
        FacekitError, match=r"^person0 has 14 photos that can be separated, and 15 folds need 15; give --folds 14$"
    ):
        _folds(run, 15)
    _change_split(run, lambda r: replace(r, group="1" * 64) if r.label == "person1" else r)
    with pytest.raises(
        FacekitError, match=r"^person1 has only one of the photos that can be separated, and folds need"
    ):
        _folds(run, 2)


def test_folds_are_trained_scored_and_resumed(run: Path) -> None:
    report = cross_validate(CrossValidate(run=run, folds=2))
    output = run / "evaluation-2-folds"
    assert report.folder == str(output)
    assert {entry.name for entry in output.iterdir()} == {"fold-1", "fold-2", "scores.json", "report.html"}
    scores = json.loads((output / "scores.json").read_text())
    rows = scores["folds"]["rows"]
    assert scores["pictures"] == sum(row["pictures"] for row in rows) == 42
    assert sum(map(sum, scores["confusion"])) == 42
    pooled = sum(row["accuracy"] * row["pictures"] for row in rows) / 42
    assert scores["accuracy"] == pytest.approx(pooled)
    found = [row["accuracy"] for row in rows]
    assert scores["folds"]["accuracy"] == pytest.approx({"mean": np.mean(found), "deviation": np.std(found, ddof=1)})
    assert scores["resampled"]["units"] == 42
    assert report.left == {"copies and children, which no fold is scored on": 48}
    assert report.details["mean of the folds"]["accuracy"] == pytest.approx(np.mean(found), abs=1e-4)
    page = (output / "report.html").read_text()
    assert "2 folds" in page
    assert "standard deviation" in page
    assert "The run that the folds take their options from" in page
    one = runs.load(output / "fold-1")
    assert one.info.options["network"] == "cnn3"
    assert one.protocol == "group"
    assert not {r.origin for r in one.part("test")} & {r.origin for r in one.part("train")}

    weights = {fold: (output / fold / "model.weights.h5").stat().st_mtime_ns for fold in ("fold-1",)}
    (output / "scores.json").unlink()
    shutil.rmtree(output / "fold-2")
    (output / "report.html").unlink()  # as a kill in the second fold leaves it
    again = cross_validate(CrossValidate(run=run, folds=2))
    assert weights == {fold: (output / fold / "model.weights.h5").stat().st_mtime_ns for fold in weights}
    assert again.details["fold 1"] == report.details["fold 1"]
    assert (output / "fold-2" / "model.json").exists()
    with pytest.raises(
        FacekitError, match=r"fold-1 is of other folds; make it again with .*, or choose another folder with -o"
    ):
        cross_validate(CrossValidate(run=run, folds=2, seed=7))
    runs.clear(run)
    assert not output.exists()


def test_dry_run_says_what_the_folds_would_be(run: Path) -> None:
    report = cross_validate(CrossValidate(run=run, folds=3, dry_run=True))
    assert [sum(fold.values()) >= 42 for fold in report.details["folds"]] == [True] * 3
    assert not (run / "evaluation-3-folds").exists()


def test_pictures_that_changed_are_not_cut_in_folds(run: Path, tmp_path: Path) -> None:
    other = tree(tmp_path / "other", photos=9, split=None)
    with pytest.raises(
        FacekitError, match=r"other is not what .*run was trained on \(pictures: .+\); train again first"
    ):
        cross_validate(CrossValidate(run=run, folds=3, data=other))
    with pytest.raises(FacekitError, match=r"nowhere is not a folder; use --data to say where the pictures of"):
        cross_validate(CrossValidate(run=run, folds=3, data=tmp_path / "nowhere"))


def test_of_the_folder_that_a_run_names_no_other_file_is_opened(run: Path, trained: Path, tmp_path: Path) -> None:
    """A stranger's run may name any folder of its user's in which there is a picture that everybody has."""
    home = Path(shutil.copytree(trained.parent / "faces", tmp_path / "home"))
    move(run, home)
    for place in ("person0/diary.png", "private/diary.png"):
        (home / place).parent.mkdir(exist_ok=True)
        (home / place).write_bytes(b"private")
    with watch(home) as touched, pytest.raises(FacekitError, match=r"\(name added: private; pictures: 2 new\)"):
        cross_validate(CrossValidate(run=run, folds=2))
    listed = {record.path for record in runs.load(run).split}
    assert {what.removeprefix("open /") for what in touched if what.startswith("open ")} == {*listed, MANIFEST}
    (home / runs.load(run).split[0].path).unlink()
    with watch(home) as touched, pytest.raises(FacekitError, match="gone or changed since training"):
        cross_validate(CrossValidate(run=run, folds=2))
    assert not [what for what in touched if what.startswith(("os.scandir", "os.listdir"))]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"folds": 1}, r"^--folds is 1; it must be 2 or more$"),
        ({"folds": 21}, r"^--folds is 21; it must be 20 or less$"),
        ({"table": Path("t.csv")}, r"^--table is only read for --by; give --by COLUMN as well$"),
    ],
)
def test_options_that_do_not_fit_are_refused(more: dict[str, Any], message: str) -> None:
    with pytest.raises(FacekitError, match=message):
        CrossValidate(run=Path("run"), **more)
