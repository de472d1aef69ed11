"""The pieces of an HLS stream over HTTPS.

FFmpeg checks the certificate of the host that lists the pieces, and of no other that it asks after that. So the list
and its pieces are fetched here, where every host has to prove who it is, and none but public ones may be named beside
the user's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from urllib.parse import urljoin

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError, SSLError

from facekit.base.contract import FacekitError
from facekit.sources.addresses import Gate, PrivateAddress, is_loopback, is_web, own_server
from facekit.sources.connections import Wall
from facekit.sources.picture import HEADERS, REDIRECTS, signed

MOST = 256_000_000
"""Bytes of a piece: ten seconds of 200 Mbit/s."""

_WALL = 60.0
"""Seconds for a piece; a stream is behind long before."""


class Pieces:
    """Fetches what an HLS stream lists. Any thread may use it, one at a time."""

    def __init__(self, url: str, shown: str, connect: float, read: float) -> None:
        """Trust the server of a stream at `url`, `shown` so in messages; wait so many seconds for each piece."""
        self._shown, self._waits = shown, (connect, read)
        self._wall = Wall(_WALL, Gate(loopback=is_loopback(url), own=own_server(url)), HEADERS)

    def open(self, url: str, flags: int, options: Mapping[str, str]) -> BytesIO:
        """Return a piece, as PyAV asks for it: `options` may say which bytes of it.

        Raises FacekitError for a piece that may not be fetched or is not there.
        """
        try:
            with self._wall.fetch() as current:
                data = self._read(url, _part(options))
                if current.cut:
                    raise FacekitError(f"{self._shown}: a piece of the stream did not come in {_WALL:.0f} s")
                return BytesIO(data)
        except PrivateAddress:
            raise FacekitError(f"{self._shown} names pieces at a private address, which are not fetched") from None
        except SSLError:
            raise FacekitError(f"{self._shown} names pieces of a host that has no valid certificate") from None
        except (OSError, HTTPError, ValueError):
            raise FacekitError(f"{self._shown}: a piece of the stream cannot be fetched; try again later") from None

    def close(self) -> None:
        """End all connections."""
        self._wall.close()

    def _read(self, url: str, part: tuple[int, int] | None) -> bytes:
        for _ in range(REDIRECTS + 1):
            if not (is_web(url) and url.lower().startswith("https:")):
                how = "are encrypted" if url.startswith("crypto") else "do not come over HTTPS"
                raise FacekitError(
                    f"{self._shown} names pieces that {how}, which are not read; save it as a file first"
                )
            bare, headers = signed(url)
            asked = {} if part is None else {"Range": f"bytes={part[0]}-{part[1] - 1}"}
            with self._wall.get(bare, {**headers, **asked}, *self._waits) as response:
                target = response.get_redirect_location()
                if not isinstance(target, str):
                    return self._body(response, part)
                url = urljoin(url, target)
        raise FacekitError(f"{self._shown} leads on and on; check the address")

    def _body(self, response: BaseHTTPResponse, part: tuple[int, int] | None) -> bytes:
        if response.status not in (200, 206):
            raise FacekitError(f"{self._shown}: a piece of the stream answers with HTTP status {response.status}")
        data = bytearray()
        while more := response.read1(65_536, decode_content=True):
            data += more
            if len(data) > MOST:
                raise FacekitError(f"{self._shown} has pieces larger than {MOST // 1_000_000} MB, which are not read")
        whole = part is not None and response.status == 200  # a server that does not know parts
        return bytes(data[slice(*part)] if whole and part else data)


def _part(options: Mapping[str, str]) -> tuple[int, int] | None:
    """Return the first byte that is asked for, and the one behind the last."""
    if "end_offset" not in options:
        return None
    return int(options.get("offset", 0)), int(options["end_offset"])
