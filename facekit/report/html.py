"""Pages that are one file: a template filled in, with pictures, style and script within it.

Every value is escaped once, where it is printed: control characters and overrides of the writing direction become
visible, then HTML's own characters are replaced. No template marks anything as safe. Only facekit's own stylesheet and
script are printed as they are, and the page's policy allows no other.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping
from functools import lru_cache
from math import isnan
from pathlib import Path
from typing import Any
from urllib.parse import quote

from facekit import __version__
from facekit.base import images, plain, plugins
from facekit.base.contract import BadImage, Image
from facekit.base.figures import decimal, span
from facekit.base.opening import is_there
from facekit.base.plain import Json
from facekit.base.text import counted, encode, visible
from facekit.dataset.credits import credit_of
from facekit.report import assets

_TEMPLATES = Path(__file__).parent / "templates"

_ACTING = {ord(character): f"\\u{ord(character):04x}" for character in "<>&"}
"""What could end a script element or begin a comment in it, as JSON would write it otherwise."""


def render(
    template: str, what: str = "the report", filters: Mapping[str, Callable[..., str]] | None = None, **values: object
) -> str:
    """Return a page as HTML that needs no other file and no network.

    `filters` are the template's own. Raises FacekitError where `what` needs a package that is not installed.
    """
    plugins.need("jinja2", what)
    environment = _environment(frozenset((filters or {}).items()))
    page: str = environment.get_template(template).render(version=__version__, **values)
    return page


@lru_cache(maxsize=16)
def _environment(filters: frozenset[tuple[str, Callable[..., str]]]) -> Any:
    """Return what fills the templates in; it keeps them compiled, for programs that write many pages."""
    import jinja2
    from markupsafe import Markup  # comes with Jinja

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
    )
    words = {
        "percent": percent,
        "credit": credit_of,
        "number": "{:,}".format,
        "decimal": decimal,
        "span": lambda ends: span(*ends),
        "counted": counted,
        "sentence": sentence,
    }
    own = words | {"data": lambda value: Markup(data(value))}
    environment.filters |= own | dict(filters)
    inlined = assets.load()
    environment.globals |= {
        "style": Markup(inlined.style),
        "script": Markup(inlined.script),
        "policy": inlined.policy,
    }
    return environment


def percent(share: float | None, digits: int = 1) -> str:
    """Return a share in percent; a dash for one that is not known."""
    return "–" if share is None or isnan(share) else f"{100 * share:.{digits}f}%"


def sentence(text: str) -> str:
    """Return a text with a capital letter at its beginning."""
    return text[:1].upper() + text[1:]


def data(value: object) -> str:
    """Return a value as JSON for a `<script type="application/json">`: nothing in it can end the element.

    Texts in it are made visible, as those of the page are.
    """
    return plain.dump(_visible(plain.to_plain(value))).translate(_ACTING)


def embedded(kind: str, data: bytes) -> str:
    """Return a picture of a kind, such as `png`, as a data URL."""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def thumbnail(file: Path | None, side: int) -> str:
    """Return a picture file, no longer than `side`, as a data URL; empty where there is none that can be read."""
    if file is None:
        return ""
    try:
        pixels = images.read(file)
    except BadImage:
        return ""
    return shrunk(pixels, side)


def shrunk(pixels: Image, side: int) -> str:
    """Return a picture, no longer than `side`, as a data URL."""
    small, _ = images.shrink(pixels, side)
    return embedded("jpeg", images.encode(small, quality=85))


def link(file: Path | None, folder: Path) -> str:
    """Return the address of a file from a page in a folder, relative; empty for none that is there.

    Each character that has a meaning in an address is encoded, so a name cannot become another scheme or host.
    """
    if file is None or not is_there(file):
        return ""
    there = Path(os.path.realpath(file.parent)) / file.name  # a link itself is not followed
    way = Path(os.path.relpath(there, os.path.realpath(folder)))
    return "/".join(quote(encode(part), safe="") for part in way.parts)


def _visible(value: Json) -> Json:
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, Mapping):
        return {visible(key): _visible(held) for key, held in value.items()}
    return value if value is None or isinstance(value, bool | int | float) else [_visible(held) for held in value]


def _shown(value: object) -> object:
    """Make characters visible that would act on what is read. What a macro printed is finished already."""
    return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
