"""What options of `facekit serve` are worth: the same load with each value, in turn.

    python benchmarks/server_options.py --option wait-ms --values 0 4 20 [--clients 8 64] [--seconds 30] [--rounds 2]
    python benchmarks/server_options.py --option queue --values 16 64 256 --clients 64

Gallery, requests and wrk are those of `server.py`. A server of each value runs all the time, and one after the other is
asked, so that other work on the machine meets them alike; CPU milliseconds are of the server's process alone, for each
answer that is no 429. `batch` is how many faces were embedded together, on average. Nothing is given up before five
minutes, so that a slow machine shows how long clients wait, and not the time-out.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from asking import Api  # noqa: E402
from server import gallery, large, load, serving, small, write_requests  # noqa: E402

_BATCH = "facekit_batch_faces"


@dataclass
class _Served:
    value: str
    process: psutil.Process
    api: Api
    requests: Path
    statuses: Counter[str] = field(default_factory=Counter)
    cpu: float = 0.0
    batches: tuple[float, float] = (0.0, 0.0)
    times: list[tuple[float, float]] = field(default_factory=list)

    def ask(self, clients: int, seconds: float) -> None:
        """Load it for a while, and add up what came of it."""
        cpu, faces, batches = self._cpu(), self._number("sum"), self._number("count")
        row = load(self.process, self.api.port, self.requests, clients, seconds)
        self.statuses.update(row.statuses)
        self.cpu += self._cpu() - cpu
        self.batches = (
            self.batches[0] + self._number("sum") - faces,
            self.batches[1] + self._number("count") - batches,
        )
        self.times.append((row.p50_ms, row.p99_ms))

    def row(self, clients: int) -> str:
        """What came of it, as a row of the table; and begin again."""
        good = self.statuses["200"]
        p50, p99 = (sum(one) / len(self.times) for one in zip(*self.times, strict=True))
        told = ", ".join(f"{count:,} × {status}" for status, count in sorted(self.statuses.items()))
        batch = self.batches[0] / max(1.0, self.batches[1])
        cpu = 1000 * self.cpu / max(1, good)
        self.statuses, self.cpu, self.batches, self.times = Counter(), 0.0, (0.0, 0.0), []
        return f"| {self.value} | {clients} | {cpu:.1f} | {batch:.2f} | {p50:,.0f} | {p99:,.0f} | {told} |"

    def _cpu(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def _number(self, kind: str) -> float:
        lines = self.api.get("/metrics").body.decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(f"{_BATCH}_{kind}"))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("FACEKIT_DATA"))
    parser.add_argument("--option", required=True, help="without its dashes")
    parser.add_argument("--values", nargs="+", required=True)
    parser.add_argument("--clients", type=int, nargs="+", default=[8, 64])
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--rounds", type=int, default=2)
    chosen = parser.parse_args()
    if not chosen.data or not (Path(chosen.data) / "lfw").is_dir():
        sys.exit("FACEKIT_DATA is not set, or holds no lfw")
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        work = Path(folder)
        target, pictures = gallery(chosen.data, work), [*small(chosen.data), *large(chosen.data)]
        servers = []
        for value in chosen.values:
            words = (f"--{chosen.option}", value, "--timeout", "300")
            process, port, key = stack.enter_context(serving(target, 1, *words))
            own = work / f"{chosen.option}-{value}"
            own.mkdir()
            requests = write_requests(own, port, key, pictures)
            servers.append(_Served(value, process, Api(str(target), port, {"read": key}), requests))
        for one in servers:
            one.ask(8, 2)  # to warm up
            one.row(8)
        print(f"| --{chosen.option} | clients | CPU ms an answer | batch | p50, ms | p99, ms | answers |")
        print("|---|---|---|---|---|---|---|")
        for clients in chosen.clients:
            for _ in range(chosen.rounds):
                for one in servers:
                    one.ask(clients, chosen.seconds)
            for one in servers:
                print(one.row(clients), flush=True)


if __name__ == "__main__":
    main()
