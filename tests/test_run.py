"""Recipes: everything is checked before the first stage runs, and what is done is not done again."""

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import plain_tree, read_tree, records

from facekit.base.contract import FacekitError
from facekit.cli.run import plan, read, run
from facekit.options.run import Run

RECIPE = """
output = "work"
seed = 7

[[stage]]
command = "crop"
input = "photos"
detect = false
size = 24

[[stage]]
command = "clean"
min_images = 3
min_side = 10

[[stage]]
command = "balance"
count = 6

[[stage]]
command = "augment"
count = 9
recipe = "gentle"
jobs = 1
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    plain_tree(tmp_path / "photos", {"Ada": 5, "Bob": 7})
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE)
    return path


def refused(path: Path, text: str) -> str:
    """What a recipe of this text is refused with, before it has made anything."""
    path.write_text(text)
    before = read_tree(path.parent)
    with pytest.raises(FacekitError) as caught:
        run(Run(recipe=path))
    assert read_tree(path.parent) == before
    return str(caught.value)


def test_stages_run_in_order_each_on_what_the_one_before_made(recipe: Path) -> None:
    report = run(Run(recipe=recipe))
    work = recipe.parent / "work"
    assert sorted(path.name for path in work.iterdir()) == ["augment", "balance", "clean", "crop"]
    assert (report.stage, report.folder, report.kept) == ("run", str(work / "augment"), 18)
    assert [stage["stage"] for stage in report.details["stages"]] == ["crop", "clean", "balance", "augment"]
    assert report.made == 12 + 12 + 12 + 18
    assert len(records(work / "augment")) == 18


def test_run_again_it_does_nothing(recipe: Path) -> None:
    run(Run(recipe=recipe))
    before = read_tree(recipe.parent)
    assert run(Run(recipe=recipe)).made == 0
    assert read_tree(recipe.parent) == before


def test_a_source_that_grew_runs_through(recipe: Path) -> None:
    run(Run(recipe=recipe))
    plain_tree(recipe.parent / "photos", {"Cy": 4}, first=50)
    assert run(Run(recipe=recipe)).kept == 27


def test_the_head_is_for_every_stage_and_the_command_line_wins(recipe: Path) -> None:
    head, tables = read(recipe)
    steps = plan(Run(recipe=recipe), head, tables, recipe.parent)
    assert [step.options.seed for step in steps] == [7, 7, 7, 7]
    assert [step.options.jobs for step in steps] == [0, 0, 0, 1]
    steps = plan(Run(recipe=recipe, seed=9, output=Path("there")), head, tables, recipe.parent)
    assert {step.options.seed for step in steps} == {9}
    assert {step.options.output.parent for step in steps} == {Path("there")}


def test_inputs_lie_beside_the_recipe_wherever_it_is_run(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (recipe.parent / "elsewhere").mkdir()
    monkeypatch.chdir(recipe.parent / "elsewhere")
    assert run(Run(recipe=Path("../recipe.toml"))).kept == 18


def test_a_stage_may_take_another_input(recipe: Path) -> None:
    recipe.write_text(RECIPE + '\n[[stage]]\ncommand = "balance"\noutput = "again"\ninput = "work/clean"\ncount = 4\n')
    assert run(Run(recipe=recipe)).folder == str(recipe.parent / "work" / "again")


def test_a_dry_run_makes_nothing(recipe: Path) -> None:
    before = read_tree(recipe.parent)
    report = run(Run(recipe=recipe, dry_run=True))
    assert report.made == 12
    assert read_tree(recipe.parent) == before


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("min_images", "min_image", "stage 2 (clean): no option called 'min_image'; did you mean min_images?"),
        ("min_images", "zzz", "stage 2 (clean): no option called 'zzz'; choose from input, output"),
        ('"balance"', '"balanse"', "stage 3 (balanse): command must be one of scrape, draw, crop"),
        ('command = "balance"', "", "stage 3 (no command): command must be one of"),
        ("count = 9", "count = 2", "stage 4 (augment): --count is 2; it must be 3 or more"),
        ("count = 9", 'count = "9"', "stage 4 (augment): --count is '9'; it must be of type int"),
        ("count = 9", "count = true", "--count is True; it must be of type int"),
        ('"gentle"', '"wild"', "--recipe is 'wild'; choose from gentle, standard, strong"),
        ("seed = 7", 'seed = "x"', "--seed is 'x'; it must be of type int"),
        ("seed = 7", "sead = 7", "no setting called 'sead'; choose from jobs, output, seed, stage"),
        ('output = "work"', "output = 5", "output is 5; give a folder in quotes"),
        ('input = "photos"', "", "stage 1 (crop): input is missing; add `input = …`"),
        ("[[stage]]", "[stage]", "is not TOML"),
    ],
)
def test_a_fault_is_found_before_the_first_stage_runs(recipe: Path, before: str, after: str, says: str) -> None:
    assert before in RECIPE
    assert says in refused(recipe, RECIPE.replace(before, after))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "names no stage; add a [[stage]]"),
        ("this is no recipe", "is not TOML"),
        ("[stage]\ncommand = 'crop'", "stages are written [[stage]], with two brackets"),
        ("stage = ['crop']", "stages are written [[stage]], with two brackets"),
    ],
)
def test_what_is_no_recipe_is_refused(recipe: Path, text: str, says: str) -> None:
    assert says in refused(recipe, text)


def test_a_recipe_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FacekitError, match="no such recipe"):
        run(Run(recipe=tmp_path / "none.toml"))
    with pytest.raises(FacekitError, match="is not a regular file"):
        run(Run(recipe=tmp_path))
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FacekitError, match="is not TOML"):
        run(Run(recipe=tmp_path / "binary.toml"))


def test_the_recipes_that_come_along_are_sound() -> None:
    root = Path(__file__).resolve().parent.parent
    found = [path for name in ("examples", "facekit") for path in (root / name).rglob("*.toml")]
    found = [path for path in found if "[[stage]]" in path.read_text()]
    assert found
    for path in found:
        head, tables = read(path)
        for table in tables:
            if table.get("command") == "scrape":
                table.setdefault("names", ["Ada"])
        assert plan(Run(recipe=path), head, tables, path.parent)


def test_the_command_line_shows_a_table_of_every_stage(plain: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        '[[stage]]\ncommand = "clean"\nmin_images = 1\nmin_side = 10\n[[stage]]\ncommand = "balance"\ncount = 4\n'
    )
    command = [sys.executable, "-m", "facekit", "run", str(recipe), "--input", str(plain), "-o", str(tmp_path / "work")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(tmp_path / "work" / "balance")
    table = [line.split()[0] for line in done.stderr.splitlines() if line.startswith(("clean ", "balance "))]
    assert table[-2:] == ["clean", "balance"]
