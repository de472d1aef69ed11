"""Open a video file, a stream or a camera with PyAV, so that nothing in it leads to another file or host.

FFmpeg reads playlists, scripts of other files and even plain text as videos, and follows what they name. So only
formats that hold pictures themselves are read from a file, and a stream may only speak the protocols of streams.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from facekit.base import images, plugins, trust
from facekit.base.contract import FacekitError
from facekit.base.opening import open_regular, reading
from facekit.base.text import visible
from facekit.video.sources import Source

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

_FILES = (
    "mov,matroska,avi,mpegts,mpeg,mpegvideo,m4v,h264,hevc,mjpeg,flv,ogg,asf,dv,mxf,nut,ivf,rm,gif,"
    # Sound: so that a file without pictures is called that, and no broken video.
    "mp3,wav,aac,flac"
)
"""The formats of FFmpeg that are read from files: containers and streams of pictures, no playlists, no texts."""

_STREAMS = f"{_FILES},mpjpeg,live_flv,rtsp,rtp,sdp"
"""Those of streams, but for the lists of pieces."""

_HTTP = "http,https,tcp,tls,crypto"

_PROTOCOLS = {
    "http": _HTTP,
    "https": _HTTP,
    "rtsp": "rtsp,rtp,srtp,udp,tcp,tls",
    "rtsps": "rtsp,rtsps,rtp,srtp,udp,tcp,tls",
    "rtmp": "rtmp,tcp",
    "rtmps": "rtmps,rtmp,tcp,tls",
    "srt": "srt,udp",
    "udp": "udp",
    "rtp": "rtp,udp",
}
"""Scheme of a web address -> the protocols that it, and all that it names, may speak."""

STREAM_SCHEMES = tuple(_PROTOCOLS)

_CAMERAS = {"linux": ("v4l2", "/dev/video{}"), "darwin": ("avfoundation", "{}"), "win32": ("dshow", "video={}")}
"""System -> FFmpeg's name of its cameras, and the address of one."""


@dataclass(frozen=True)
class Waits:
    """How long a stream may be silent, in seconds."""

    opening: float = 10
    reading: float = 10


class _Closes(Protocol):
    """What a container reads from."""

    def close(self) -> None: ...


@dataclass
class Opened:
    """An open video: its container, its pictures, and how long it is."""

    container: InputContainer
    stream: VideoStream
    seconds: float | None
    """None: live, or without an end that is known."""
    _files: Sequence[_Closes] = ()

    def close(self) -> None:
        """Close it; an error of the other side is of no interest any more."""
        with suppress(OSError):
            self.container.close()
        for file in self._files:
            file.close()


@contextmanager
def opened(source: Source, waits: Waits | None = None) -> Iterator[Opened]:
    """Yield a video that is open. Raises FacekitError that says what to type, or `Unreachable` for a silent stream."""
    one = open_source(source, waits or Waits())
    try:
        yield one
    finally:
        one.close()


class Unreachable(FacekitError):
    """A stream or a camera that does not answer, or answers no longer: another try may help."""


def open_source(source: Source, waits: Waits) -> Opened:
    """Open a file, a stream or a camera. Raises as `opened` does."""
    av = plugins.need("av", f"{source.name}: a video")
    if source.kind == "file":
        return _of_file(av, source)
    if source.kind == "camera":
        kind, target = camera(int(source.address))
        return _of_stream(av, source, waits, target, _limited({}), format=kind)
    options = _stream_options(source)
    if urlsplit(source.address).scheme.lower() != "https":
        return _of_stream(av, source, waits, source.address, {**options, "format_whitelist": f"{_STREAMS},hls"})
    try:
        return _of_stream(av, source, waits, source.address, {**options, "format_whitelist": _STREAMS})
    except _NotListed:
        return _of_pieces(av, source, waits, options)


def camera(number: int) -> tuple[str, str]:
    """Return FFmpeg's name of this system's cameras, and the address of one."""
    kind, address = _CAMERAS.get(sys.platform, _CAMERAS["linux"])
    return kind, address.format(number)


class _NotListed(FacekitError):
    """A format that is known and was not to be opened."""


def _of_stream(
    av: Any,
    source: Source,
    waits: Waits,
    target: str,
    options: dict[str, str],
    *files: _Closes,
    **how: Any,
) -> Opened:
    began = time.monotonic()
    try:
        container = av.open(
            target, options=options, timeout=(waits.opening, waits.reading), metadata_errors="replace", **how
        )
    except FacekitError:
        raise
    except (OSError, ValueError, av.FFmpegError) as error:
        if source.kind == "url" and time.monotonic() - began >= waits.opening:  # FFmpeg has many names for it
            raise _silent(source, "timed out") from None
        raise _not_opened(source, error, waits) from None
    return _with_pictures(av, source, container, *files)


def _of_pieces(av: Any, source: Source, waits: Waits, options: dict[str, str]) -> Opened:
    """Open a list of pieces over HTTPS, which FFmpeg would fetch from any host that claims to be the right one."""
    from facekit.sources.pieces import Pieces

    pieces = Pieces(source.address, source.name, waits.opening, waits.reading)
    # It takes connections of its own for granted that it could use again.
    options = {**options, "format_whitelist": f"{_STREAMS},hls", "http_persistent": "0", "http_multiple": "0"}
    try:
        return _of_stream(av, source, waits, source.address, options, pieces, io_open=pieces.open)
    except FacekitError:
        pieces.close()
        raise


def _of_file(av: Any, source: Source) -> Opened:
    assert source.path is not None
    try:
        with reading(source.path):
            # A file that is handed over: FFmpeg would read a name like `concat:…` as an order.
            file = open_regular(source.path)
    except (FileNotFoundError, NotADirectoryError):
        raise FacekitError(f"no such video: {source.name}; give a video, or a folder of photos") from None
    try:
        container = av.open(file, options=_limited({"format_whitelist": _FILES}), metadata_errors="replace")
    except (OSError, ValueError, av.FFmpegError):
        file.close()
        raise FacekitError(
            f"{source.name} is no video that can be read; give one that a player opens, such as an MP4"
        ) from None
    return _with_pictures(av, source, container, file)


def _stream_options(source: Source) -> dict[str, str]:
    scheme = urlsplit(source.address).scheme.lower()
    options = {"protocol_whitelist": _PROTOCOLS[scheme]}
    if scheme in ("http", "https"):
        # A file of known length: FFmpeg asks for the rest of it. For all else, and what lasts longer: see `joining.py`.
        options |= {"reconnect": "1", "reconnect_delay_max": "1"}
    if scheme in trust.SCHEMES:
        # FFmpeg believes any host by default.
        options |= {"tls_verify": "1", "ca_file": trust.authorities(source.name)}
    if scheme.startswith("rtsp"):
        # Packets that arrive late or not at all would be frames with holes; over TCP they arrive or the stream drops.
        options["rtsp_transport"] = "tcp"
    return _limited(options)


def _is_secure(source: Source) -> bool:
    return urlsplit(source.address).scheme.lower() in trust.SCHEMES


def _limited(options: dict[str, str]) -> dict[str, str]:
    """Add the most pixels of a frame, which the decoder refuses before it reserves memory for them."""
    return {**options, "max_pixels": str(images.MAX_PIXELS)}


def _with_pictures(av: Any, source: Source, container: InputContainer, *files: _Closes) -> Opened:
    cover = av.stream.Disposition.attached_pic
    stream = next((one for one in container.streams.video if not one.disposition & cover), None)
    if stream is None:
        Opened(container, None, None, files).close()  # type: ignore[arg-type]
        raise FacekitError(f"{source.name} has no pictures, only sound; give a video")
    size = stream.codec_context
    if size is None:  # whatever its type says: there is none for a codec that is not known
        Opened(container, stream, None, files).close()
        raise FacekitError(f"{source.name} has pictures of a kind that is not known here; convert it to H.264")
    if size.width * size.height > images.MAX_PIXELS:
        Opened(container, stream, None, files).close()
        raise FacekitError(
            f"{source.name} has frames of {size.width} x {size.height} pixels, which are too many; scale it down first"
        )
    stream.thread_type = "AUTO" if source.kind == "file" else "SLICE"  # frames in threads come late
    return Opened(container, stream, _seconds(av, source, container, stream), files)


def _seconds(av: Any, source: Source, container: InputContainer, stream: VideoStream) -> float | None:
    if source.kind == "camera":
        return None
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base) or None
    return container.duration / float(av.time_base) if container.duration else None


def _not_opened(source: Source, error: Exception, waits: Waits) -> FacekitError:
    if source.kind == "camera":
        return _no_camera(source, error)
    why = trust.doubt(source.address, source.name, waits.opening) if _is_secure(source) else None
    if why is not None:
        return FacekitError(
            f"{source.name} cannot prove that it is that server ({why}); check the address, or name a file with the "
            f"server's own certificate in the environment variable {trust.VARIABLE}"
        )
    if type(error).__name__ == "ArgumentError" and _is_secure(source):
        return _NotListed(f"{source.name} is of a kind that is not read; give a video or a stream")
    if type(error).__name__ == "InvalidDataError" or isinstance(error, ValueError):
        return FacekitError(f"{source.name} answers something that is no video; give the address of a video or stream")
    why = visible(getattr(error, "strerror", None) or str(error)).lower()
    return _silent(source, why)


def _silent(source: Source, why: str) -> Unreachable:
    return Unreachable(f"{source.name} does not answer ({why}); check the address, and that it can be reached")


def _no_camera(source: Source, error: Exception) -> FacekitError:
    kind, address = camera(int(source.address))
    if isinstance(error, FileNotFoundError):
        return FacekitError(f"there is no camera {source.address} ({address}); connect one, or give another number")
    if isinstance(error, PermissionError):
        return FacekitError(f"camera {source.address} ({address}) may not be opened; add yourself to the group `video`")
    if isinstance(error, ValueError):
        return FacekitError(f"this PyAV opens no cameras ({kind}); install one with it, or stream the camera to a URL")
    return Unreachable(f"camera {source.address} ({address}) does not answer ({error}); is another program using it?")
