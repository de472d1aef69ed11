"""Which downloads are kept, and why the others are refused."""

from __future__ import annotations

from dataclasses import dataclass

from facekit.base import images
from facekit.base.contract import BadImage
from facekit.base.text import whole

FORMATS = (".jpg", ".png", ".webp", ".avif", ".bmp", ".gif")
"""What is kept; AVIF only where Pillow was built with it."""

HOST_REFUSES = "host refuses"
"""The reason of a picture whose host was not asked, because it had refused too often."""

PASSING = {"timed out", "no connection", "incomplete", HOST_REFUSES}
"""Reasons that may have gone by another run, in addition to answers 408, 429 and 500 upwards."""

_BOXES = {b"avif": ".avif", b"avis": ".avif", b"heic": ".heic", b"heix": ".heic", b"mif1": ".heic"}
"""Names of formats that Pillow may have been built without."""

_ICON = b"\x00\x00\x01\x00"


@dataclass(frozen=True)
class Rules:
    """The limits of a fetch, in seconds, bytes and pixels."""

    connect: float = 5
    read: float = 10
    wall: float = 30
    retries: int = 2
    backoff: float = 0.5
    retry_after: float = 60
    """The longest wait that a host may ask for."""
    min_bytes: int = 2_000
    max_bytes: int = 25_000_000
    min_side: int = 100
    loopback: bool = False
    opt_outs: bool = True
    """Whether pictures are left out whose owner wants it so."""


class Refused(Exception):
    """No picture: `reason` is counted, `value` decided, `again` is the seconds after which another try may help.

    `pause` is for how many seconds the host itself asked to be left alone.
    """

    def __init__(
        self, reason: str, value: float | str | None = None, again: float | None = None, pause: float = 0.0
    ) -> None:
        super().__init__(reason)
        self.reason, self.value, self.again, self.pause = reason, value, again, pause

    @property
    def transient(self) -> bool:
        """Whether a later run may get the picture."""
        return may_work_later(self.reason)


class Elsewhere(Refused):
    """A redirect to another host, which is asked at its own pace; `hops` redirects have been followed by then."""

    def __init__(self, url: str, hops: int) -> None:
        super().__init__("redirect", url[:200])
        self.url, self.hops = url, hops


def may_work_later(reason: str) -> bool:
    """Return whether what was refused for this reason may be available in a later run."""
    code = reason.removeprefix("http ")
    if code != reason:
        number = whole(code)
        return number is not None and (number in (408, 429) or number >= 500)
    return reason in PASSING


def check(data: bytes, rules: Rules) -> tuple[str, int]:
    """Return the suffix that a picture's first bytes ask for, and its dHash.

    Raises Refused for what is not a whole still picture.
    """
    start = data[:1024].lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")):
        raise Refused("web page", "html")
    if b"<svg" in start:
        raise Refused("drawing", "svg")
    try:
        head = images.header(data)
        images.check_size(head, len(data))
        _check_header(head, rules)
        if len(data) < rules.min_bytes:
            raise Refused("too few bytes", len(data))
        return head.suffix, images.dhash(images.glance(data, head))
    except BadImage as error:
        unknown = _BOXES.get(data[8:12]) if data[4:8] == b"ftyp" else ".ico" if data.startswith(_ICON) else None
        if unknown:
            raise Refused("format", unknown) from None
        raise Refused(error.reason, error.value) from None


def _check_header(head: images.Header, rules: Rules) -> None:
    if head.suffix not in FORMATS:
        raise Refused("format", head.suffix)
    if head.frames > 1:
        raise Refused("animated", head.frames)
    if min(head.width, head.height) < rules.min_side:
        raise Refused("too small", min(head.width, head.height))
