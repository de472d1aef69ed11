"""Where the counts of a gallery are: a file in its folder, or tables in its database."""

from __future__ import annotations

import os

from facekit.base import plugins
from facekit.identity.gallery.place import Database, Place
from facekit.serving.monitor.days import DayStore
from facekit.serving.monitor.sqlite import FILE, in_folder


def of_place(place: Place) -> DayStore:
    """Return the counts of a gallery. Raises FacekitError where they cannot be opened."""
    if not isinstance(place, Database):
        assert place.folder is not None
        return in_folder(place.folder)
    plugins.need("psycopg", "a gallery in PostgreSQL")
    from facekit.serving.monitor.postgres import PostgresDays

    return PostgresDays(place.address)


def is_begun(place: Place) -> bool:
    """Whether anything was ever counted for a gallery in a folder; of a database, whose tables cost nothing, yes."""
    return isinstance(place, Database) or (place.folder is not None and os.path.lexists(place.folder / FILE))
