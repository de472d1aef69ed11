"""The floors of the house: a room imports from lower floors only, and no circle of rooms holds itself up."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HOUSE = ROOT / "facekit"

GROUND, TOOLS, DATASET, PARTS, STAGES, ABOVE, TOP, DOOR = range(8)

FLOORS = {
    GROUND: "facekit facekit.contract",
    TOOLS: "facekit.options facekit.plugins facekit.parallel facekit.images facekit.lineage",
    DATASET: "facekit.dataset",
    PARTS: """facekit.browser facekit.engines facekit.decisions facekit.weights facekit.landmarks facekit.alignment
        facekit.detectors facekit.embedders facekit.likeness facekit.people facekit.quality facekit.recipes
        facekit.backend facekit.gradients facekit.models facekit.pretrained facekit.heads facekit.classes facekit.pack
        facekit.feed facekit.schedule facekit.fitting facekit.learning facekit.checkpoint facekit.trainers
        facekit.classifier facekit.protocol facekit.tables facekit.training facekit.runs facekit.scores facekit.report
        facekit.pairlists facekit.world""",
    STAGES: """facekit.scrape facekit.crop facekit.clean facekit.review facekit.balance facekit.augment facekit.train
        facekit.evaluate facekit.predict facekit.audit facekit.inspect facekit.world.tree
        facekit.listing facekit.doctor""",
    ABOVE: "facekit.pipeline facekit.compare facekit.bars facekit.console facekit.demo",
    TOP: "facekit.cli",
    DOOR: "facekit.__main__",
}
FLOOR = {room: floor for floor, rooms in FLOORS.items() for room in rooms.split()}

FILES = sorted(HOUSE.rglob("*.py"))


def module(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module(file): file for file in FILES}


def room(name: str) -> str | None:
    """The room that a module belongs to: the longest of its beginnings that has a floor."""
    if name == "facekit":
        return name
    while name != "facekit":
        if name in FLOOR:
            return name
        name = name.rpartition(".")[0]
    return None


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


ARROWS = {name: imports(name) for name in MODULES}


def test_every_module_has_a_floor() -> None:
    assert [name for name in MODULES if room(name) is None] == []


def test_every_room_on_the_list_is_there() -> None:
    assert [name for name in FLOOR if name not in MODULES] == []


@pytest.mark.parametrize("name", MODULES)
def test_no_arrow_runs_up_or_sideways(name: str) -> None:
    own = room(name) or ""
    others = {target for target in ARROWS[name] if room(target) not in (None, own)}
    allowed = FLOOR[own] + (FLOOR[own] in (PARTS, ABOVE))
    assert {target for target in others if FLOOR[room(target) or ""] >= allowed} == set()


def test_no_circle() -> None:
    done: set[str] = set()

    def walk(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join((*path[path.index(name) :], name))
        if name not in done:
            for target in sorted(ARROWS[name]):
                walk(target, (*path, name))
            done.add(name)

    for name in sorted(ARROWS):
        walk(name, ())


def test_no_circle_of_rooms() -> None:
    rooms: dict[str, set[str]] = {}
    for name, targets in ARROWS.items():
        own = room(name) or ""
        rooms.setdefault(own, set()).update(other for t in targets if (other := room(t) or "") != own)
    while rooms:
        free = [name for name, targets in rooms.items() if not targets & rooms.keys()]
        assert free, f"a circle among {sorted(rooms)}"
        for name in free:
            del rooms[name]


def test_only_images_knows_opencvs_colour_order() -> None:
    assert [file.name for file in FILES if re.search("BGR2RGB|RGB2BGR", file.read_text())] == ["images.py"]


def test_pixels_lines_and_options_stand_on_the_ground_alone() -> None:
    for name in MODULES:
        own = room(name) or ""
        if FLOOR[own] == TOOLS:
            assert {target for target in ARROWS[name] if room(target) != own} <= {"facekit", "facekit.contract"}, name
