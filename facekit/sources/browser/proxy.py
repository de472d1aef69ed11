"""The SOCKS proxy of a browser: resolves hosts, and connects only to allowed ones.

The browser looks up no name and opens no connection itself. So what is refused is refused to redirects, meta refreshes,
frames, scripts, workers and WebSockets alike, and an address that was checked is the one that is connected to.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
import struct
import threading
from collections import Counter
from contextlib import suppress
from types import TracebackType
from typing import NamedTuple, Self

from facekit.sources.addresses import ForeignHost, Gate, PrivateAddress

log = logging.getLogger(__name__)

HERE = "127.0.0.1"

HANDSHAKE_SECONDS, CONNECT_SECONDS, CLOSE_SECONDS = 10.0, 10.0, 5.0

MOST_BYTES = 100_000_000
"""Bytes that one connection may bring; a search of hundreds of pictures brings a few million."""

_PIECE = 65_536

_OK, _NOT_ALLOWED, _UNREACHABLE, _NO_SUCH_COMMAND = 0, 2, 4, 7
_VERSION, _CONNECT = 5, 1


class _Wish(NamedTuple):
    """Whom the browser wants to be connected to."""

    host: str
    port: int


class Proxy:
    """Listens on 127.0.0.1 while the block runs; `gate` says who may be connected to."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.refused: Counter[str] = Counter()
        """Host and port -> connections that were refused."""
        self._port = 0
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="facekit-proxy", daemon=True)

    @property
    def address(self) -> str:
        """What a browser takes as its proxy."""
        return f"socks5://{HERE}:{self._port}"

    def __enter__(self) -> Self:
        """Listen."""
        self._thread.start()
        self._ready.wait()
        if not self._port:
            raise OSError(f"no port of {HERE} is free to listen on")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        if self._loop is not None and self._end is not None:
            with suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connect, HERE, 0, backlog=256)
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._end.wait()
        server.close()
        # What is left of the tasks is cancelled, and waited for, where asyncio.run ends.

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection of a browser's, until either side closes it."""
        with suppress(OSError, asyncio.IncompleteReadError, TimeoutError, asyncio.CancelledError):
            try:
                async with asyncio.timeout(HANDSHAKE_SECONDS):
                    wish = await _greet(reader, writer)
                if wish is not None:
                    await self._serve_wish(wish, reader, writer)
            finally:
                writer.close()

    async def _serve_wish(self, wish: _Wish, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            sock = await self._dial(wish)
        except PrivateAddress as error:
            self._note(wish, error)
            return _answer(writer, _NOT_ALLOWED)
        except (OSError, UnicodeError):
            return _answer(writer, _UNREACHABLE)
        far_reader, far_writer = await asyncio.open_connection(sock=sock)
        try:
            _answer(writer, _OK)
            ways = [_pump(reader, far_writer, None), _pump(far_reader, writer, MOST_BYTES)]
            tasks = [asyncio.create_task(way) for way in ways]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            far_writer.close()

    async def _dial(self, wish: _Wish) -> socket.socket:
        """Connect to the first address that answers. Raises PrivateAddress, OSError or UnicodeError."""
        loop = asyncio.get_running_loop()
        failed: OSError = ConnectionError("no address")
        for place in await loop.run_in_executor(None, self.gate.places, *wish):
            sock = socket.socket(place.family, socket.SOCK_STREAM)
            sock.setblocking(False)
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await loop.sock_connect(sock, place.address)
            except BaseException as error:
                sock.close()
                if not isinstance(error, OSError):
                    raise
                failed = error
            else:
                return sock
        raise failed

    def _note(self, wish: _Wish, error: PrivateAddress) -> None:
        name = f"{wish.host}:{wish.port}"
        self.refused[name] += 1
        if self.refused[name] == 1:
            why = "is not one of the engine's hosts" if isinstance(error, ForeignHost) else f"leads to {error}"
            log.debug("the browser was not let connect to %s, which %s", name, why)


async def _greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> _Wish | None:
    """Take a SOCKS greeting and request (RFC 1928); None for what is neither, or asks for more than a connection."""
    version, methods = await reader.readexactly(2)
    await reader.readexactly(methods)
    if version != _VERSION:
        return None
    writer.write(bytes([_VERSION, 0]))
    version, command, _, kind = await reader.readexactly(4)
    host = await _host(reader, kind)
    (port,) = struct.unpack("!H", await reader.readexactly(2))
    if version != _VERSION or command != _CONNECT or not host:
        _answer(writer, _NO_SUCH_COMMAND)
        return None
    return _Wish(host, port)


async def _host(reader: asyncio.StreamReader, kind: int) -> str:
    if kind == 1:
        return str(ipaddress.IPv4Address(await reader.readexactly(4)))
    if kind == 4:
        return str(ipaddress.IPv6Address(await reader.readexactly(16)))
    (length,) = await reader.readexactly(1)
    name = await reader.readexactly(length)
    return name.decode("ascii") if kind == 3 and name.isascii() else ""


def _answer(writer: asyncio.StreamWriter, code: int) -> None:
    writer.write(bytes([_VERSION, code, 0, 1]) + bytes(6))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, most: int | None) -> None:
    """Pass on what comes, `most` bytes at most, until it ends."""
    moved = 0
    with suppress(OSError):
        while (most is None or moved < most) and (data := await reader.read(_PIECE)):
            writer.write(data)
            moved += len(data)
            await writer.drain()
