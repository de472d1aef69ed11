"""Licences of the drawn pictures, as the open collections write them."""

from __future__ import annotations

from typing import NamedTuple

from facekit.world.searches.base import Hit


class Licence(NamedTuple):
    """A licence: Openverse's code and version, what people call it, and its address."""

    code: str
    version: str
    name: str
    url: str


def of(hit: Hit) -> Licence:
    """Return the licence of a result."""
    code = hit.link.licence
    home = "https://creativecommons.org"
    if code in ("cc0", "pdm"):
        name, path = {"cc0": ("CC0", "zero"), "pdm": ("Public domain", "mark")}[code]
        return Licence(code, "1.0", name, f"{home}/publicdomain/{path}/1.0/")
    return Licence(code, "4.0", f"CC {code.upper()} 4.0", f"{home}/licenses/{code}/4.0/")
