"""What a command is given to look at: photos, videos, web addresses and cameras."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".3gp", ".3g2"),
    *(".flv", ".ogv", ".wmv", ".asf", ".mxf", ".mjpeg", ".mjpg", ".vob", ".dv"),
)
"""How the names of videos end, in lower case."""

_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)

_MOST_CAMERA = 4
"""Digits of a camera's number."""


@dataclass(frozen=True)
class Source:
    """A video to watch."""

    kind: Literal["file", "url", "camera"]
    name: str
    """What it is called in answers: as it was given, a password in an address left out."""
    address: str
    """What is opened: the path, the address, the number."""
    path: Path | None = None

    @classmethod
    def of_file(cls, path: Path) -> Source:
        """Return a video in a file."""
        return cls("file", str(path), str(path), path)

    @classmethod
    def of_url(cls, url: str, address: str | None = None) -> Source:
        """Return a video or stream at a web address; `address` is where redirects led to."""
        return cls("url", shown_url(url), address or url)

    @classmethod
    def of_camera(cls, number: str) -> Source:
        """Return a camera of this machine."""
        return cls("camera", f"camera {int(number)}", str(int(number)))


def is_url(text: str) -> bool:
    """Return whether a text is a web address, of whatever scheme."""
    return _URL.match(text) is not None


def is_camera(text: str) -> bool:
    """Return whether a text is the number of a camera: digits, and no file of that name."""
    return text.isascii() and text.isdecimal() and len(text) <= _MOST_CAMERA and not Path(text).exists()


def is_called_video(path: Path) -> bool:
    """Return whether a file's name ends like that of a video."""
    return path.name.lower().endswith(SUFFIXES)


def shown_url(url: str) -> str:
    """Return a web address without its password, for answers, messages and pages."""
    try:
        parts = urlsplit(url)
        if parts.password is None:
            return url
    except ValueError:
        return url.rpartition("@")[2]
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username}:***@{host}"))
