"""Pages that are one file: a template filled, and pictures as data URLs within it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from facekit import __version__
from facekit.base import images, plugins
from facekit.base.contract import BadImage


def filled(
    template: str, what: str = "the report", forms: Mapping[str, Callable[..., Any]] | None = None, **values: Any
) -> str:
    """Return a page of this folder's templates as HTML that needs no other file and no network.

    Every value is escaped; `forms` are filters of the template's own. Raises FacekitError where `what` needs a
    package that is not installed.
    """
    jinja2 = plugins.need("jinja2", what)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["percent"] = lambda share: f"{100 * share:.1f}%"
    environment.filters |= forms or {}
    page: str = environment.get_template(template).render(version=__version__, **values)
    return page


def embedded(kind: str, data: bytes) -> str:
    """Return a picture of a kind, such as `png`, as a data URL."""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def thumbnail(file: Path, side: int) -> str:
    """Return a picture file, no longer than `side`, as a data URL; empty where it can no longer be read."""
    try:
        small, _ = images.shrink(images.read(file), side)
    except BadImage:
        return ""
    return embedded("jpeg", images.encode(small, quality=85))
