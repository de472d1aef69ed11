"""Options of `facekit keys`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal, get_args

from facekit.base.errors import FacekitError
from facekit.options.base import InputPath, Options, Positional, Reads
from facekit.options.galleries import FORM, check_place

Action = Literal["create", "list", "revoke"]

Scope = Literal["read", "write", "admin"]
"""What a key is good for; each includes those before it."""


@dataclass(frozen=True, kw_only=True)
class Keys(Options):
    """Make, list and revoke the keys that programs need to ask `facekit serve`."""

    group = "use"
    after = "serve"
    counts = False

    usage: ClassVar[dict[Action, str]] = {"create": "", "list": "", "revoke": "ID..."}
    """What follows the gallery or run."""

    action: Annotated[
        Action,
        "`create` a key, which is shown once; `list` all of them; `revoke` those with the given IDs.",
        Positional(),
    ]
    target: Annotated[
        str, f"Gallery, a folder or `{FORM}`, or trained run.", Positional(), InputPath(), Reads(check_place)
    ]
    ids: Annotated[list[str], "`revoke`: IDs of keys, as `list` shows them.", Positional()] = field(
        default_factory=list
    )
    scope: Annotated[
        Scope,
        "`create`: what the key is good for: `read` asks who is in pictures, `write` also enrolls and changes people, "
        "`admin` also merges and deletes them.",
    ] = "read"
    name: Annotated[str, "`create`: what the key is for, such as `door camera`; `list` shows it."] = ""

    def __post_init__(self) -> None:
        """Refuse IDs where none belong, and their lack. Raises FacekitError that says how it is typed."""
        super().__post_init__()
        if bool(self.ids) != (self.action == "revoke"):
            raise FacekitError(f"type `{f'facekit keys {self.action} GALLERY {self.usage[self.action]}'.strip()}`")
        if len(self.name) > 100 or not self.name.isprintable():
            raise FacekitError("--name has more than 100 characters, or some that cannot be shown; choose another")


assert set(get_args(Action)) == set(Keys.usage)
