"""Options of `facekit forget`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from facekit.base.errors import FacekitError
from facekit.options.base import Aside, InputPath, Options, OutputPath, Positional, Reads, Short
from facekit.options.galleries import check_place
from facekit.options.removing import KEEP, RECEIPTS, ROOTS, is_host, is_id


@dataclass(frozen=True, kw_only=True)
class Forget(Options):
    """Remove a person, or single photos, from everything that facekit wrote, with a receipt."""

    group = "manage"
    after = "rejected"
    counts = False
    goes_on = True

    names: Annotated[
        list[str], "Names of people, as they were searched for or as their folders are called.", Positional()
    ] = field(default_factory=list)
    in_: Annotated[list[str], ROOTS, InputPath(), Reads(check_place)] = field(default_factory=list)
    url: Annotated[list[str], "Remove the photos that were found at this address, or on this page."] = field(
        default_factory=list
    )
    host: Annotated[list[str], "Remove all photos that were found at this host, or on pages of it."] = field(
        default_factory=list
    )
    id: Annotated[
        list[str],
        "Remove the picture of this id, and all that was made from it. At least the first 8 digits; files are called "
        "by the first 16.",
    ] = field(default_factory=list)
    photo: Annotated[
        list[Path], "Remove this photo, wherever the same one is, also saved again or cropped.", InputPath()
    ] = field(default_factory=list)
    keep_models: Annotated[bool, KEEP] = False
    likeness: Annotated[
        bool, "Also find the same photo by its pixels, where data sets were made from different sources."
    ] = True
    output: Annotated[Path, RECEIPTS, Short("-o"), Aside(), OutputPath()] = Path("receipts")

    def __post_init__(self) -> None:
        """Refuse a removal of nothing, or from nowhere. Raises FacekitError that says what to type."""
        super().__post_init__()
        if not (self.names or self.url or self.host or self.id or self.photo):
            raise FacekitError("nothing is to be removed; give a NAME, --url, --host, --id or --photo")
        if not self.in_:
            raise FacekitError("--in is missing; give the folders to look through, such as `--in data --in models`")
        self._check_texts()

    def _check_texts(self) -> None:
        if not all(name.strip() for name in self.names):
            raise FacekitError("NAMES has an empty name; give the name of a person")
        id = next((one for one in self.id if not is_id(one)), None)
        if id is not None:
            raise FacekitError(f"--id is {id!r}; give at least 8 hexadecimal digits, as files are called by")
        host = next((one for one in self.host if not is_host(one)), None)
        if host is not None:
            raise FacekitError(f"--host is {host!r}; give the name of a host alone, such as images.example.com")
