"""Which commands there are: derived from modules, extended by other packages, and never broken by them."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, get_args

import pytest
import summaries
from conftest import ROOT

from facekit.base.contract import FacekitError
from facekit.options import registry
from facekit.options.base import Group, Options, OutputPath, describe
from facekit.options.crop import Crop
from facekit.options.summaries import SUMMARIES

GOOD = """
from dataclasses import dataclass
from typing import Annotated
from facekit.base.contract import Report, quiet
from facekit.options.base import Options

@dataclass(frozen=True, kw_only=True)
class Hello(Options):
    '''Say hello.'''
    name: Annotated[str, 'Whom to greet.'] = 'you'

def hello(options: Hello, track=quiet) -> Report:
    report = Report('hello', '.')
    report.details['lines'] = [f'hello {options.name}']
    return report
"""

BROKEN = {
    "raises": ("raise ValueError('\\x1b[2J[red]boom\\nsecond line')", "ValueError: "),
    "exits": ("raise SystemExit('leaving')", "SystemExit: leaving"),
    "imports": ("import there_is_no_such_module", "ModuleNotFoundError: No module named 'there_is_no_such_module'"),
    "syntax": ("def f(:", "SyntaxError: "),
    "lacks": ("other = 1", "AttributeError: "),
    "noclass": ("def hello(options, track): ...", "is not annotated with a class of Options"),
    "wrongclass": ("def hello(options: int, track): ...", "is not annotated with a class of Options"),
    "nothing": ("def hello(): ...", "is not annotated with a class of Options"),
    "nocall": ("hello = 1", "TypeError: "),
    "dict": (GOOD.replace("Annotated[str,", "Annotated[dict,").replace("'you'", "None"), "an option is a bool, int"),
    "taken": (GOOD.replace("name:", "quiet:"), "the name is taken"),
    "unmarked": ("from pathlib import Path" + GOOD.replace("Annotated[str,", "Annotated[Path,"), "mark it InputPath()"),
}


def package(site: Path, name: str, command: str, code: str) -> None:
    """Install a package that registers one command."""
    (site / f"{name}.py").write_text(code)
    info = site / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[facekit.command]\n{command} = {name}:hello\n")


def facekit(site: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{ROOT}", "COLUMNS": "200", **more}
    command = [sys.executable, "-m", "facekit", *arguments]
    return subprocess.run(command, cwd=site, env=environment, capture_output=True, text=True, timeout=60)


# facekit's own


def defined(module: str) -> set[str]:
    """The names that a module defines or imports at its top, read without importing it."""
    spec = find_spec(module)
    assert spec is not None and spec.origin is not None
    body = ast.parse(Path(spec.origin).read_text()).body
    imported = {alias.name for node in body if isinstance(node, ast.ImportFrom) for alias in node.names}
    return imported | {node.name for node in body if isinstance(node, ast.FunctionDef)}


def test_a_command_is_an_options_class_and_a_function_of_the_same_name() -> None:
    for name in registry.names():
        command = registry.own(name)
        assert command.target.endswith(f".{name.replace('-', '_')}:{name.replace('-', '_')}")
        assert command.options.__doc__
        assert command.options.group != "more", f"{name} belongs to a group"
        module = sys.modules[command.options.__module__].__file__
        assert Path(str(module)).stem == name.replace("-", "_")
        assert name.replace("-", "_") in defined(command.target.partition(":")[0])


def test_no_module_of_a_command_is_without_options() -> None:
    modules = {path.stem for path in (ROOT / "facekit" / "commands").iterdir() if not path.name.startswith("_")}
    assert {name.replace("-", "_") for name in registry.names()} - modules == {"run", "demo"}
    assert modules - {name.replace("-", "_") for name in registry.names()} == set()


def test_a_new_command_is_two_files_and_nothing_else(tmp_path: Path) -> None:
    package = shutil.copytree(ROOT / "facekit", tmp_path / "facekit", ignore=shutil.ignore_patterns("__pycache__"))
    code = GOOD.replace("def hello", "def say_hello").replace("Hello", "SayHello")
    options, _, function = code.partition("def say_hello")
    declared = "    group = 'use'\n    after = 'predict'\n    in_recipes = True\n\n    name:"
    options = options.replace("    name:", declared)
    (package / "options" / "say_hello.py").write_text(options)
    (package / "commands" / "say_hello.py").write_text(
        "from facekit.base.contract import Report, quiet\nfrom facekit.options.say_hello import SayHello\n\n"
        f"def say_hello{function}"
    )
    (tmp_path / "recipe.toml").write_text('[[stage]]\ncommand = "say-hello"\nname = "Bob"\n')
    listed = facekit(tmp_path, "--help").stdout
    assert listed.index("predict ") < listed.index("say-hello ") < listed.index("Manage:")
    assert facekit(tmp_path, "say-hello", "--name", "Ada").stdout == "hello Ada\n"
    done = facekit(tmp_path, "run", str(tmp_path / "recipe.toml"))
    assert (done.returncode, done.stdout) == (0, "hello Bob\n"), done.stderr


def test_the_catalogue_is_in_the_order_of_the_work() -> None:
    listed = [command.name for command in registry.catalogue().commands]
    assert sorted(listed) == list(registry.names())
    order = ["scrape", "draw", "crop", "clean", "review", "balance", "augment", "train", "evaluate", "predict", "run"]
    assert [name for name in listed if name in order] == order
    groups = [get_args(Group).index(command.options.group) for command in registry.catalogue().commands]
    assert groups == sorted(groups)


def test_what_the_help_lists_is_what_the_classes_say() -> None:
    """`facekit --help` reads a file that is written from the classes, so that it need not import them."""
    assert {name: registry.own(name).listed[1:] for name in registry.names()} == SUMMARIES
    assert summaries.SUMMARIES.read_text(encoding="utf-8") == summaries.rendered(), "run `make docs`"


def test_after_names_a_command_of_the_same_group() -> None:
    for name in registry.names():
        cls = registry.own(name).options
        assert cls.after is None or registry.own(cls.after).options.group == cls.group, name


def test_commands_that_follow_each_other_in_a_circle_are_all_listed() -> None:
    @dataclass(frozen=True, kw_only=True)
    class One(Options):
        """One."""

        after = "two"

    @dataclass(frozen=True, kw_only=True)
    class Two(Options):
        """Two."""

        after = "one"

    commands = [registry.Command("one", One, "one:one").listed, registry.Command("two", Two, "two:two").listed]
    assert [command.name for command in registry._ordered(commands)] == ["one", "two"]


def test_a_command_that_is_not_there() -> None:
    with pytest.raises(FacekitError, match="no command called 'cropp'"):
        registry.find("cropp")
    with pytest.raises(KeyError):
        registry.own("base")
    assert registry.find("crop").options is Crop


# What an option may be


def test_every_path_says_what_it_is_relative_to() -> None:
    marked = 0
    for command in registry.catalogue().commands:
        for option in describe(command.options):
            item = get_args(option.kind)[0] if option.many else option.kind
            assert item is not Path or option.path is not None, f"{command.name} {option.name}"
            marked += option.path is not None
    assert marked > 30


@pytest.mark.parametrize("hint", [Path, Path | None, list[Path]])
def test_a_path_without_a_mark_is_refused(hint: Any) -> None:
    @dataclass(frozen=True, kw_only=True)
    class Unmarked(Options):
        place: Annotated[Any, "Somewhere."] = None

    Unmarked.__annotations__["place"] = Annotated[hint, "Somewhere."]
    with pytest.raises(TypeError, match="`place` of Unmarked is a path; mark it"):
        describe(Unmarked)


@pytest.mark.parametrize(
    ("name", "hint", "says"),
    [
        ("place", Annotated[int, "A number.", OutputPath()], "is marked as a path"),
        ("place", Annotated[dict[str, str], "A table."], "an option is a bool, int, float, str, Path, Literal"),
        ("place", Annotated[list[dict[str, str]], "Tables."], "an option is a bool, int, float, str, Path, Literal"),
        ("json", Annotated[bool, "As JSON."], "the name is taken"),
        ("group", Annotated[str, "A group."], "the name is taken"),
    ],
)
def test_an_option_that_no_command_line_can_offer_is_refused(name: str, hint: Any, says: str) -> None:
    cls = dataclass(frozen=True, kw_only=True)(
        type("Odd", (Options,), {"__annotations__": {name: hint}, name: None, "__module__": __name__})
    )
    with pytest.raises(TypeError, match=says):
        describe(cls)


# Other packages'


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One package with a sound command, and one for each way in which a command can be broken."""
    site = tmp_path_factory.mktemp("site")
    package(site, "good_package", "hello", GOOD)
    package(site, "shadow_package", "crop", GOOD)
    package(site, "z_second_package", "hello", GOOD)
    package(site, "naming_package", "Hello World", GOOD)
    for name, (code, _) in BROKEN.items():
        package(site, f"broken_{name}", name, code)
    yield site


def test_broken_commands_cost_a_line_each_and_no_other_command(site: Path) -> None:
    done = facekit(site, "--help")
    assert done.returncode == 0
    assert "Say hello." in done.stdout
    assert "From other packages" in done.stdout
    assert "Traceback" not in done.stderr
    lines = done.stderr.splitlines()
    assert all(line.startswith("warning: ") for line in lines), done.stderr
    assert len(lines) == len(BROKEN) + 3
    for name, (_, says) in BROKEN.items():
        line = next(line for line in lines if f"the command `{name}` of broken_{name}" in line)
        assert says in line
        assert "update broken_" in line
    assert any("`crop` of shadow_package is left out" in line for line in lines)
    assert any("`hello` of z_second_package is left out" in line for line in lines)
    assert any("lower-case letters, digits and single dashes" in line for line in lines)
    assert "\x1b" not in done.stderr


def test_facekits_own_commands_import_no_other_package(site: Path) -> None:
    done = facekit(site, "crop", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Find the face in each photo" in done.stdout
    assert "Say hello" not in done.stdout


def test_a_sound_command_runs_beside_broken_ones(site: Path) -> None:
    done = facekit(site, "hello", "--name", "Ada", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["details"]["lines"] == ["hello Ada"]


def test_a_broken_command_that_is_asked_for_is_the_users_fault(site: Path) -> None:
    done = facekit(site, "imports", "--help")
    assert done.returncode == 2
    assert done.stderr.startswith("error: the command `imports` of broken_imports is left out: ModuleNotFoundError")
    assert done.stderr.count("\n") == 1


def test_the_doctor_says_why_a_command_is_left_out(site: Path) -> None:
    code = (
        "from facekit.commands import doctor\n"
        "for check in doctor._commands(): print(check.ok, check.name, check.found or check.mend, sep='|')"
    )
    environment = {**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{ROOT}"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    rows = [line.split("|") for line in done.stdout.splitlines()]
    assert ["True", "command hello", "good_package:hello"] in rows
    assert len([row for row in rows if row[0] == "False"]) == len(BROKEN) + 3


def test_completion_shows_no_warning(site: Path) -> None:
    done = facekit(site, _FACEKIT_COMPLETE="complete_bash", COMP_WORDS="facekit he", COMP_CWORD="1")
    assert done.stderr == ""
    assert "hello" in done.stdout.split()


def test_a_recipe_cannot_hold_what_is_not_declared_for_recipes(site: Path, tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text('[[stage]]\ncommand = "hello"\n')
    done = facekit(site, "run", str(tmp_path / "recipe.toml"))
    assert done.returncode == 2
    assert "stage 1 (hello): command must be one of scrape, draw, ingest, crop" in done.stderr
