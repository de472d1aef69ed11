"""The stub of `import facekit`, from which type checkers and editors know its functions. `make stub` writes it."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from textwrap import indent
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from facekit.api import PARTS, public
from facekit.api.functions import own
from facekit.api.signatures import described, signature
from facekit.base.contract import Report, Track
from facekit.options import registry

STUB = Path(__file__).parents[1] / "facekit" / "__init__.pyi"

_HEAD = '''"""From a list of names to a face model that can be trusted.

`make stub` writes this file from the options of the commands; do not edit it.
"""

from collections.abc import Iterable, Iterator
from os import PathLike
from typing import Literal

'''


def rendered() -> str:
    """Return the stub as it has to be, formatted."""
    commands = [registry.own(name.replace("_", "-")) for name in own()]
    answers = {command.name: _answer(command) for command in commands if command.options.answers}
    imports = [f"from {module} import {name} as {name}" for name, module in PARTS.items()]
    imports += [f"from {one.__module__} import {one.__name__} as {_alias(one)}" for one in answers.values()]
    imports.append("from facekit.base.reporting import Track as _Track")
    parts = [_HEAD, *(f"{line}\n" for line in imports), f"\n__all__ = {public()!r}\n__version__: str\n"]
    parts += [_function(command, answers.get(command.name)) for command in commands]
    return _formatted("".join(parts))


def _answer(command: registry.Command) -> type:
    """Return what a command's function yields. Raises AssertionError where its annotation does not say it."""
    returned = get_type_hints(command.load())["return"]
    assert get_origin(returned) is Iterator, f"{command.name} has answers, and returns {returned}"
    (kind,) = get_args(returned)
    assert isinstance(kind, type)
    return kind


def _alias(kind: type) -> str:
    return f"_{kind.__module__.rpartition('.')[2].title().replace('_', '')}{kind.__name__}"


def _function(command: registry.Command, answer: type | None) -> str:
    takes = signature(command.options)
    words, named = [], False
    for parameter in takes.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not named:
            words.append("*")
            named = True
        default = "" if parameter.default is inspect.Parameter.empty else f" = {parameter.default!r}"
        words.append(f"{parameter.name}: {_text(parameter.annotation)}{default}")
    returned = "Report" if answer is None else f"Iterator[{_alias(answer)}]"
    name = command.name.replace("-", "_")
    arguments = "".join(f"    {word},\n" for word in words)
    doc = indent(f'"""{described(command)}"""', " " * 4)
    return f"\ndef {name}(\n{arguments}) -> {returned}:\n{doc}\n"


def _text(kind: Any) -> str:
    """Return a type as the stub writes it."""
    if get_origin(kind) in (Union, UnionType):
        return " | ".join(map(_text, get_args(kind)))
    if get_origin(kind) is Literal:
        return f"Literal[{', '.join(map(repr, get_args(kind)))}]"
    if get_args(kind):
        return f"{get_origin(kind).__name__}[{', '.join(map(_text, get_args(kind)))}]"
    known = {PathLike: "PathLike", Track: "_Track", Report: "Report", type(None): "None"}
    return known.get(kind) or str(kind.__name__)


def _formatted(text: str) -> str:
    """Return the text as ruff leaves it: imports sorted, lines broken."""
    name = ["--stdin-filename", str(STUB), "-"]
    for step in (["check", "--select", "I", "--fix", "--quiet", *name], ["format", "--quiet", *name]):
        done = subprocess.run([sys.executable, "-m", "ruff", *step], input=text, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        text = done.stdout
    return text


if __name__ == "__main__":
    wanted = rendered()
    if "--write" in sys.argv:
        STUB.write_text(wanted, encoding="utf-8")
    there = STUB.read_text(encoding="utf-8") if STUB.exists() else ""
    sys.exit(0 if there == wanted else 1)
