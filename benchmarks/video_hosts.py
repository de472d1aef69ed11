"""Hosts of a film at the pace of a camera: over HTTP, and over RTSP by Debian's `gir1.2-gst-rtsp-server-1.0`."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av

PARTS = 10
"""Parts a second in which a stream is sent."""


def as_stream(file: Path, fps: int) -> Path:
    """Return a film as an MPEG stream, which can be joined anywhere at a key frame: there is one each second."""
    out = file.with_suffix(".ts")
    if out.exists():
        return out
    with av.open(str(file)) as source, av.open(str(out), "w", format="mpegts") as target:
        stream = target.add_stream("libx264", rate=fps, options={"g": str(fps), "preset": "ultrafast", "bf": "0"})
        stream.height, stream.width = source.streams.video[0].height, source.streams.video[0].width
        stream.pix_fmt = "yuv420p"
        for frame in source.decode(video=0):
            frame.pict_type = 0
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return out


def parts_of(stream: Path) -> list[bytes]:
    """Return an MPEG stream in parts of a tenth of a second."""
    with av.open(str(stream)) as source:
        seconds = float(source.duration or 0) / 1_000_000
    data, count = stream.read_bytes(), max(1, round(seconds * PARTS))
    ends = [round(len(data) * n / count / 188) * 188 for n in range(count + 1)]
    return [data[a:b] for a, b in zip(ends, ends[1:], strict=False)]


class Pace:
    """A film that is served over HTTP at the pace of a camera: with some cuts and an end, or again for ever."""

    def __init__(self, stream: Path, cuts: int | None) -> None:
        """Cut the connection so many times before the end; with None there is neither a cut nor an end."""
        self.parts = parts_of(stream)
        self.place, self.cuts, self.left = 0, cuts or 0, cuts
        pace = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                pace.answer(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/live"

    def close(self) -> None:
        """End it."""
        self.server.shutdown()
        self.server.server_close()

    def answer(self, asked: BaseHTTPRequestHandler) -> None:
        """Send the film from where it is, until the next cut."""
        if self.left is not None and self.place >= len(self.parts):
            asked.send_error(404)
            return
        asked.send_response(200)
        asked.send_header("Content-Type", "video/mp2t")
        asked.end_headers()
        watched = asked.headers.get("User-Agent", "").startswith("Lavf")
        began, sent = time.monotonic(), 0
        with suppress(OSError):
            while self.place < len(self.parts):
                asked.wfile.write(self.parts[self.place])
                if not watched or self._forward():  # whoever only looks what is there hangs up
                    return
                sent += 1
                time.sleep(max(0.0, began + sent / PARTS - time.monotonic()))

    def _forward(self) -> bool:
        """Go on by a part; return whether the connection is cut here."""
        self.place += 1
        if self.left is None:
            self.place %= len(self.parts)
        elif self.left and self.place >= len(self.parts) * (1 + self.cuts - self.left) // (1 + self.cuts):
            self.left -= 1
            return True
        return False


NEEDED = """
import sys, gi
gi.require_version("Gst", "1.0"); gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gst, GstRtspServer, GLib, Gio
"""

RTSP = (
    NEEDED
    + """
port, packets, certificate = sys.argv[1:4]
Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1"); server.set_service(port)
if certificate:
    auth = GstRtspServer.RTSPAuth()
    auth.set_tls_certificate(Gio.TlsCertificate.new_from_file(certificate))
    anybody = GstRtspServer.RTSPToken()
    anybody.set_string("media.factory.role", "anybody")
    auth.set_default_token(anybody)
    server.set_auth(auth)
factory = GstRtspServer.RTSPMediaFactory()
if certificate:
    may = "anybody, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"
    factory.add_role_from_structure(Gst.Structure.from_string(may)[0])
factory.set_launch(
    f'( udpsrc address=127.0.0.1 port={packets} caps="video/mpegts,systemstream=true,packetsize=188" '
    "! tsdemux ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=1 )"
)
factory.set_shared(True)
server.get_mount_points().add_factory("/camera", factory)
server.attach(None)
GLib.MainLoop().run()
"""
)


class Camera:
    """A camera whose film goes on, whether or not somebody watches, behind an RTSP server that can be killed."""

    def __init__(self, folder: Path, certificate: Path | None = None) -> None:
        """Serve over RTSP; with a certificate, a file that has its key too, over TLS."""
        self._script = folder / "rtsp.py"
        self._script.write_text(RTSP)
        self._certificate = certificate
        self.port, self._packets = _free_port(socket.SOCK_STREAM), _free_port(socket.SOCK_DGRAM)
        self.url = f"rtsp{'s' if certificate else ''}://localhost:{self.port}/camera"
        self._server: subprocess.Popen[bytes] | None = None

    @staticmethod
    def missing() -> str | None:
        """Return why there can be none here."""
        done = subprocess.run(["/usr/bin/python3", "-c", NEEDED], capture_output=True, text=True, check=False)
        return done.stderr.strip().rpartition("\n")[2] if done.returncode else None

    def start(self) -> None:
        """Start the server, and wait until it takes connections."""
        words = [self.port, self._packets, self._certificate or ""]
        self._server = subprocess.Popen(["/usr/bin/python3", str(self._script), *map(str, words)])
        end = time.monotonic() + 20
        while time.monotonic() < end:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.1)
        raise SystemExit("the RTSP server did not start in 20 s")

    def kill(self) -> None:
        """Kill the server; the film goes on."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()

    @contextmanager
    def filming(self, stream: Path) -> Iterator[None]:
        """Send a film to the server again and again."""
        over = threading.Event()
        thread = threading.Thread(target=self._send, args=(parts_of(stream), over), daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            self.kill()

    def _send(self, parts: list[bytes], over: threading.Event) -> None:
        began, sent = time.monotonic(), 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            while not over.wait(max(0.0, began + sent / PARTS - time.monotonic())):
                part = parts[sent % len(parts)]
                for first in range(0, len(part), 7 * 188):
                    with suppress(OSError):  # nobody listens
                        out.sendto(part[first : first + 7 * 188], ("127.0.0.1", self._packets))
                sent += 1


def _free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
