"""The parent's side of a cluster: chunks are sent, waited for in order, and sent again where a scheduler was lost."""

from __future__ import annotations

import logging
import time
import uuid
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from facekit.base import plugins
from facekit.base.cluster import task
from facekit.base.cluster.address import Address, address
from facekit.base.cluster.task import Done, Sample, Terms, Unfit
from facekit.base.errors import FacekitError
from facekit.base.parallel import Cluster, Jobs
from facekit.base.text import counted, visible

T = TypeVar("T")
R = TypeVar("R")

WAIT = "facekit.wait"
"""Dask's setting (`DASK_FACEKIT__WAIT=2m`): how long a lost scheduler, or one without workers, is waited for."""

_WAIT = "60s"

_FIRST_WAIT = 10.0
"""Seconds in which a scheduler must answer at the start: a wrong address should not cost a minute."""

_LOOK = 2.0
"""Seconds after which it is looked whether a scheduler that has sent nothing is still there."""

_ANSWER = 10.0
"""Seconds within which a scheduler says that it is there: a busy one takes one or two."""

_FIRST = 4
"""Items of the first chunks."""

_MOST = 512

_SECONDS = 0.5
"""How long a chunk should take: Dask spends milliseconds on each, and a lost worker costs no more than a few."""

_AHEAD = 3
"""Chunks under way for each thread of the workers: one is worked on, and others are there when it is done."""

_SAMPLES = 16
"""Files of a folder by which it is known again; three of them are read, of the others the size counts."""

_LOSSES = 5
"""Losses of the scheduler in a row, with nothing done in between, that end the work."""

KEPT = "what is written is kept, and the same command goes on from there"

log = logging.getLogger(__name__)


class _LostError(Exception):
    """The connection to the scheduler is gone, and what was sent with it."""


@contextmanager
def hired(cluster: str | None, jobs: int) -> Iterator[Jobs]:
    """Yield who does the work of a command: the cluster that was asked for, else a number of workers here.

    The cluster is called when there is something to do. Raises FacekitError for an address that is none, and where the
    extra is missing.
    """
    if cluster is None:
        yield jobs
        return
    where = address(cluster)
    for package in ("distributed", *(("cryptography",) if where.local else ())):
        plugins.need(package, f"--cluster {cluster}")
    with ExitStack() as stack:
        stack.enter_context(_hushed())
        dask = Dask(where, cluster, jobs)
        stack.callback(dask.close)
        yield dask


@dataclass
class _Chunk:
    """Some items, how they were sent, and what Dask promises for them."""

    data: bytes
    count: int
    future: Any = None
    client: Any = None
    """The connection that the future belongs to."""


class Dask(Cluster):
    """The workers of a Dask scheduler."""

    def __init__(self, where: Address, shown: str, jobs: int) -> None:
        """Connect at the first work; `shown` is how the address was typed."""
        self.jobs = jobs
        self._where, self._shown = where, shown
        self._samples: dict[str, Sample] = {}
        self._terms = Terms(uuid.uuid4().hex, task.versions(), ())
        self._client: Any = None
        self._local: Any = None
        self._losses = 0
        self._threads, self._counted_at = 1, 0.0
        self._lonely_since: float | None = None

    def must_see(self, root: Path, paths: Sequence[str]) -> None:
        """Remember a few of some files, spread over them, as what each worker must see before it does anything.

        Nothing is written to the folder: it is never changed, and may be one that can only be read.
        """
        known, last = len(self._samples), len(paths) - 1
        read = {0, last // 2, last} if paths else set()
        for place in sorted({*range(0, len(paths), max(1, len(paths) // _SAMPLES)), *read}):
            file = (root / paths[place]).absolute()
            with suppress(OSError):  # it is counted as unreadable where it is read
                self._samples[str(file)] = Sample.of(file, place in read)
        if len(self._samples) == known:
            return
        self._terms = Terms(uuid.uuid4().hex, self._terms.versions, tuple(self._samples.values()))
        if self._client is not None:
            self._check_workers()

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Yield `function(item)` for each item, in order: a chunk that is lost with its worker is done again.

        Raises FacekitError for a scheduler that cannot be reached, workers that are unfit, and work that ends workers.
        """
        rest, pending, size = iter(items), deque[_Chunk](), _FIRST
        try:
            while True:
                while len(pending) < self._ahead() and (some := list(islice(rest, size))):
                    pending.append(self._sent(function, some))
                if not pending:
                    return
                done = self._done(pending)
                chunk = pending.popleft()
                if chunk.count == size:  # a shorter one is the last
                    size = max(1, min(_MOST, 2 * size, round(size * _SECONDS / max(done.seconds, 1e-6))))
                yield from done.results
        finally:
            for chunk in pending:  # nobody waits for it any more, so that it is not begun
                with suppress(Exception):
                    chunk.future.release()

    def close(self) -> None:
        """Leave the scheduler; a cluster that was started here ends."""
        self._hang_up()
        if self._local is not None:
            with suppress(Exception):
                self._local.close(timeout=10)

    # Chunks

    def _sent(self, function: Callable[[Any], Any], items: Sequence[Any]) -> _Chunk:
        chunk = _Chunk(task.packed(function, items, self._terms), len(items))
        self._submit(chunk)
        return chunk

    def _submit(self, chunk: _Chunk) -> None:
        while True:
            client = self._connected()
            try:
                chunk.future = client.submit(task.work, chunk.data, pure=False, key=f"facekit-{uuid.uuid4().hex}")
                chunk.client = client
                return
            except Exception as error:  # noqa: BLE001 - a client that is closing raises what it happens to meet
                if client.status == "running":
                    raise
                self._lost(error)

    def _done(self, pending: Sequence[_Chunk]) -> Done:
        """Wait for the first chunk; whatever was lost with a scheduler is sent to the next."""
        while True:
            for chunk in pending:
                if chunk.client is not self._client:
                    self._submit(chunk)
            try:
                result = self._result(pending[0])
            except _LostError as error:
                self._lost(error)
                continue
            if isinstance(result, Unfit):
                raise self._refused(result)
            if result is not None:
                self._losses, self._lonely_since = 0, None
                return result

    def _result(self, chunk: _Chunk) -> Done | Unfit | None:
        """Return the result of a chunk; None: not yet. Raises _LostError, and what the work itself raised."""
        try:
            result: Done | Unfit = chunk.future.result(timeout=_LOOK)
            return result
        except Exception as error:  # noqa: BLE001 - told apart by what became of the future
            if chunk.future.status == "error":
                raise self._of_work(error) from error
            if chunk.client.status != "running" or chunk.future.status in ("cancelled", "lost"):
                raise _LostError from error
        self._look()
        return None

    def _of_work(self, error: Exception) -> Exception:
        """Return what is raised for what a chunk's work has raised."""
        from distributed.scheduler import KilledWorker

        if isinstance(error, KilledWorker):
            return FacekitError(
                f"--cluster {self._shown}: a part of the work has ended {counted(self._allowed() + 1, 'worker')}: too "
                f"little memory, or a machine without facekit; see what the workers logged; {KEPT}"
            )
        return error

    def _allowed(self) -> int:
        import dask

        return int(dask.config.get("distributed.scheduler.allowed-failures", 3))

    # The scheduler

    def _ahead(self) -> int:
        """Return how many chunks may be under way; workers come and go."""
        client = self._connected()
        if time.monotonic() - self._counted_at > _LOOK:
            workers = client.scheduler_info(n_workers=-1)["workers"].values()
            self._threads, self._counted_at = sum(worker["nthreads"] for worker in workers), time.monotonic()
        return _AHEAD * max(1, self._threads)

    def _look(self) -> None:
        """See that the scheduler answers, and has workers. Raises _LostError, FacekitError."""
        try:
            there = self._client.sync(self._client.scheduler.ncores, callback_timeout=_ANSWER)
        except Exception as error:  # noqa: BLE001 - whatever it is, the scheduler has not answered
            raise _LostError from error
        if there:
            self._lonely_since = None
            return
        self._lonely_since = self._lonely_since or time.monotonic()
        if time.monotonic() - self._lonely_since > _wait():
            raise self._without_workers()

    def _lost(self, error: Exception) -> None:
        """Leave a scheduler that is lost, to connect again. Raises FacekitError where that keeps happening."""
        log.warning("the Dask scheduler at %s is lost; waiting up to %d seconds for it", self._shown, _wait())
        log.debug("lost", exc_info=error)
        self._hang_up()
        self._losses += 1
        if self._losses > _LOSSES:
            raise self._unreachable(f"was lost {self._losses} times in a row")

    def _hang_up(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):
                client.close(timeout=2)

    def _connected(self) -> Any:
        """Return the connection to a scheduler that has workers, and all of them fit. Raises FacekitError."""
        while self._client is None or self._client.status != "running":
            if self._client is not None:
                self._lost(_LostError())
            self._client = self._connect(_wait() if self._losses else min(_FIRST_WAIT, _wait()))
            self._counted_at = 0.0
            try:
                self._check_scheduler()
                self._client.wait_for_workers(1, timeout=_wait())
                self._check_workers()
            except TimeoutError:
                raise self._without_workers() from None
            except OSError as error:
                self._lost(error)
        return self._client

    def _connect(self, seconds: float) -> Any:
        from distributed import Client

        self._check_certificates()
        ends, fault = time.monotonic() + seconds, "it does not answer"
        while (left := ends - time.monotonic()) > 0:
            try:
                with warnings.catch_warnings():  # versions are compared below, and what differs is refused
                    warnings.simplefilter("ignore")
                    return Client(
                        self._started() if self._where.local else self._where.url,
                        timeout=min(5.0, left),
                        set_as_default=False,
                        name="facekit",
                    )
            except (OSError, TimeoutError) as error:
                fault = _fault(error)
                time.sleep(min(0.5, max(0.0, ends - time.monotonic())))
        raise self._unreachable(fault)

    def _check_certificates(self) -> None:
        """Refuse `tls://` where Dask's configuration names no certificates. Raises FacekitError."""
        from distributed.security import Security

        fault = "Dask's configuration names none (distributed.comm.tls)"
        if self._where.url.startswith("tls:"):
            try:
                if Security().get_connection_args("client").get("ssl_context") is not None:
                    return
            except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
                fault = visible(str(error))
            raise FacekitError(f"--cluster {self._shown}: TLS needs certificates: {fault}; see Dask's page on TLS")

    def _started(self) -> Any:
        from distributed import LocalCluster

        if self._local is None:
            # Encrypted: whoever reaches the port of a scheduler runs code as its user, and others may use this machine.
            self._local = LocalCluster(
                n_workers=self._where.local,
                threads_per_worker=1,
                dashboard_address="127.0.0.1:0",
                security=True,
                silence_logs=logging.CRITICAL,
            )
        return self._local

    def _check_scheduler(self) -> None:
        ours = {name: version for name, version in self._terms.versions.items() if name in task.READERS}
        try:
            theirs = self._client.run_on_scheduler(task.versions)
        except ModuleNotFoundError:
            theirs = {}
        if (why := task.difference(ours, theirs)) is not None:
            raise self._refused(Unfit("the scheduler", why))

    def _check_workers(self) -> None:
        """See that the workers that are there are fit; those that answer late, or come later, look at themselves."""
        there = list(self._client.scheduler_info(n_workers=-1)["workers"])
        # Asked first, and by a function of Python's own: one that a worker cannot import ends that worker.
        for worker, found in self._asked(there, find_spec, "facekit"):
            if found is None:
                why = f"has no facekit {self._terms.versions['facekit']}; install it on all machines"
                raise self._refused(Unfit(worker, why))
        for _, result in self._asked(there, task.work, task.packed(repr, [], self._terms)):
            if isinstance(result, Unfit):
                raise self._refused(result)

    def _asked(
        self, workers: Sequence[str], function: Callable[..., Any], *values: object
    ) -> Iterator[tuple[str, Any]]:
        """Yield what a function returns in each worker that answers in time."""
        ends = time.monotonic() + _ANSWER
        sent = [(one, self._client.submit(function, *values, workers=[one], pure=False)) for one in workers]
        for worker, future in sent:
            try:
                result = future.result(timeout=max(0.1, ends - time.monotonic()))
            except Exception as error:  # noqa: BLE001 - told apart by what became of the future
                if future.status == "error":
                    raise self._of_work(error) from error
                continue
            yield worker, result

    # What is said

    def _refused(self, unfit: Unfit) -> FacekitError:
        who = unfit.worker if unfit.worker.startswith("the ") else f"the worker {unfit.worker}"
        return FacekitError(f"--cluster {self._shown}: {who} {visible(unfit.why)}")

    def _without_workers(self) -> FacekitError:
        return FacekitError(
            f"--cluster {self._shown}: the scheduler has no workers; start some with `dask worker ADDRESS`; {KEPT}"
        )

    def _unreachable(self, fault: str) -> FacekitError:
        return FacekitError(
            f"--cluster {self._shown}: no Dask scheduler can be reached there ({fault}); start one with `dask "
            f"scheduler`, or correct the address; {KEPT}"
        )


def _fault(error: BaseException) -> str:
    """Return what the system says of a connection that failed; Dask's own errors show addresses of objects."""
    one: BaseException | None = error
    while one is not None:
        if isinstance(one, OSError) and one.strerror:
            return visible(one.strerror)
        one = one.__cause__ or one.__context__
    return "it does not answer"


def _wait() -> float:
    """Return how many seconds a scheduler that is lost, or has no workers, is waited for."""
    import dask

    return float(dask.utils.parse_timedelta(dask.config.get(WAIT, _WAIT)))


@contextmanager
def _hushed() -> Iterator[None]:
    """Keep Dask's own lines and tracebacks about lost connections from the terminal: each of them is said here."""
    import distributed  # noqa: F401 - makes its loggers

    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "distributed"]
    loggers = [one for one in map(logging.getLogger, names) if not one.disabled]
    for one in loggers:
        one.disabled = True
    try:
        yield
    finally:
        for one in loggers:
            one.disabled = False
