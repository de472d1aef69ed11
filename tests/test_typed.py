"""A command as a person types it."""

from __future__ import annotations

import shlex
from pathlib import Path

from facekit.options import registry
from facekit.options.base import Value, describe, from_mapping
from facekit.options.crop import Crop
from facekit.options.cross_validate import CrossValidate
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
