"""Options of `facekit gallery`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal, get_args

from facekit.base.errors import FacekitError
from facekit.base.reporting import Report
from facekit.options.base import Aside, InputPath, Options, OutputPath, PathOrName, Positional, Reads, Short
from facekit.options.following import PHOTOS, command
from facekit.options.galleries import FORM, check_place

Action = Literal["list", "show", "rename", "merge", "remove", "check", "deny", "migrate"]


@dataclass(frozen=True, kw_only=True)
class Gallery(Options):
    """Show or change who is in a gallery."""

    group = "use"
    after = "enroll"
    counts = False

    usage: ClassVar[dict[Action, tuple[str, int, int | None]]] = {
        "list": ("", 0, 0),
        "show": ("[NAME]", 0, 1),
        "rename": ("NAME NEW-NAME", 2, 2),
        "merge": ("NAME OTHER-NAME...", 2, None),
        "remove": ("NAME-OR-ID...", 1, None),
        "check": ("", 0, 0),
        "deny": ("FACE NAME", 2, 2),
        "migrate": ("--embedder EMBEDDER -o NEW", 0, 0),
    }
    """What follows the gallery, and how many names that is at least and at most."""

    action: Annotated[
        Action,
        "`list` people; `show` the gallery, or the faces of NAME; `rename` NAME to NEW-NAME; `merge` the faces of "
        "OTHER-NAME... into NAME; `remove` people by name, or faces by id; `check` its files, and who is easily "
        "confused; `deny` that FACE is NAME; `migrate` to another embedder.",
        Positional(),
    ]
    gallery: Annotated[
        str, f"Folder of the gallery, or its address: `{FORM}`.", Positional(), InputPath(), Reads(check_place)
    ]
    names: Annotated[
        list[str],
        "Names or ids, as the action takes them. The FACE of `deny` is a photo of one face, the second face of a photo "
        "as `photo.jpg#2`, or the id of an enrolled face.",
        Positional(),
    ] = field(default_factory=list)
    output: Annotated[
        str | None,
        "`migrate`: folder or address of the new gallery.",
        Short("-o"),
        Aside(),
        OutputPath(),
        Reads(check_place),
    ] = None
    embedder: Annotated[
        str | None,
        "`migrate`: embedder of the new gallery: `dlib`, `dlib-mirrored`, `sface` or a trained run's folder.",
        PathOrName(),
    ] = None

    def __post_init__(self) -> None:
        """Refuse what the action does not take, or lacks. Raises FacekitError that says how it is typed."""
        super().__post_init__()
        what, least, most = self.usage[self.action]
        wrong = len(self.names) < least or (most is not None and len(self.names) > most)
        moves = self.action == "migrate"
        if wrong or (self.output is not None) != moves or (self.embedder is not None) != moves:
            raise FacekitError(f"type `{' '.join(filter(None, ('facekit gallery', self.action, 'GALLERY', what)))}`")

    def next_command(self, report: Report) -> str | None:
        """Return the command that uses a new gallery."""
        return None if self.output is None else command("identify", self.output, PHOTOS)


assert set(get_args(Action)) == set(Gallery.usage)
