"""The help of each command: readable at 80 columns, options under headings, nothing cut off."""

from __future__ import annotations

import re

import pytest
from conftest import Facekit

from facekit.cli.help import COMMON, lines, render
from facekit.cli.parameters import shared
from facekit.options import registry
from facekit.options.base import describe


def text(name: str, width: int) -> str:
    return re.sub(r"\x1b\[[\d;]*m", "", render(registry.own(name), shared(), width))


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("name", registry.names())
def test_no_line_is_longer_than_the_terminal(name: str, width: int) -> None:
    long = [line for line in text(name, width).splitlines() if len(line) > width]
    assert [line for line in long if not re.match(r"Usage: | *(-\w, )?--", line)] == []
    assert width < 80 or not long


@pytest.mark.parametrize("name", registry.names())
def test_descriptions_have_most_of_the_width(name: str) -> None:
    """Each is as wide as in a page of a book: a column of two or three words a line is not readable."""
    shown = text(name, 80)
    for option in describe(registry.own(name).options):
        words = option.help.split()
        first = next(line for line in shown.splitlines() if words[0] in line and words[1] in line)
        assert len(words) < 8 or len(first.strip()) > 30, first
    assert all(line.find(line.strip()) <= 28 for line in shown.splitlines() if line.strip())


@pytest.mark.parametrize("name", registry.names())
def test_each_option_is_there_once_under_a_heading_with_its_whole_text(name: str) -> None:
    shown = " ".join(text(name, 80).split())
    for option in describe(registry.own(name).options):
        assert " ".join(option.help.split()) in shown
        if not option.positional:
            assert len(re.findall(rf"(?<=[ ,]){option.flag}(?= |,|$)(?! [a-z]+ )", shown)) >= 1
    headings = re.findall(r"^(\S.*):$", text(name, 80), re.M)
    assert len(headings) == len(set(headings)), "a heading stands once"
    assert headings[-1] == COMMON


def test_what_every_command_takes_is_at_the_end() -> None:
    found = lines(registry.own("train"), shared())
    own = [line.flags.split()[0].strip(",") for line in found if line.section == COMMON]
    assert own == ["--seed", "-j", "--overwrite", "--dry-run", "--json", "-q", "--log-file", "--max-megapixels"]


def test_choices_defaults_and_what_is_required_are_shown() -> None:
    train, scrape = text("train", 80), text("scrape", 80)
    assert re.search(r"--schedule constant\|cosine\|plateau\n {28}Learning rate schedule", train)
    assert "Adam's learning rate. [default: 0.001]" in train
    assert re.search(r"-o, --output PATH +Folder to write\. \[required\]", train)
    assert re.search(r"--safe, --no-safe +Ask the engine for safe search\. \[default: on\]", scrape)
    assert scrape.startswith("Usage: facekit scrape [OPTIONS] [NAMES...]\n")


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", registry.names())
def test_no_line_ends_within_backticks(name: str, width: int) -> None:
    assert [line for line in text(name, width).splitlines() if line.count("`") % 2] == []


def test_help_is_for_stdout(facekit: Facekit) -> None:
    done = facekit("predict", "-h")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("Usage: facekit predict [OPTIONS] RUN PICTURES...\n")
