"""The answers to a shell when somebody presses Tab. Typer's scripts ask by starting facekit each time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from facekit.options import registry

_ASKED = "_FACEKIT_COMPLETE"
"""The variable in which Typer's scripts for bash, zsh, fish and PowerShell say what they want."""


def asked() -> bool:
    """Return whether a shell asks for completions, or for the script that does so."""
    return _ASKED in os.environ


def prepare() -> None:
    """Make Typer's shells known, without the options that install completion.

    Two things that Typer does meanwhile would take longer than all else, so it is kept from them. It strips Rich's
    markup from each description, for which it imports most of Rich; facekit's have none, and some hold square brackets,
    which that would delete. And it checks the values typed so far, for which it imports Pydantic.
    """
    from typer import _completion_classes as shells
    from typer.core import TyperArgument, TyperOption

    shells.completion_init()
    shells._sanitize_help_text = str  # type: ignore[assignment]
    for kind in (TyperArgument, TyperOption):
        kind.process_value = _as_typed  # type: ignore[assignment, method-assign]


def _as_typed(parameter: Any, context: Any, value: Any) -> Any:
    return value


def commands(incomplete: str) -> Iterator[Any]:
    """Yield the commands that begin so, as Typer hands them to a shell; no options class is imported."""
    from typer._click.shell_completion import CompletionItem

    for listed in registry.overview():
        if listed.name.startswith(incomplete):
            yield CompletionItem(listed.name, help=listed.summary)
