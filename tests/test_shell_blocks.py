"""Each shell block of the README and of docs/ is run: what a reader copies works."""

from __future__ import annotations

from pathlib import Path

import pytest
import shellblocks
from shellblocks import Block, World

BLOCKS = list(shellblocks.blocks())
MARKS = {"long", "strict", "doctor", "pairs", "stays", "web"}


def pages(blocks: list[Block]) -> list[Path]:
    return list(dict.fromkeys(block.page for block in blocks))


def name(page: Path) -> str:
    return str(page.relative_to(shellblocks.ROOT))


SHORT, LONG = [block for block in BLOCKS if not block.long], [block for block in BLOCKS if block.long]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("world"))


@pytest.mark.parametrize("page", pages(SHORT), ids=name)
def test_the_shell_blocks_of_a_page_run(world: World, page: Path) -> None:
    for block in SHORT:
        if block.page == page:
            world.run(block)


@pytest.mark.slow
@pytest.mark.parametrize("page", pages(LONG), ids=name)
def test_the_long_shell_blocks_of_a_page_run(world: World, page: Path) -> None:
    for block in LONG:
        if block.page == page:
            world.run(block)


@pytest.mark.parametrize("page", pages(LONG), ids=name)
def test_the_long_shell_blocks_of_a_page_are_what_commands_take(page: Path) -> None:
    for block in LONG:
        if block.page == page:
            shellblocks.check_all(block)


def test_a_mark_means_something() -> None:
    assert {mark for block in BLOCKS for mark in block.marks} <= MARKS


@pytest.mark.parametrize(
    "line", ["facekit crop nowhere -o new", "facekit crop photos -o new --sice 3", "make nothing", "curl example.org"]
)
def test_a_line_that_does_not_work_is_noticed(world: World, line: str) -> None:
    with pytest.raises(AssertionError):
        world.run(Block(shellblocks.ROOT, (line,), frozenset()))
