"""The documentation says what the program does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import commandpages
import pytest

from facekit import __version__
from facekit.base import plugins
from facekit.cli.run import plan, read
from facekit.commands.compare.contenders import contenders
from facekit.options import registry
from facekit.options.compare import Compare
from facekit.options.registry import Command
from facekit.options.run import Run

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
RECIPES = sorted(path for path in (ROOT / "examples").rglob("*.toml") if "[[stage]]" in path.read_text())


def test_the_readme_is_short() -> None:
    text = README.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 200
    assert len(text.encode()) <= 12_000


@pytest.mark.parametrize("command", commandpages.own(), ids=lambda command: command.name)
def test_the_page_of_a_command_says_what_its_class_says(command: Command) -> None:
    text = commandpages.page(command).read_text(encoding="utf-8")
    assert commandpages.rendered(text, command) == text, "run `make docs`"
    assert len(re.findall(rf"^facekit {command.name}\b", text.partition("## Examples")[2], re.MULTILINE)) >= 2
    assert f'"commands/{command.name}.md"' in (ROOT / "zensical.toml").read_text(encoding="utf-8")


def test_the_list_of_commands_is_that_of_the_help() -> None:
    text = commandpages.INDEX.read_text(encoding="utf-8")
    assert commandpages.rendered_index(text) == text, "run `make docs`"
    assert {page.stem for page in commandpages.PAGES.glob("*.md")} == {*registry.names(), "index"}


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_example_is_a_recipe_whose_options_exist(recipe: Path) -> None:
    written = read(recipe)
    steps = plan(Run(recipe=recipe), written)
    assert steps[-1].command.name == "evaluate"


def test_the_contenders_of_the_study_have_options_that_exist() -> None:
    study = Compare(input=Path("faces"), output=Path("study"), contenders=ROOT / "examples/expressions/contenders.toml")
    found = {contender.name: contender.options for contender in contenders(study)}
    assert len(found) == 9
    assert (found["cnn5-gray"].color, found["cnn5-gray"].size, found["vgg16"].network) == ("gray", 48, "vgg16")


def test_the_changelog_has_this_version() -> None:
    assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_extra_that_code_names_is_declared() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(plugins.EXTRAS.values()) <= declared.keys()


def test_what_the_readme_imports_is_there() -> None:
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    imports = [line for block in blocks for line in block.splitlines() if line.startswith(("from ", "import "))]
    assert imports
    exec("\n".join(imports), {})


def test_what_the_makefile_imports_is_there() -> None:
    programs = re.findall(r"python -c '([^']+)'", (ROOT / "Makefile").read_text(encoding="utf-8"))
    found = [line for program in programs for line in program.split("; ") if line.startswith("from facekit")]
    assert found
    exec("\n".join(found), {})


def test_links_inside_the_project_lead_somewhere() -> None:
    pages = (
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        *map(str, (ROOT / "examples").rglob("README.md")),
        *map(str, (ROOT / "docs").rglob("*.md")),
    )
    for name in pages:
        for target in re.findall(r"\]\(([^)#:]+)[)#]", (ROOT / name).read_text(encoding="utf-8")):
            assert ((ROOT / name).parent / target).exists(), f"{name} links {target}"


def test_every_file_that_contributing_names_is_there() -> None:
    named = set(re.findall(r"`((?:facekit|tests|benchmarks)/[\w/.]+)[^`]*`", (ROOT / "CONTRIBUTING.md").read_text()))
    assert len(named) > 30
    assert [name for name in sorted(named) if not (ROOT / name).exists() and "some_name" not in name] == []


def test_contributing_shows_the_example_engine_as_it_is() -> None:
    shown = (ROOT / "CONTRIBUTING.md").read_text().partition("```python\n")[2].partition("```")[0]
    assert shown == (ROOT / "examples" / "engine" / "facekit_loc.py").read_text()
