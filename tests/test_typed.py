"""A command as a person types it."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from facekit.options import registry
from facekit.options.base import Value, describe, from_mapping
from facekit.options.crop import Crop
from facekit.options.cross_validate import CrossValidate
from facekit.options.fields import instead
from facekit.options.inspect import Inspect
from facekit.options.train import Train
from facekit.options.typed import typed


def test_what_is_at_its_default_is_left_out() -> None:
    options = Train(input=Path("my faces"), output=Path("out"), epochs=3, light_augment=True)
    assert typed(options) == "facekit train 'my faces' -o out --epochs 3 --light-augment"
    assert typed(options, overwrite=True, epochs=52).endswith("-o out --light-augment --overwrite")
    assert typed(CrossValidate(run=Path("r"), folds=7)) == "facekit cross-validate r --folds 7"


def test_lists_and_flags_that_are_on_by_default() -> None:
    options = Inspect(run=Path("r"), pictures=[Path("a.png"), Path("b c.png")], layer=["one", "two"])
    assert typed(options) == "facekit inspect r a.png 'b c.png' --layer one --layer two"
    assert typed(Crop(input=Path("a"), output=Path("b"), detect=False)) == "facekit crop a -o b --no-detect"


def test_what_would_act_on_a_terminal_is_made_visible() -> None:
    assert "\x1b" not in typed(Train(input=Path("a\x1b[2J"), output=Path("b")))


EITHER: dict[str, dict[str, Value]] = {
    "gallery": {"action": "list"},
    "expire": {"folders": ["x"], "older_than": "3d"},
    "forget": {"names": ["x"], "in_": ["x"]},
    "ingest": {"data_set": "lfw"},
    "keys": {"action": "list"},
    "verify": {"pairs": "x"},
}
"""What some commands need that is one of several choices, or one of two options."""


def test_every_command_is_called_as_its_class() -> None:
    for command in registry.catalogue().commands:
        required: dict[str, Value] = {option.name: "x" for option in describe(command.options) if option.required}
        required |= EITHER.get(command.name, {})
        options = from_mapping(command.options, required, "here")
        assert shlex.split(typed(options))[1] == command.name


@pytest.mark.parametrize(
    ("then", "now", "said"),
    [
        (30, 20, "with --min-images 30, not 20"),
        (None, "open", "without --min-images, not with --min-images open"),
        ("a b", None, "with --min-images 'a b', not without --min-images"),
        (True, False, "with --min-images, not without --min-images"),
        (["a", "b"], ["a"], "with --min-images a,b, not a"),
    ],
)
def test_a_message_says_how_an_option_was_given_before(then: Any, now: Any, said: str) -> None:
    assert instead("min_images", then, now) == said


def test_no_message_calls_an_option_by_its_name_in_python() -> None:
    """`min_images` is in no text that a person reads: it is typed as `--min-images`."""
    names = {option.name for name in registry.names() for option in describe(registry.own(name).options)}
    underscored = sorted(name for name in names if "_" in name.strip("_"))
    written = re.compile(rf"(?<![\w.\-])({'|'.join(underscored)})(?![\w(])")
    assert len(underscored) > 40
    for path in sorted((Path(__file__).resolve().parent.parent / "facekit").rglob("*.py")):
        for text, line in _messages(ast.parse(path.read_text())):
            assert not written.search(text), f"{path}, line {line}: {text}"


def _messages(module: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield the texts of a module that have several words, and are neither docstrings nor of a ValueError."""
    for node in ast.walk(module):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value.value = ""
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "ValueError":
            node.args = []  # what a file must hold, which is written with the names of its fields
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value.strip():
            yield node.value, node.lineno
