"""Pages that are one file: a template filled in, and pictures as data URLs within it.

Every value is escaped once, where it is printed: control characters and overrides of the writing direction become
visible, then HTML's own characters are replaced. No template marks anything as safe.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from pathlib import Path

from facekit import __version__
from facekit.base import images, plugins
from facekit.base.contract import BadImage
from facekit.base.text import visible

_TEMPLATES = Path(__file__).parent / "templates"


def render(
    template: str, what: str = "the report", filters: Mapping[str, Callable[..., str]] | None = None, **values: object
) -> str:
    """Return a page as HTML that needs no other file and no network.

    `filters` are the template's own. Raises FacekitError where `what` needs a package that is not installed.
    """
    jinja2 = plugins.need("jinja2", what)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
    )
    environment.filters |= {"percent": percent, "number": "{:,}".format, "sentence": sentence} | dict(filters or {})
    page: str = environment.get_template(template).render(version=__version__, **values)
    return page


def percent(share: float) -> str:
    """Return a share in percent, with one decimal."""
    return f"{100 * share:.1f}%"


def sentence(text: str) -> str:
    """Return a text with a capital letter at its beginning."""
    return text[:1].upper() + text[1:]


def embedded(kind: str, data: bytes) -> str:
    """Return a picture of a kind, such as `png`, as a data URL."""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def thumbnail(file: Path, side: int) -> str:
    """Return a picture file, no longer than `side`, as a data URL; empty where it cannot be read."""
    try:
        small, _ = images.shrink(images.read(file), side)
    except BadImage:
        return ""
    return embedded("jpeg", images.encode(small, quality=85))


def _shown(value: object) -> object:
    """Make characters visible that would act on what is read. What a macro printed is finished already."""
    return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
