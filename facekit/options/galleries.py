"""Where a gallery is: a folder, or the address of a PostgreSQL database. Its password is never part of the address."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from facekit.base.errors import FacekitError
from facekit.base.text import visible

FORM = "postgresql://USER@HOST/DATABASE"

SCHEMA = "facekit"
"""Schema of a database that a gallery is in where the address names none."""

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")
_LONGEST = 2000

_PARTS = re.compile(
    r"postgres(?:ql)?://"
    r"(?:[^:@/?#\s]*(?P<password>:[^@]*)?@)?"
    r"(?:(?:\[[0-9A-Fa-f:.]+\]|[^/?#@\s:,\[\]]*)(?::\d*)?(?:,|(?=[/?]|\Z)))*"  # hosts with ports
    r"(?:/[^/?#@\s]*)?"
    r"(?:\?(?P<settings>[^#\s]*))?"
)
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,47}")
_SECRET = ("password", "secret", "scram_", "_key_pass")


@dataclass(frozen=True)
class Address:
    """The address of a gallery in a database."""

    shown: str
    """As it was given: it holds no password."""
    server: str
    """What PostgreSQL's own library takes: the same without `schema`."""
    schema: str
    """The schema that holds the gallery."""


def is_database(place: str) -> bool:
    """Whether a gallery's place is an address instead of a folder; a wrong address is one, too."""
    return _ADDRESS.match(place) is not None and not Path(place).exists()


def address(place: str) -> Address:
    """Return the parts of an address.

    Raises FacekitError for one that is none or has a password in it. What is wrong may hold a password, and is not
    repeated.
    """
    parts = _PARTS.fullmatch(place) if len(place) <= _LONGEST else None
    if parts is None:
        raise FacekitError(f"a gallery is a folder, or an address such as {FORM}; what was given is neither")
    settings = [(unquote(one.partition("=")[0]), one) for one in (parts["settings"] or "").split("&") if one]
    if (parts["password"] or ":") != ":" or any(part in key.lower() for key, _ in settings for part in _SECRET):
        raise FacekitError(
            f"a password in an address is seen by everybody who lists processes; give {FORM}, and the password in the "
            "environment variable PGPASSWORD or in the file ~/.pgpass"
        )
    schemas = [unquote(one.partition("=")[2]) for key, one in settings if key == "schema"]
    schema = schemas[-1] if schemas else SCHEMA
    if not _NAME.fullmatch(schema) or schema.startswith("pg_"):
        raise FacekitError(
            f"schema={visible(schema[:80])} in the address of a gallery: give a name of at most 48 of a-z, 0-9 and _"
        )
    rest = "&".join(one for key, one in settings if key != "schema")
    server = place.partition("?")[0] + (f"?{rest}" if rest else "")
    return Address(visible(place), server, schema)


def check_place(place: str) -> None:
    """Refuse an address that is none or has a password in it. Raises FacekitError."""
    if is_database(place):
        address(place)
