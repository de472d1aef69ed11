"""Numbers for Prometheus: of requests, of faces, and of how busy a process is; those of all processes together."""

from __future__ import annotations

import os
import re
from pathlib import Path

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)
from prometheus_client import REGISTRY as OWN

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable that names the folder in which several processes leave their numbers."""

TYPE = CONTENT_TYPE_LATEST

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_SIMILARITIES = tuple(round(0.05 * step, 2) for step in range(1, 20))

REQUESTS = Counter("facekit_requests", "Requests that were answered.", ["route", "method", "status"])
SECONDS = Histogram(
    "facekit_request_seconds", "Seconds from a request's head to its answer.", ["route"], buckets=_SECONDS
)
UNDER_WAY = Gauge(
    "facekit_requests_under_way",
    "Requests with a body that are read, wait or are worked on.",
    multiprocess_mode="livesum",
)
FACES = Counter("facekit_faces", "Faces that were found in pictures that were sent.", ["route"])
IDENTIFIED = Counter("facekit_identified_faces", "Faces that were compared with the gallery.", ["known"])
SIMILARITY = Histogram(
    "facekit_similarity",
    "Similarity of a face to the person named, or to the nearest one.",
    ["known"],
    buckets=_SIMILARITIES,
)
BATCH = Histogram(
    "facekit_batch_faces", "Faces that were embedded together.", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256)
)
THRESHOLD_FAULT = Gauge(
    "facekit_threshold_fault",
    "1 where the people of the gallery have changed and no threshold can be found for them: that of before holds.",
    multiprocess_mode="livemax",
)
FEEDBACK = Counter("facekit_feedback", "Answers of which somebody has said whether they were right.", ["right"])

_OF_PROCESS = re.compile(r".*_(\d+)\.db")


def rendered() -> bytes:
    """Return the numbers as Prometheus reads them: those of all processes, where several leave theirs in a folder."""
    folder = os.environ.get(FOLDER)
    if not folder:
        return bytes(generate_latest(OWN))
    for number in {found[1] for file in Path(folder).glob("*.db") if (found := _OF_PROCESS.fullmatch(file.name))}:
        if not _lives(int(number)):
            multiprocess.mark_process_dead(int(number), folder)  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]
    return bytes(generate_latest(registry))


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
