"""The import rules of facekit/: the table in CONTRIBUTING.md says on which floor each package stands."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted((ROOT / "facekit").rglob("*.py"))
ROW = re.compile(r"^\| (\d+) \| `(\w+)/` \|", re.MULTILINE)

FLOOR = {name: int(floor) for floor, name in ROW.findall((ROOT / "CONTRIBUTING.md").read_text())}
"""Package -> floor."""

MOST_ARROWS = 90
"""Most pairs of packages of which one imports the other."""


def module(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module(file): file for file in FILES}


def package(name: str) -> str:
    """The package that a module belongs to; empty for `facekit` itself."""
    return name.split(".")[1] if "." in name else ""


def command(name: str) -> str:
    """The command that a module of `commands` belongs to; empty for all others."""
    parts = name.split(".")
    return parts[2] if parts[1:2] == ["commands"] and len(parts) > 2 else ""


def imports(name: str) -> set[str]:
    """The modules of facekit that a module imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.split(".")[0] == "facekit"}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports by dots"
            if (node.module or "").split(".")[0] == "facekit":
                inside = {f"{node.module}.{alias.name}" for alias in node.names}
                modules = inside & MODULES.keys()
                found |= modules | ({node.module} if len(modules) < len(inside) else set())
    return found - {name}


IMPORTS = {name: imports(name) for name in MODULES}


def test_the_table_names_the_packages_that_are_there() -> None:
    assert set(FLOOR) == {folder.name for folder in (ROOT / "facekit").iterdir() if (folder / "__init__.py").exists()}
    assert {file.stem for file in (ROOT / "facekit").glob("*.py")} == {"__init__", "__main__"}


@pytest.mark.parametrize("name", [name for name in MODULES if package(name) in FLOOR])
def test_a_package_imports_from_lower_floors_only(name: str) -> None:
    others = {target for target in IMPORTS[name] if package(target) not in ("", package(name))}
    assert {target for target in others if FLOOR[package(target)] >= FLOOR[package(name)]} == set()


def test_commands_never_import_each_other() -> None:
    pairs = {(name, target) for name in MODULES for target in IMPORTS[name] if command(name) and command(target)}
    assert [(name, target) for name, target in sorted(pairs) if command(name) != command(target)] == []


def test_the_drawn_world_is_for_draw_and_demo_alone() -> None:
    outside = {name for name in MODULES for target in IMPORTS[name] if package(target) == "world"}
    assert {name for name in outside if package(name) != "world"} == {"facekit.commands.draw", "facekit.cli.demo"}


def test_no_circle_of_modules() -> None:
    done: set[str] = set()

    def walk(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join((*path[path.index(name) :], name))
        if name not in done:
            for target in sorted(IMPORTS[name]):
                walk(target, (*path, name))
            done.add(name)

    for name in sorted(IMPORTS):
        walk(name, ())


def test_few_packages_know_each_other() -> None:
    arrows = {(package(name), package(target)) for name in MODULES for target in IMPORTS[name]}
    assert len([pair for pair in arrows if pair[0] != pair[1] and "" not in pair]) <= MOST_ARROWS


@cache
def loaded_with(name: str) -> set[str]:
    """What is imported as soon as a module is: modules of facekit, and the names of other packages."""
    parts = name.split(".")
    found = {".".join(parts[:count]) for count in range(1, len(parts))}
    for node in ast.parse(MODULES[name].read_text()).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            inside = {f"{node.module}.{alias.name}" for alias in node.names} & MODULES.keys()
            found |= inside | {node.module or ""}
    return {one if one in MODULES else one.split(".")[0] for one in found}


@pytest.mark.parametrize("name", ["identify", "verify", "enroll.stage", "gallery.stage"])
def test_who_names_faces_waits_for_nothing_that_trains_models(name: str) -> None:
    """scikit-learn takes two seconds to import, and all else that `identify` does with a photo takes one."""
    found, todo = set[str](), {f"facekit.commands.{name}"}
    while todo:
        one = todo.pop()
        found.add(one)
        todo |= loaded_with(one) - found if one in MODULES else set()
    assert {"facekit.identity.gallery.values", "numpy"} <= found
    assert found.isdisjoint({"sklearn", "tensorflow", "keras", "matplotlib", "jinja2", "albumentations", "av"})


def test_only_images_and_its_decoding_know_opencvs_colour_order() -> None:
    knowing = [file.name for file in FILES if re.search("BGR2RGB|RGB2BGR", file.read_text())]
    assert knowing == ["decoding.py", "images.py"]


ACROSS = {
    "benchmarks": "what benchmarks/ imports",
    "clean_people": "clean and identity/people on drawn trees",
    "clean_real": "clean on real photos",
    "command_example": "examples/command",
    "compatibility": "what version 0.1.0 made",
    "deploy": "deploy/",
    "docs": "README, docs and examples",
    "engine_example": "examples/engine",
    "fuzz": "every command on damaged folders",
    "fuzzed_trees": "every stage on damaged trees",
    "hostile": "scrape on hostile pages",
    "layout": "this test",
    "messy_trees": "every command on trees as real disks hold them",
    "lean": "an install without extras",
    "offline": "every command that needs no web, without a network",
    "parts_example": "examples/parts",
    "private": "private addresses in every download",
    "python_page": "the Python in docs/",
    "real": "stages on real photos",
    "report_pages": "report pages in a browser, as a person uses them",
    "resume": "kills in every stage",
    "rights": "every command on files that may not be read or written, and on links",
    "review_page": "the review page in a browser",
    "review_strangers": "review on folders from strangers",
    "scrape_again": "scrape killed and run again",
    "scrape_engines": "scrape with each engine",
    "shell_blocks": "shell blocks of README and docs",
    "stale": "every command whose output was made from other data",
    "export_clean": "exported models in clean environments",
    "train_targets": "several targets from training to answers",
    "untrusted_exports": "every part of an exported model from strangers",
    "untrusted_galleries": "every part of a gallery from strangers",
    "untrusted_pages": "every report of names that mean harm, in a browser",
    "untrusted_trees": "every stage on trees from strangers",
}
"""Test files that are about more than one module, and what each is about."""


def test_a_test_file_has_the_name_of_the_module_that_it_tests() -> None:
    paths = [name.split(".")[1:] for name in MODULES]
    names = {"_".join(path[start:]) for path in paths for start in range(len(path))}
    tests = {file.stem.removeprefix("test_") for file in (ROOT / "tests").glob("test_*.py")}
    assert tests - names == ACROSS.keys()
