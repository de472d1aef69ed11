"""Places on object storage, as they are typed (`s3://BUCKET/KEY`), and the folder in the cache that stands for each.

A command works on that folder: `facekit/dataset/objects.py` fills it before, and sends what has changed afterwards.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from facekit.base.errors import FacekitError

SCHEME = "s3://"

_PLACE = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<key>[^\0]*))?")

_urls: dict[str, str] = {}
"""Folder of the cache -> the place that it stands for, of those that this process was given."""


def is_object(text: str) -> bool:
    """Whether a path that was typed is a place on object storage."""
    return text.startswith(SCHEME)


def parts_of(url: str) -> tuple[str, str]:
    """Return the bucket of a place and its key, which ends in a slash unless it is empty. Raises FacekitError."""
    found = _PLACE.fullmatch(url)
    key = (found["key"] or "").strip("/") if found else ""
    if found is None or any(part in ("", ".", "..") for part in key.split("/") if key):
        raise FacekitError(f"{url} is no place on object storage; give it like s3://BUCKET/FOLDER")
    return found["bucket"], f"{key}/" if key else ""


def folder_of(url: str) -> Path:
    """Return the folder in the cache that stands for a place; it need not exist. Raises FacekitError."""
    from facekit.base.weights import OBJECTS, where  # here, so that `facekit --help` need not load it

    bucket, key = parts_of(url)
    place = f"{SCHEME}{bucket}/{key}".rstrip("/")
    # The same bucket of another server is another place.
    server = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
    digest = hashlib.sha256(f"{server}\n{place}".encode()).hexdigest()[:16]
    folder = where().absolute() / OBJECTS / digest / (key.rstrip("/").rpartition("/")[2] or bucket)
    _urls[str(folder)] = place
    return folder


def url_of(folder: object) -> str | None:
    """Return the place that a folder of the cache stands for; None for any other path."""
    return _urls.get(str(folder))


def shown(text: str) -> str:
    """Return a text in which folders of the cache are called by the places that they stand for."""
    for folder, url in _urls.items():
        text = text.replace(folder, url)
    return text
