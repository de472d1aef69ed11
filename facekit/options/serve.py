"""Options of `facekit serve`."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from facekit.base.errors import FacekitError
from facekit.options.base import Aside, InputPath, Limits, Options, Positional, Reads, Section
from facekit.options.common import FalsePositives
from facekit.options.galleries import FORM, check_place

ADDRESS, LIMITS = Section("Address and access"), Section("Load and limits")


@dataclass(frozen=True, kw_only=True)
class Serve(Options):
    """Answer over HTTP who is in pictures that are sent, until Ctrl-C or SIGTERM."""

    group = "use"
    after = "gallery"
    counts = False
    in_python = False

    target: Annotated[
        str,
        f"Gallery that `enroll` made, a folder or `{FORM}`, or a trained run; `-` reads it from stdin.",
        Aside(),
        Positional(),
        InputPath(piped=True),
        Reads(check_place),
    ]
    run: Annotated[
        list[Path],
        "Trained run whose labels `/v1/analyze` gives to each face, such as expressions. May be given several times.",
        InputPath(),
    ] = field(default_factory=list)
    fpir: Annotated[
        float | None,
        "Share of strangers' faces that may be given a name; by default the gallery's own.",
        FalsePositives,
    ] = None
    monitor: Annotated[
        bool,
        "Count what faces and answers are like, by day, for `facekit monitor` and /metrics. Only counts are kept.",
    ] = True
    host: Annotated[
        str, "Address to listen at: 127.0.0.1 is this machine alone, 0.0.0.0 every network it is in.", ADDRESS
    ] = "127.0.0.1"
    port: Annotated[int, "Port to listen at; 0 chooses a free one.", Limits(0, 65535), ADDRESS] = 8000
    allowed_host: Annotated[
        list[str],
        "Name by which clients reach the server, such as `faces.example.org`. May be given several times. Addresses in "
        "numbers, `localhost`, and the name of this machine are always answered.",
        ADDRESS,
    ] = field(default_factory=list)
    keys: Annotated[
        bool,
        "Answer only requests with a key that `facekit keys create` made; --no-keys is for 127.0.0.1 alone.",
        ADDRESS,
    ] = True
    tls_cert: Annotated[Path | None, "Certificate for HTTPS, a PEM file.", InputPath(), ADDRESS] = None
    tls_key: Annotated[Path | None, "The certificate's private key, a PEM file.", InputPath(), ADDRESS] = None
    workers: Annotated[
        int,
        "Processes that answer, all from the same gallery; each uses its share of the cores.",
        Limits(1, 64),
        LIMITS,
    ] = 1
    max_megabytes: Annotated[
        int, "Largest request, in megabytes: its pictures together with what is sent along.", Limits(1, 300), LIMITS
    ] = 10
    queue: Annotated[
        int,
        "Requests with pictures that a process accepts at a time; further ones are told to come back (429).",
        Limits(1, 10_000),
        LIMITS,
    ] = 64
    batch: Annotated[int, "Most faces that are embedded together.", Limits(1, 256), LIMITS] = 16
    wait_ms: Annotated[
        float,
        "Milliseconds that a face waits for others to be embedded with, if others are on the way.",
        Limits(0, 1000),
        LIMITS,
    ] = 4.0
    timeout: Annotated[float, "Seconds after which a request is given up (504).", Limits(0.1, 3600), LIMITS] = 30.0
    grace: Annotated[int, "Seconds that requests may still take after Ctrl-C or SIGTERM.", Limits(0, 3600), LIMITS] = 20

    def __post_init__(self) -> None:
        """Refuse what would leave people's faces open to a network. Raises FacekitError."""
        super().__post_init__()
        if not self.keys and not is_loopback(self.host):
            raise FacekitError(
                f"--no-keys would let everybody who reaches {self.host} ask; leave it out, or use --host 127.0.0.1"
            )
        if (self.tls_cert is None) != (self.tls_key is None):
            raise FacekitError("--tls-cert and --tls-key belong together; give both")

    @property
    def scheme(self) -> str:
        """`https` with a certificate, else `http`."""
        return "https" if self.tls_cert is not None else "http"


def is_loopback(host: str) -> bool:
    """Whether an address that a server listens at can be reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
