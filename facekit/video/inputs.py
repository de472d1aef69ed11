"""What a command is given to look at, in order: pictures, and videos to watch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from urllib.parse import unquote, urlsplit

from facekit.base import plugins
from facekit.base.contract import FacekitError, Track
from facekit.base.files import replace_file
from facekit.base.foldernames import safe
from facekit.base.header import begins_as_video
from facekit.base.opening import is_folder, open_regular
from facekit.base.scratch import private_folder
from facekit.base.text import counted
from facekit.dataset.given import Given, open_given
from facekit.video.opening import STREAM_SCHEMES
from facekit.video.sources import (
    Source,
    is_called_video,
    is_camera,
    is_url,
    shown_url,
)

Part = Given | Source


def open_inputs(texts: Iterable[str], stack: ExitStack, track: Track) -> list[Part]:
    """Return pictures and videos in the order in which they were given; of a folder, its pictures first.

    What is unpacked or fetched is here until the stack is left. Raises FacekitError for what is not there.
    """
    parts: list[Part] = []
    for is_picture, some in groupby([_told_apart(text, stack) for text in texts], lambda one: isinstance(one, Path)):
        if not is_picture:
            parts += [one for one in some if not isinstance(one, Path)]
            continue
        given = open_given([one for one in some if isinstance(one, Path)], stack, track, _is_video)
        parts += [given] if given.files else []
        parts += map(Source.of_file, given.others)
    if not parts:
        open_given([], stack, track)  # which says what is missing
    return parts


def videos(parts: Iterable[Part]) -> Iterator[Source]:
    """Yield the videos of what was given."""
    return (part for part in parts if isinstance(part, Source))


def said(parts: Iterable[Part]) -> str:
    """Return how much was given, as a person reads it: `3 pictures and 1 video`."""
    parts = list(parts)
    watched = len(list(videos(parts)))
    pictures = sum(len(part.files) for part in parts if not isinstance(part, Source))
    words = [counted(pictures, "picture")] if pictures or not watched else []
    return " and ".join([*words, counted(watched, "video")] if watched else words)


def _told_apart(text: str, stack: ExitStack) -> Path | Part:
    """Return a path to pictures, or a video, or the picture at a web address."""
    if is_url(text):
        return _at(text, stack)
    if is_camera(text):
        return Source.of_camera(text)
    path = Path(text)
    return Source.of_file(path) if _is_video(path) else path


def _is_video(path: Path) -> bool:
    if is_folder(path):
        return False
    if is_called_video(path):
        return True
    try:
        with open_regular(path) as file:
            return begins_as_video(file.read(16))
    except (OSError, ValueError):
        return False


def _at(url: str, stack: ExitStack) -> Part:
    shown, scheme = shown_url(url), url.partition(":")[0].lower()
    if scheme not in STREAM_SCHEMES:
        raise FacekitError(f"{shown} has a scheme that is not read; give one of {', '.join(STREAM_SCHEMES)}")
    if scheme not in ("http", "https"):
        return Source.of_url(url)
    for package in ("certifi", "requests", "urllib3"):
        plugins.need(package, shown)
    from facekit.sources.picture import look

    found = look(url, shown)
    if found.data is None:
        return Source.of_url(url, found.url)
    folder = stack.enter_context(private_folder())
    file = folder / safe(unquote(Path(urlsplit(found.url).path).name) or "picture")
    replace_file(file, found.data, private=True)
    return Given([file], {file: shown})
