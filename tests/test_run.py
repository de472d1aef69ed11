"""Recipes: everything is checked before the first stage runs, and what is done is not done again."""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import pytest
from conftest import Facekit, plain_tree, read_tree, records

from facekit.base.contract import FacekitError
from facekit.cli.run import plan, read, run
from facekit.options import registry
from facekit.options.base import Field, InputPath, OutputPath, PathOrName, describe
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
    assert [stage.stage for stage in report.stages] == ["crop", "clean", "balance", "augment"]
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
    written = read(recipe)
    steps = plan(Run(recipe=recipe), written)
    assert [step.options.seed for step in steps] == [7, 7, 7, 7]
    assert [step.options.jobs for step in steps] == [0, 0, 0, 1]
    steps = plan(Run(recipe=recipe, seed=9, output=Path("there")), written)
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
    work = recipe.parent / "work"
    assert (report.made, report.folder) == (0, str(work / "augment"))
    lines = report.details["lines"]
    assert [line.split()[:2] for line in lines] == [
        ["facekit", name] for name in ("crop", "clean", "balance", "augment")
    ]
    assert lines[1].startswith(f"facekit clean {work / 'crop'} -o {work / 'clean'} ")
    assert read_tree(recipe.parent) == before


def test_a_dry_run_computes_nothing(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry.Command, "load", lambda self: pytest.fail(f"{self.name} is called"))
    run(Run(recipe=recipe, dry_run=True))


def test_a_dry_run_says_that_its_input_is_not_there(recipe: Path) -> None:
    with pytest.raises(FacekitError, match=r"^no such file or folder: .*nowhere; stage 1 \(crop\) reads it$"):
        run(Run(recipe=recipe, dry_run=True, input=Path("nowhere")))


def test_what_a_dry_run_shows_can_be_typed(recipe: Path, facekit: Facekit) -> None:
    done = facekit("run", recipe, "--dry-run")
    assert done.code == 0
    for line in done.out.splitlines():
        assert facekit(*shlex.split(line)[1:]).code == 0, line
    assert done.err.splitlines()[-1] == f"next: facekit run {recipe}"


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("min_images", "min_image", "stage 2 (clean): no option called 'min_image'; did you mean min_images?"),
        ("min_images", "zzz", "stage 2 (clean): no option called 'zzz'; choose from input, output"),
        ('"balance"', '"balanse"', "stage 3 (balanse): command must be one of scrape, draw, ingest, crop"),
        ('command = "balance"', "", "stage 3 (no command): command must be one of"),
        ("count = 9", "count = 2", "stage 4 (augment): --count is 2; it must be 3 or more"),
        ("count = 9", 'count = "9"', "stage 4 (augment): --count is '9'; it must be of type int"),
        ("count = 9", "count = true", "--count is True; it must be of type int"),
        ('"gentle"', '"wild"', "--recipe is 'wild'; choose from gentle, standard, strong"),
        ("seed = 7", 'seed = "x"', "--seed is 'x'; it must be of type int"),
        ("seed = 7", "sead = 7", "no setting called 'sead'; choose from jobs, output, seed, stage"),
        ('output = "work"', "output = 5", "output is 5; give a folder in quotes"),
        ('output = "work"', 'output = ""', "output is ''; give a folder in quotes"),
        ('input = "photos"', 'input = ""', "stage 1 (crop): INPUT is empty; give a path"),
        ('input = "photos"', "", "stage 1 (crop): input is missing; add `input = …`"),
        ("[[stage]]", "[stage]", "is not valid TOML"),
    ],
)
def test_a_fault_is_found_before_the_first_stage_runs(recipe: Path, before: str, after: str, says: str) -> None:
    assert before in RECIPE
    assert says in refused(recipe, RECIPE.replace(before, after))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "has no stages; add a [[stage]]"),
        ("this is no recipe", "is not valid TOML"),
        ("[stage]\ncommand = 'crop'", "write each stage as [[stage]], with double brackets"),
        ("stage = ['crop']", "write each stage as [[stage]], with double brackets"),
    ],
)
def test_what_is_no_recipe_is_refused(recipe: Path, text: str, says: str) -> None:
    assert says in refused(recipe, text)


def test_a_recipe_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FacekitError, match="no such recipe"):
        run(Run(recipe=tmp_path / "none.toml"))
    with pytest.raises(FacekitError, match="no such recipe"):
        run(Run(recipe=tmp_path / "none.toml" / "recipe.toml"))
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FacekitError, match="is not valid TOML"):
        run(Run(recipe=tmp_path / "binary.toml"))


def test_the_recipes_that_come_along_are_sound() -> None:
    root = Path(__file__).resolve().parent.parent
    found = [path for name in ("examples", "facekit") for path in (root / name).rglob("*.toml")]
    found = [path for path in found if "[[stage]]" in path.read_text()]
    assert found
    for path in found:
        written = read(path)
        for table in written.stages:
            if table.get("command") == "scrape":
                table.setdefault("names", ["Ada"])
        assert plan(Run(recipe=path), written)


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


# Paths


def options_of_recipes(kind: type) -> Iterator[tuple[str, Field]]:
    """Every option with such a mark, of every command that a recipe may hold."""
    for command in registry.catalogue().commands:
        if command.options.in_recipes:
            for option in describe(command.options):
                if isinstance(option.path, kind):
                    yield command.name, option


def written(value: object) -> str:
    return f"[{', '.join(map(written, value))}]" if isinstance(value, list) else f'"{value}"'


def planned(recipe: Path, command: str, option: Field, value: object) -> object:
    """What an option of a recipe's only stage comes to; what else the stage needs is there."""
    beside: dict[str, dict[str, object]] = {
        "table": {"by": "column"},
        "people_from": {"split_by": "person"},
        "targets_from": {"targets": "identity,expression"},
    }
    needed = beside.get(option.name, {})
    values: dict[str, object] = {
        field.name: next(iter(get_args(field.kind)), "else/where")
        for field in describe(registry.own(command).options)
        if field.required
    }
    values |= {key: held for key, held in needed.items() if key in vars(registry.own(command).options)} | {
        option.name: value
    }
    lines = [f"{name} = {written(held)}" for name, held in values.items()]
    recipe.write_text("\n".join(['output = "results"', "[[stage]]", f'command = "{command}"', *lines]))
    (step,) = plan(Run(recipe=recipe), read(recipe))
    held = getattr(step.options, option.name)
    return [str(part) for part in held] if isinstance(held, list) else str(held)


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recipe's place, seen from a folder that is not its own."""
    for name in ("recipes", "elsewhere", "home"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "recipes" / "recipe.toml"


def ids(value: object) -> str:
    return value.name if isinstance(value, Field) else str(value)


@pytest.mark.parametrize(("command", "option"), list(options_of_recipes(InputPath)), ids=ids)
def test_an_input_lies_beside_the_recipe(beside: Path, command: str, option: Field) -> None:
    for value, place in (("a", beside.parent / "a"), ("../b", beside.parent / ".." / "b"), ("/c", Path("/c"))):
        many = option.many
        assert planned(beside, command, option, [value] if many else value) == ([str(place)] if many else str(place))


@pytest.mark.parametrize(("command", "option"), list(options_of_recipes(OutputPath)), ids=ids)
def test_an_output_lies_under_the_recipes_output(beside: Path, command: str, option: Field) -> None:
    assert planned(beside, command, option, "a") == str(beside.parent / "results" / "a")
    assert planned(beside, command, option, "/c") == "/c"


@pytest.mark.parametrize(("command", "option"), list(options_of_recipes(PathOrName)), ids=ids)
def test_a_name_stays_a_name_unless_something_beside_the_recipe_has_it(
    beside: Path, command: str, option: Field
) -> None:
    assert isinstance(option.path, PathOrName)

    def comes_to(value: str) -> object:
        held = planned(beside, command, option, [value] if option.many else value)
        return held[0] if isinstance(held, list) else held

    assert comes_to("dlib") == "dlib"
    assert comes_to("/c/d.txt") == "/c/d.txt"
    assert comes_to("sub/list.txt") == str(beside.parent / "sub" / "list.txt")
    (beside.parent / "dlib").write_text("")
    assert comes_to("dlib") == str(beside.parent / "dlib")
    (beside.parent / "dlib").unlink()
    (beside.parent / "dlib").mkdir()
    assert comes_to("dlib") == ("dlib" if option.path.lists else str(beside.parent / "dlib")), "a name is no folder"


@pytest.mark.parametrize(
    ("command", "option"), [*options_of_recipes(InputPath), *options_of_recipes(OutputPath)], ids=ids
)
def test_a_tilde_is_home_in_a_recipe(beside: Path, command: str, option: Field) -> None:
    home = Path(os.environ["HOME"])
    if option.many:
        assert planned(beside, command, option, ["~/a", "b"]) == [str(home / "a"), str(beside.parent / "b")]
    else:
        assert planned(beside, command, option, "~/a") == str(home / "a")


def test_the_head_of_a_recipe_knows_home_too(beside: Path) -> None:
    beside.write_text('output = "~/results"\n[[stage]]\ncommand = "draw"\n')
    (step,) = plan(Run(recipe=beside), read(beside))
    assert step.options.output == Path(os.environ["HOME"]) / "results" / "draw"  # type: ignore[attr-defined]


@pytest.mark.parametrize("line", ["draw --output=~/x -n", "draw -o ~/x", "draw --output ~/x"])
def test_a_tilde_is_home_on_the_command_line(beside: Path, facekit: Facekit, line: str) -> None:
    words = [*line.removesuffix(" -n").split(), "--people", "1", "--photos", "1", "--quiet", "--seed", "3"]
    done = facekit(*words)
    assert done.code == 0, done.err
    assert (Path(os.environ["HOME"]) / "x" / "manifest.jsonl").exists()
    assert list(Path.cwd().iterdir()) == []


def test_an_unknown_users_home_is_a_folder_of_that_name(beside: Path) -> None:
    option = next(option for _, option in options_of_recipes(OutputPath) if option.name == "output")
    assert planned(beside, "draw", option, "~no-such-user/x") == str(beside.parent / "results" / "~no-such-user" / "x")


# What a stranger's recipe may be


LIMITED = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
from facekit.cli import main
main()
"""


def run_in_a_process(recipe: Path) -> str:
    """Run a recipe with a bound on memory, and return the one line that it is refused with."""
    command = [sys.executable, "-c", LIMITED, "run", str(recipe)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20, cwd=recipe.parent)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert len(done.stderr) < 1000
    return done.stderr


def huge(path: Path) -> None:
    """A terabyte that takes no place on the disk."""
    with path.open("wb") as file:
        file.truncate(1 << 40)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (os.mkfifo, "is not a regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "is not a regular file"),
        (lambda path: path.mkdir(), "is a folder; give a file"),
        (lambda path: path.symlink_to(path), "link"),
        (huge, "more than the limit of 1048576"),
    ],
    ids=["fifo", "device", "folder", "circle", "huge"],
)
def test_what_is_no_file_is_refused_in_one_line(tmp_path: Path, make: Callable[[Path], object], says: str) -> None:
    make(tmp_path / "recipe.toml")
    assert says in run_in_a_process(tmp_path / "recipe.toml")


CROP, MANY = "[[stage]]\ncommand = 'crop'\n", 900_000

TRAPS = {
    "latin": (b"# \xff\xfe", "is not valid TOML"),
    "zeros": (b"\0" * 100, "is not valid TOML"),
    "long": ("# much\n" * 200_000, "more than the limit of 1048576"),
    "deep lists": ("a = " + "[" * 100_000, "nested too deeply"),
    "deep tables": ("a = " + "{a=" * 100_000, "nested too deeply"),
    "deep key": ("a." * 250_000 + "a = 1", "a key of more than 100 parts"),
    "deep key in a stage": (CROP + "a." * 250_000 + "a = 1", "a key of more than 100 parts"),
    "deep quoted key": (CROP + "'a' . " * 150_000 + "a = 1", "a key of more than 100 parts"),
    "key of 90 parts": (CROP + "a." * 90 + "a = 1", "stage 1 (crop): "),
    "quotes": ("a" * 500_000 + " . " + '"' * 400_000, "is not valid TOML"),
    "hexadecimal": (
        f"seed = 0x{'f' * MANY}\n[[stage]]\ncommand = 'draw'",
        "--seed is a number with thousands of digits",
    ),
    "digits": (f"seed = {'9' * MANY}\n[[stage]]\ncommand = 'draw'", "is not valid TOML"),
    "long command": (f"[[stage]]\ncommand = '{'x' * MANY}'", "stage 1 (xxx"),
    "long setting": ("x" * MANY + " = 1", "no setting called 'xxx"),
    "long option": (CROP + "x" * MANY + " = 1", "no option called 'xxx"),
    "long value": (f"{CROP}input = 'x'\nfaces = '{'x' * MANY}'", "--faces is 'xxx"),
    "long path": (f"{CROP}input = '{'x' * MANY}'", "no name in a path is longer than 255 bytes"),
    "zero byte": (CROP + 'input = "a\\u0000b"', "a path has no zero byte"),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_a_recipe_that_is_a_trap_is_refused_in_one_line(tmp_path: Path, trap: str) -> None:
    text, says = TRAPS[trap]
    recipe = tmp_path / "recipe.toml"
    recipe.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(FacekitError) as caught:
        run(Run(recipe=recipe))
    assert says in str(caught.value)
    assert str(recipe) in str(caught.value)
    assert len(str(caught.value)) < 1000


BAD = (
    "true", "-1", "1.5", "nan", "inf", "1e400", "9" * 30, '""', '"x\\u001b[2J"', "[]", "[1]", '["x", 2]',
    "[[1]]", "{a = 1}", "1979-05-27", "07:32:00", "1979-05-27T07:32:00Z", '"\\u202e"', f'"{"y" * 5000}"',
)  # fmt: skip
"""Values of every type that TOML has, most of which an option cannot be."""


@pytest.mark.parametrize(
    "command", [command.name for command in registry.catalogue().commands if command.options.in_recipes]
)
def test_a_value_of_any_type_is_taken_or_refused_in_one_line(tmp_path: Path, command: str) -> None:
    recipe, refused = tmp_path / "recipe.toml", 0
    for option in describe(registry.own(command).options):
        for value in BAD:
            needed = [f'{o.name} = "x"' for o in describe(registry.own(command).options) if o.required and o != option]
            recipe.write_text("\n".join(["[[stage]]", f'command = "{command}"', *needed, f"{option.name} = {value}"]))
            try:
                plan(Run(recipe=recipe), read(recipe))
            except FacekitError as error:
                refused += 1
                assert str(recipe) in str(error)
                assert f"({command})" in str(error)
                assert len(str(error)) < 1000
    assert refused > 50


@pytest.mark.parametrize("head", ["output", "seed", "jobs", "stage", "other"])
def test_a_head_of_any_type_is_taken_or_refused_in_one_line(tmp_path: Path, head: str) -> None:
    recipe = tmp_path / "recipe.toml"
    for value in BAD:
        recipe.write_text(f'{head} = {value}\n[[{"stages" if head == "stage" else "stage"}]]\ncommand = "draw"\n')
        try:
            plan(Run(recipe=recipe), read(recipe))
        except FacekitError as error:
            assert str(recipe) in str(error)


def test_the_home_of_nobody_is_a_folder_like_any_other(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('output = "~nobody-of-this-name/x"\n[[stage]]\ncommand = "draw"\n')
    (step,) = plan(Run(recipe=recipe), read(recipe))
    assert step.options.output == tmp_path / "~nobody-of-this-name" / "x" / "draw"
