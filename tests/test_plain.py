"""Values become JSON that every reader takes, and JSON becomes values of a type or an error that names the field."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from facekit.base import plain
from facekit.base.errors import BadImage


@dataclass(frozen=True)
class Value:
    name: str
    size: int = 3
    share: float | None = None


@pytest.mark.parametrize("text", ['{"name": "' + "[{" * 40 + '"}', '{"name": "a", "x": ' + "[" * 20 + "]" * 20 + "}"])
def test_brackets_are_not_depth(text: str) -> None:
    assert plain.parse(text, Value).size == 3


def test_plain_values() -> None:
    value = {"c": Counter(a=1), "p": Path("a/b"), "s": (1, np.int64(2)), "v": Value("a"), 3: np.bool_(True)}
    assert plain.to_plain(value) == {
        "c": {"a": 1},
        "p": "a/b",
        "s": [1, 2],
        "v": {"name": "a", "size": 3, "share": None},
        "3": True,
    }
    with pytest.raises(TypeError, match="BadImage cannot be written as JSON"):
        plain.dump(BadImage("x"))


def test_a_line_has_no_empty_fields() -> None:
    assert plain.dump_line(Value("ü")) == '{"name": "ü", "size": 3}'
    assert plain.dump_line(Value("a", share=float("nan"))) == '{"name": "a", "size": 3, "share": null}'


def test_a_name_that_is_not_utf8_is_escaped() -> None:
    line = plain.dump_line(Value("ü\udcff"))
    assert line == '{"name": "\\u00fc\\udcff", "size": 3}'
    assert plain.parse(line, Value) == Value("ü\udcff")


def test_fields_of_a_later_version_are_ignored() -> None:
    assert plain.parse('{"name": "a", "aura": {"colour": "blue"}}', Value) == Value("a")


def test_plain_values_become_typed_ones() -> None:
    assert plain.convert({"name": "a", "share": 1}, Value) == Value("a", share=1.0)
    with pytest.raises(ValueError, match=r"Expected `str`, got `int` - at `\$\.name`"):
        plain.convert({"name": 1}, Value)
