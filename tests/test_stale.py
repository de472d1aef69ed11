"""What was made from other data says what has changed, and is never taken for what would be made now."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from colours import colours as colours
from conftest import Facekit, picture, plain_tree, read_tree
from patches import edit, move, tree

from facekit import runs
from facekit.base import images
from facekit.base.contract import FacekitError, Record, StaleError, replace
from facekit.base.files import read_lines, replace_lines
from facekit.commands.audit import audit
from facekit.commands.balance import balance
from facekit.commands.clean import clean
from facekit.commands.compare import compare
from facekit.commands.crop import crop
from facekit.commands.cross_validate import cross_validate
from facekit.commands.evaluate import evaluate
from facekit.commands.evaluate_pairs import evaluate_pairs
from facekit.commands.inspect import inspect
from facekit.commands.train import train
from facekit.dataset import MANIFEST
from facekit.dataset.reasons import JOINED
from facekit.options.audit import Audit
from facekit.options.balance import Balance
from facekit.options.clean import Clean
from facekit.options.compare import Compare
from facekit.options.crop import Crop
from facekit.options.cross_validate import CrossValidate
from facekit.options.evaluate import Evaluate
from facekit.options.evaluate_pairs import EvaluatePairs
from facekit.options.inspect import Inspect
from facekit.options.train import Train

Change = Callable[[Path], object]


def _file(faces: Path) -> Path:
    return min((faces / "Ada").iterdir())


CHANGES: dict[str, tuple[Change, str]] = {
    "a name added": (lambda root: plain_tree(root, {"Zoe": 8}, first=300), "name added: Zoe; pictures: 8 new"),
    "a name removed": (lambda root: shutil.rmtree(root / "Cem"), "name removed: Cem; pictures: 8 removed"),
    "pictures added": (lambda root: plain_tree(root, {"Ada": 3}, first=300), "pictures: 3 new"),
    "a picture removed": (lambda root: _file(root).unlink(), "pictures: 1 removed"),
    "a picture replaced": (
        lambda root: _file(root).write_bytes(images.encode_png(picture(301))),
        "pictures: 1 changed",
    ),
    "a picture relabelled": (
        lambda root: _file(root).rename(root / "Bob" / "moved.png"),
        "pictures: 1 under another name",
    ),
}
"""What a person can do to a tree, and what is said of it."""


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    return plain_tree(tmp_path / "faces", {"Ada": 8, "Bob": 8, "Cem": 8})


@pytest.fixture
def recipe(faces: Path, colours: str) -> Path:
    file = faces.with_name("recipe.toml")
    file.write_text(
        f'output = "work"\n[[stage]]\ncommand = "train"\ninput = "faces"\nbackbone = "{colours}"\n'
        '[[stage]]\ncommand = "evaluate"\nrounds = 0\n'
    )
    return file


def _train(faces: Path, **more: Any) -> None:
    train(Train(input=faces, output=faces.with_name("run"), backbone="colours", **more))


@pytest.mark.parametrize("what", CHANGES)
def test_a_recipe_does_not_score_an_old_model_under_a_new_trees_name(
    recipe: Path, faces: Path, facekit: Facekit, what: str
) -> None:
    assert facekit("run", recipe).code == 0
    assert facekit("run", recipe).code == 0, "of the same tree it is trained already"
    work, (change, said) = recipe.with_name("work"), CHANGES[what]
    before = read_tree(work)
    change(faces)
    done = facekit("run", recipe)
    assert done.code == 2
    assert done.err.splitlines()[-1] == (
        f"error: {faces} has changed since {work / 'train'} was trained ({said}); make it again with "
        f"`facekit run {recipe} --overwrite-from train`, or give the recipe another output with -o"
    )
    assert read_tree(work) == before
    done = facekit("run", recipe, "--overwrite-from", "train")
    assert done.code == 0, done.err
    assert set(runs.load(work / "train").labels) == {path.name for path in faces.iterdir()}
    assert facekit("run", recipe).code == 0


@pytest.mark.parametrize("resume", [(), ("--resume",)])
@pytest.mark.parametrize("what", ["a name added", "a picture relabelled"])
def test_by_hand_neither(faces: Path, colours: str, facekit: Facekit, what: str, resume: tuple[str, ...]) -> None:
    _train(faces)
    change, said = CHANGES[what]
    change(faces)
    typed = ["train", faces, "-o", faces.with_name("run"), "--backbone", colours]
    done = facekit(*typed, *resume)
    assert done.code == 2
    command = " ".join(map(str, ["facekit", *typed, "--overwrite"]))
    assert f"({said}); make it again with `{command}`, or choose another folder" in done.err
    assert facekit(*command.split()[1:]).code == 0


def test_an_interrupted_run_does_not_go_on_with_other_pictures(faces: Path, colours: str) -> None:
    _train(faces)
    edit(faces.with_name("run"), complete=False)
    plain_tree(faces, {"Zoe": 8}, first=300)
    with pytest.raises(StaleError, match=r"run was begun \(name added: Zoe; pictures: 8 new\); make it again with"):
        _train(faces)


def test_another_version_or_place_is_no_other_data(faces: Path, colours: str) -> None:
    _train(faces)
    run = faces.with_name("run")
    edit(run, facekit="0.1.0")
    before = read_tree(run)
    train(Train(input=faces.rename(faces.with_name("moved")), output=run, backbone=colours))
    assert read_tree(run) == before


def test_other_options_are_refused_before_other_data(faces: Path, colours: str) -> None:
    _train(faces)
    with pytest.raises(FacekitError, match=r"was trained with --class-weights auto, not none; choose another"):
        _train(faces, class_weights="none")


def test_a_table_that_says_other_people_is_other_data(tmp_path: Path, colours: str) -> None:
    faces = plain_tree(tmp_path / "faces", {"happy": 9, "sad": 9})
    pictures = sorted(path.relative_to(faces) for path in faces.rglob("*.png"))
    table = tmp_path / "who.csv"
    rows = [f"{path},p{number % 9}" for number, path in enumerate(pictures)]
    table.write_text("\n".join(["image,person", *rows]))
    _train(faces, split_by="person", people_from=table)
    _train(faces, split_by="person", people_from=table)
    table.write_text("\n".join(["image,person", *rows[:-1], f"{pictures[-1]},p0"]))
    with pytest.raises(StaleError, match=r"who\.csv has a different person for 1 picture"):
        _train(faces, split_by="person", people_from=table)


def test_a_comparison_says_what_has_changed(faces: Path, colours: str) -> None:
    file = faces.with_name("one.toml")
    file.write_text(f'[[contender]]\nbackbone = "{colours}"\n')
    options = Compare(input=faces, output=faces.with_name("out"), contenders=file)
    compare(options)
    plain_tree(faces, {"Zoe": 8}, first=300)
    says = (
        r"faces has changed since .*out was begun \(name added: Zoe; pictures: 8 new\); make it again with "
        r"`facekit compare .*faces -o .*out --contenders .*one\.toml --overwrite`, or choose another folder$"
    )
    with pytest.raises(StaleError, match=says):
        compare(options)
    assert compare(replace(options, overwrite=True)).kept == 1
    assert len(json.loads((options.output / "compare.json").read_text())["rows"]) == 1


def test_cross_validation_says_what_has_changed(faces: Path, colours: str) -> None:
    _train(faces)
    run = faces.with_name("run")
    options = CrossValidate(run=run, folds=2, rounds=0)
    cross_validate(options)
    plain_tree(faces, {"Ada": 2}, first=300)
    says = (
        r"is not what .*run was trained on \(pictures: 2 new\); train again first, with `facekit train .* --overwrite`$"
    )
    with pytest.raises(FacekitError, match=says):
        cross_validate(options)
    _train(faces, overwrite=True)
    cross_validate(options)  # its folds lie in the run, and went with it


LOOKS: dict[str, tuple[Callable[[Path], object], str]] = {
    "evaluate": (
        lambda run: evaluate(Evaluate(run=run, rounds=0)),
        r"or score the pictures as they were then with `facekit evaluate .*run --data .*faces --part test --rounds 0`$",
    ),
    "audit": (lambda run: audit(Audit(folder=run)), r"or audit the tree itself with `facekit audit .*faces`$"),
    "inspect": (
        lambda run: inspect(Inspect(run=run, method="occlusion", count=1)),
        r"or name the pictures: `facekit inspect .*run PICTURE`$",
    ),
}
"""What is asked about a run alone, and what else may be typed once its tree has grown."""


@pytest.mark.parametrize("command", LOOKS)
def test_an_old_model_does_not_pass_for_one_of_a_tree_that_has_grown(
    faces: Path, colours: str, command: str, facekit: Facekit
) -> None:
    _train(faces)
    run, (look, otherwise) = faces.with_name("run"), LOOKS[command]
    look(run)
    plain_tree(faces, {"Ada": 3, "Zoe": 8}, first=300)
    again = rf"make it again with `(facekit train {faces} -o {run} --backbone .*colours --overwrite)`, "
    said = rf"^{faces} has changed since {run} was trained \(name added: Zoe; pictures: 11 new\); "
    with pytest.raises(StaleError, match=said + again + otherwise) as refused:
        look(run)
    typed = str(refused.value).split("`")[1]
    assert facekit(*shlex.split(typed)[1:]).code == 0
    assert "Zoe" in runs.load(run).labels
    look(run)


def test_the_test_pictures_of_then_can_still_be_scored(faces: Path, colours: str, facekit: Facekit) -> None:
    _train(faces)
    run = faces.with_name("run")
    count = len(runs.load(run).part("test"))
    plain_tree(faces, {"Zoe": 8}, first=300)
    done = facekit("evaluate", run, "--rounds", "0")
    assert done.code == 2
    typed = done.err.split("`")[3]
    done = facekit(*shlex.split(typed)[1:], "--json")
    assert done.code == 0, done.err
    scores = json.loads((Path(json.loads(done.out)["folder"]) / "scores.json").read_text())
    assert scores["pictures"] == count
    says = f"{faces} has changed since the model was trained: this score is of {count} of {count} pictures"
    assert scores["banners"] == [f"{says}, as they were then"]


@pytest.mark.parametrize("layout", ["a name added", "a picture added"])
def test_a_tree_of_parts_has_grown_too(tmp_path: Path, colours: str, layout: str) -> None:
    """The folders of the names are where the split says, one folder deeper than usual."""
    faces, run = plain_tree(tmp_path / "faces", {"Ada": 8, "Bob": 8}), tmp_path / "run"
    train(Train(input=faces, output=run, backbone=colours))
    (tmp_path / "parts").mkdir()
    faces.rename(tmp_path / "parts" / "train")
    lines = [replace(one, path=f"train/{one.path}") for one in runs.load(run).split]
    replace_lines(run / runs.SPLIT, (line.to_json() for line in lines))
    move(run, tmp_path / "parts")
    evaluate(Evaluate(run=run, rounds=0))
    plain_tree(tmp_path / "parts" / "train", {"Zoe" if "name" in layout else "Ada": 1}, first=300)
    says = r"\(name added: Zoe; pictures: 1 new\)" if "name" in layout else r"\(pictures: 1 new\)"
    with pytest.raises(StaleError, match=says):
        evaluate(Evaluate(run=run, rounds=0))


def test_folds_of_other_pictures_are_not_gone_on_with(faces: Path, colours: str) -> None:
    _train(faces)
    options = CrossValidate(run=faces.with_name("run"), folds=2, rounds=0, output=faces.with_name("folds"))
    cross_validate(options)
    plain_tree(faces, {"Ada": 2}, first=300)
    _train(faces, overwrite=True)
    with pytest.raises(
        StaleError, match=r"fold-1 was trained on other pictures \(pictures: 2 new\); make it again with"
    ):
        cross_validate(options)
    assert cross_validate(replace(options, overwrite=True)).details["pictures"] == 26


def test_a_stage_that_a_recipe_lacks_is_refused(recipe: Path, facekit: Facekit) -> None:
    done = facekit("run", recipe, "--overwrite-from", "clean")
    assert done.code == 2
    assert f"--overwrite-from: {recipe} has no stage 'clean'; it has train, evaluate" in done.err


def test_a_report_is_not_written_over_one_on_other_pictures(faces: Path, colours: str) -> None:
    _train(faces)
    given = plain_tree(faces.with_name("given"), {"Ada": 3}, first=500)
    options = Evaluate(run=faces.with_name("run"), data=given, output=faces.with_name("page"), rounds=0)
    evaluate(options)
    evaluate(replace(options, rounds=10))  # the same pictures: the page is written again
    plain_tree(given, {"Bob": 2}, first=600)
    before = read_tree(options.output)
    says = (
        r"page holds a report on other pictures \(name added: Bob; pictures: 2 new\); make it again with "
        r"`facekit evaluate .*run --data .*given -o .*page --rounds 0 --overwrite`, or choose another folder with -o$"
    )
    with pytest.raises(StaleError, match=says):
        evaluate(options)
    assert read_tree(options.output) == before
    assert evaluate(replace(options, overwrite=True)).details["pictures"] == 5
    other = Path(shutil.copytree(options.run, faces.with_name("other")))
    with pytest.raises(StaleError, match=r"page holds a report on another model, .*run; make it again with"):
        evaluate(replace(options, run=other))


def test_a_report_of_before_is_written_anew(faces: Path, colours: str) -> None:
    """Version 0.1.0 did not say what a report was made from; nor does a damaged file."""
    _train(faces)
    options = Evaluate(run=faces.with_name("run"), rounds=0)
    for damage in (Path.unlink, lambda file: file.write_text("{")):
        evaluate(options)
        damage(options.run / "evaluation" / "made-from.json")
        evaluate(options)
    assert json.loads((options.run / "evaluation" / "made-from.json").read_text())["pictures"]
    runs.clear(options.run)
    assert not any(options.run.iterdir())


def test_an_inspection_is_not_written_over_one_of_other_pictures(faces: Path, colours: str) -> None:
    _train(faces)
    one, two = (faces / "Ada" / f"000{number}.png" for number in (0, 1))
    options = Inspect(run=faces.with_name("run"), method="occlusion", pictures=[one], output=faces.with_name("page"))
    inspect(options)
    with pytest.raises(StaleError, match=r"page holds a report on other pictures \(pictures: 1 new, 1 removed\); make"):
        inspect(replace(options, pictures=[two]))
    assert inspect(replace(options, pictures=[two], overwrite=True)).kept == 1


def test_a_report_on_pairs_is_not_written_over_one_on_other_photos(faces: Path, colours: str) -> None:
    first, *others = sorted(path.name for path in (faces / "Ada").iterdir())
    strangers = sorted(path.name for path in (faces / "Bob").iterdir())
    lines = [f"Ada/{first},Ada/{one},1" for one in others] + [f"Ada/{first},Bob/{one},0" for one in strangers]
    pairs = faces.with_name("pairs.csv")
    pairs.write_text("\n".join(["first,second,same", *lines, ""]))
    options = EvaluatePairs(run=Path(colours), pairs=pairs, data=faces, output=faces.with_name("report"), rounds=0)
    options = replace(options, detect=False)
    evaluate_pairs(options)
    evaluate_pairs(options)
    (faces / "Ada" / first).write_bytes(images.encode_png(picture(303)))
    before = read_tree(options.output)
    says = r"report holds a report on other pictures \(pictures: 1 changed\); make it again with `facekit evaluate-p"
    with pytest.raises(StaleError, match=says):
        evaluate_pairs(options)
    assert read_tree(options.output) == before
    evaluate_pairs(replace(options, overwrite=True))


def test_an_audit_is_not_written_over_one_of_another_tree(faces: Path) -> None:
    options = Audit(folder=faces, output=faces.with_name("page"))
    audit(options)
    audit(options)
    plain_tree(faces, {"Zoe": 1}, first=300)
    with pytest.raises(StaleError, match=r"page holds a report on other pictures \(name added: Zoe; pictures: 1 new\)"):
        audit(options)
    audit(replace(options, overwrite=True))


STAGES = {
    "a name added": "name added: Zoe; pictures: 8 new",
    "a name removed": "name removed: Cem; pictures: 8 removed",
    "pictures added": "pictures: 3 new",
    "a picture removed": "pictures: 1 removed",
    "a picture replaced": "pictures: 1 new, 1 removed",
}
"""What the stages that go on say of the same changes: they know pictures by their bytes."""


@pytest.mark.parametrize("what", STAGES)
def test_stages_that_go_on_say_what_has_changed(tmp_path: Path, what: str, caplog: pytest.LogCaptureFixture) -> None:
    faces = plain_tree(tmp_path / "faces", {"Ada": 8, "Bob": 8, "Cem": 8})
    cropped = Crop(input=faces, output=tmp_path / "crop", detect=False, size=64, jobs=1)
    cleaned = Clean(input=cropped.output, output=tmp_path / "clean", embedder="none", min_images=3, min_side=10, jobs=1)
    even = Balance(input=cleaned.output, output=tmp_path / "even", count=8, jobs=1)
    for stage, options in ((crop, cropped), (clean, cleaned), (balance, even)):
        stage(options)
    with caplog.at_level("INFO"):
        crop(cropped)
        assert "has changed since" not in caplog.text
        CHANGES[what][0](faces)
        for stage, options in ((crop, cropped), (clean, cleaned), (balance, even)):
            stage(options)
    said = f"{faces} has changed since {cropped.output} was made ({STAGES[what]}); the folder is brought up to date"
    assert said in caplog.text
    assert f"{cropped.output} has changed since {cleaned.output} was made ({STAGES[what]})" in caplog.text
    assert f"{cleaned.output} has changed since {even.output} was made (" in caplog.text
    assert {path.name for path in even.output.iterdir() if path.is_dir()} == {path.name for path in faces.iterdir()}


def test_what_was_left_out_of_the_split_is_no_new_picture(tmp_path: Path, colours: str) -> None:
    """A test picture that is in the group of a training picture was left out when the model was trained."""
    faces = tree(tmp_path / "faces")
    lines = read_lines(faces / MANIFEST, Record)
    used = next(line for line in lines if line.split == "train")
    place = next(place for place, line in enumerate(lines) if line.split == "test")
    lines[place] = replace(lines[place], group=used.group)
    replace_lines(faces / MANIFEST, (line.to_json() for line in lines))
    _train(faces)
    assert runs.load(tmp_path / "run").info.left == {JOINED: 1}
    _train(faces)
    plain_tree(faces, {"Zoe": 8}, first=300)
    with pytest.raises(StaleError, match=r"\(name added: Zoe; pictures: 8 new\)"):
        _train(faces)


def test_a_copy_of_a_training_picture_among_the_test_pictures_is_no_new_picture(tmp_path: Path, colours: str) -> None:
    """It is left out, though a picture of its bytes and its label is in the split."""
    root = tmp_path / "parts"
    for part, count, first in (("train", 6, 0), ("val", 2, 50), ("test", 4, 80)):
        plain_tree(root / part, {"Ada": count, "Bob": count}, first=first)
    shutil.copy(root / "train" / "Ada" / "0000.png", root / "test" / "Ada" / "again.png")
    options = Train(input=root, output=tmp_path / "run", backbone=colours)
    train(options)
    evaluate(Evaluate(run=options.output, rounds=0))
    train(options)
    shutil.copy(root / "train" / "Ada" / "0001.png", root / "test" / "Ada" / "more.png")
    with pytest.raises(StaleError, match=r"\(pictures: 1 new\)"):
        evaluate(Evaluate(run=options.output, rounds=0))
    with pytest.raises(StaleError, match=r"\(pictures: 1 new\)"):
        train(options)


def test_a_part_is_scored_in_a_folder_given_by_a_relative_path(
    faces: Path, colours: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _train(faces)
    monkeypatch.chdir(faces.parent)
    evaluate(Evaluate(run=Path("run"), data=Path(faces.name), part="test", rounds=0))
