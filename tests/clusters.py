"""Dask's scheduler and workers as processes of this machine, to be killed, and what workers are given to do."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

HERE = Path(__file__).parent


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Processes:
    """A scheduler and its workers. Each worker is a process of its own, without a nanny that starts it again."""

    def __init__(self, log: Path, host: str = "127.0.0.1", within: Sequence[str] = ()) -> None:
        self.host, self.port, self.log = host, free_port(), log
        self.workers: list[subprocess.Popen[bytes]] = []
        self._within = within  # what the scheduler is started by, such as `ip netns exec NAME`
        self.start()

    @property
    def address(self) -> str:
        """What `--cluster` takes."""
        return f"dask://{self.host}:{self.port}"

    def start(self) -> None:
        """Start the scheduler; connections to it are refused until it is ready."""
        self.scheduler = self._run(["scheduler", "--host", self.host, "--port", str(self.port)], self._within)

    def wait(self) -> None:
        """Wait until the scheduler takes connections."""
        ends = time.monotonic() + 120
        while time.monotonic() < ends and self.scheduler.poll() is None:
            with suppress(OSError), socket.create_connection((self.host, self.port), 1):
                return
            time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def add(
        self, within: Sequence[str] = (), main: str | None = None, host: str | None = None, **environment: str
    ) -> subprocess.Popen[bytes]:
        """Start a worker; `main` is Python that runs before it."""
        where = ["--host", host or self.host, "--nthreads", "1", "--no-nanny", "--death-timeout", "60"]
        arguments = ["worker", f"tcp://{self.host}:{self.port}", *where, "--local-directory", str(self.log.parent)]
        self.workers.append(self._run(arguments, within, main, environment))
        return self.workers[-1]

    def stop(self) -> None:
        """Kill what is left of them."""
        for process in (*self.workers, self.scheduler):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.workers.clear()

    def _run(
        self,
        arguments: Sequence[str],
        within: Sequence[str],
        main: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        code = f"{main or ''}\nimport sys\nfrom distributed.cli import dask_{arguments[0]}\ndask_{arguments[0]}.main()"
        paths = os.pathsep.join([str(HERE.parent), str(HERE)])
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*within, sys.executable, "-c", code, *arguments[1:], "--no-dashboard"],
                env={**os.environ, "PYTHONPATH": paths, **(environment or {})},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


@contextmanager
def started(log: Path, workers: int) -> Iterator[Processes]:
    """Yield a scheduler with so many workers."""
    processes = Processes(log)
    try:
        for _ in range(workers):
            processes.add()
        processes.wait()
        yield processes
    finally:
        processes.stop()


def slowly(number: int) -> tuple[int, int]:
    """Take some time, and say in which process."""
    time.sleep(0.05)
    return number * number, os.getpid()


def deadly(number: int) -> int:
    """End the process for one number."""
    if number == 3:
        os._exit(1)
    return number


def bad(number: int) -> int:
    """Have a bug."""
    return number // (number - 5)
