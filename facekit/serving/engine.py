"""Find, embed and name the faces of pictures: in threads, those of several requests together."""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from facekit.base import parallel
from facekit.base.contract import BadImage, Box, Face, FacekitError, Image
from facekit.base.files import sha256_of
from facekit.faces import detectors
from facekit.identity.embedders.metrics import Embeddings
from facekit.identity.faces import Finder, Seen, suited
from facekit.identity.gallery import Gallery
from facekit.identity.people.matching import Matcher
from facekit.identity.predictor import Prediction, Predictor
from facekit.options.predict import Least
from facekit.options.serve import Serve
from facekit.runs import MODEL
from facekit.runs.export import open_model
from facekit.serving import logs, metrics
from facekit.serving.batching import Batcher, Stopped
from facekit.serving.keys import Access, RunKeys
from facekit.serving.live import Live
from facekit.serving.monitor.counting import Counting
from facekit.serving.monitor.recorder import Recorder
from facekit.serving.monitor.watched import recorder_at, recorder_of_run
from facekit.serving.pictures import decoded, measured
from facekit.serving.problems import Problem
from facekit.serving.targets import is_run

T = TypeVar("T")

Vector = NDArray[np.float32]

_EMBEDDER = "dlib"
"""What compares faces where no gallery says."""

_EMBEDS = "embed"
_NOT_EMBEDDED = "faces are not embedded any more: start the server again, and see its log"

REFRESH_SECONDS = 0.25
"""How often a process looks whether another has changed the gallery or its keys."""

THRESHOLD_SECONDS = 1.0
"""How long a gallery must have stayed as it is before its threshold is found anew; up to twice that."""

RETRY_SECONDS = 60.0
"""Longest pause before a threshold that could not be found is looked for again: it may take a core for a while."""

STALE_SECONDS = 10.0
"""Seconds after which what cannot be looked at any more is not relied on: a key may have been revoked meanwhile."""


@dataclass(frozen=True)
class Labels:
    """A run that labels faces."""

    name: str
    predictor: Predictor


@dataclass(frozen=True)
class Labelled:
    """A picture, and what each run says of its faces, largest first."""

    image: Image
    sha256: str
    faces: dict[str, list[Prediction | BadImage]]


@dataclass(frozen=True)
class Measured:
    """A face, and how good its picture is."""

    face: Face
    quality: dict[str, float]


class Engine:
    """What answers. It belongs to one event loop; its methods do their work in threads."""

    def __init__(self, settings: Serve) -> None:
        """Load what is served. Raises FacekitError for a gallery or run that is not there or cannot be used."""
        self.settings = settings
        run = Path(settings.target) if is_run(settings.target) else None
        self._keys = None if run is None else RunKeys(run)
        self.labels = [_labels(one) for one in ([run] if run is not None else []) + settings.run]
        gallery = None if run is not None else Gallery.open(settings.target)
        if gallery is None:
            embedder, crop = _EMBEDDER, suited(_EMBEDDER, None)
        else:
            gallery.embedder()
            embedder, crop = gallery.about.embedder.name, gallery.about.finding()
        self.finder, self.matcher = Finder(embedder, crop), Matcher.of(embedder)
        self.live = None if gallery is None else Live(gallery, settings.fpir)
        self._access = Access() if self._keys is None else self._keys.access()
        self.threads = settings.jobs or max(1, parallel.workers(0) // settings.workers)
        self._lookers = ThreadPoolExecutor(self.threads, "look")
        self._embedding = ThreadPoolExecutor(1, "embed")
        self._desk = ThreadPoolExecutor(1, "desk")
        self._following = ThreadPoolExecutor(1, "follow")  # a long queue at the desk must not make keys look stale
        self._slow = ThreadPoolExecutor(1, "slow")
        self._batcher: Batcher[Image | BadImage, tuple[Vector, str | None]] = Batcher(
            self._embed, self._embedding, settings.batch, settings.wait_ms / 1000, lambda: self._looking > 0
        )
        self._looking = 0
        self._looked_at = 0.0
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stopping = False
        self.counting: Counting | None = None

    async def start(self) -> None:
        """Begin to work; each thread loads its networks first, which no request should wait for."""
        await self._warm_up()
        self._looked_at = asyncio.get_running_loop().time()
        self._begin(_EMBEDS, self._batcher.run())
        self._begin("follow", self._follow())
        if self.live is not None:
            self._begin("thresholds", self._find_thresholds(self.live))
        if self.settings.monitor and self._begin_to_count is not None:
            self.counting = Counting(self._begin_to_count, logs.write_fault)

    def _begin(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Begin what goes on until the end; should it end sooner, the log says so."""
        self._tasks[name] = asyncio.create_task(work)
        self._tasks[name].add_done_callback(partial(self._has_ended, name))

    def _has_ended(self, name: str, task: asyncio.Task[None]) -> None:
        if self._stopping:
            return
        error = None if task.cancelled() else task.exception()
        logs.write_fault("task-ended", error or Stopped(), task=name)

    async def _warm_up(self) -> None:
        loop, together = asyncio.get_running_loop(), threading.Barrier(self.threads)
        grey = np.full((64, 64, 3), 128, np.uint8)

        def warm() -> None:
            try:
                self.finder.find(grey)
                self.finder.align(grey, Box(8, 8, 48, 48))
            except BaseException:
                together.abort()  # the other threads would wait for this one
                raise
            together.wait()  # so that each thread does it, and none does it twice

        begun = [loop.run_in_executor(self._lookers, warm) for _ in range(self.threads)]
        await asyncio.gather(*begun, loop.run_in_executor(self._embedding, self.finder.embed, []))

    async def stop(self) -> None:
        """End the work, and let go of the gallery."""
        self._stopping = True
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        if self.counting is not None:
            await asyncio.get_running_loop().run_in_executor(None, self.counting.close)
        for pool in (self._lookers, self._embedding, self._desk, self._following, self._slow):
            pool.shutdown(wait=True, cancel_futures=True)
        if self.live is not None:
            self.live.gallery.store.close()

    @property
    def identity(self) -> str | None:
        """What tells the gallery or run from others; None of a run whose answers are not counted."""
        if self.live is not None:
            return self.live.gallery.about.id
        if not self.settings.monitor or self._begin_to_count is None:
            return None
        return sha256_of(self.labels[0].predictor.run.folder / MODEL)

    @property
    def _begin_to_count(self) -> Callable[[], Recorder] | None:
        """What begins to count answers by day; None of an exported file, beside which nothing is kept."""
        if self.live is not None:
            return partial(recorder_at, self.settings.target)
        predictor = self.labels[0].predictor
        if not predictor.run.folder.is_dir():
            return None
        return partial(recorder_of_run, predictor.run, predictor.recogniser, 1)

    def access(self) -> Access | None:
        """Return the keys as they are now; None where that cannot be told."""
        if not self._is_fresh:
            return None
        return self.live.access if self.live is not None else self._access

    @property
    def trouble(self) -> str | None:
        """Why nothing can be answered now; None where all is well."""
        if not self._is_fresh:
            return "the gallery cannot be read now"
        if self._tasks[_EMBEDS].done():
            return _NOT_EMBEDDED
        return None

    @property
    def _is_fresh(self) -> bool:
        """Whether the gallery, or the keys of the run, could be looked at a moment ago."""
        return asyncio.get_running_loop().time() - self._looked_at < STALE_SECONDS

    async def at_desk(self, work: Callable[..., T], *values: object) -> T:
        """Do something with the gallery, one after the other, and look at once at what it has become."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._desk, partial(work, *values))
        finally:
            await self.refresh()

    async def refresh(self) -> None:
        """Take over what has changed in the gallery or its keys."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        await loop.run_in_executor(self._following, self._refresh)
        self._looked_at = began

    async def look(self, data: bytes, work: Callable[[Seen], T], only_foremost: bool = False) -> T:
        """Return what `work`, in the same thread, makes of a picture and its faces, largest first, maybe none.

        The pixels are let go with that: pictures that waited for something else would fill the memory together.
        Raises Problem for a picture that cannot be read, and what `work` raises.
        """
        return await self.in_pool(self._look, data, work, only_foremost)

    async def measure(self, data: bytes) -> tuple[Image, list[Measured]]:
        """Return a picture, and its faces with their quality, largest first. Raises Problem as `look` does."""
        return await self.in_pool(self._measure, data)

    async def embed(self, faces: Sequence[Image | BadImage]) -> tuple[Embeddings, list[str | None]]:
        """Return the embedding of each aligned face, and why there is none: then its row is NaN.

        Raises Problem where no face is embedded any more.
        """
        try:
            found = await self._batcher.ask(faces)
        except Stopped:
            raise Problem("not-ready", _NOT_EMBEDDED) from None
        vectors = np.stack([vector for vector, _ in found]) if found else np.empty((0, 0), np.float32)
        return vectors, [reason for _, reason in found]

    async def label(self, data: bytes) -> Labelled:
        """Return a picture, and what each run says of its faces. Raises Problem as `look` does."""
        return await self.in_pool(self._label, data)

    async def in_pool(self, work: Callable[..., T], *values: object) -> T:
        """Do something with a picture in one of the threads that look at pictures."""
        self._looking += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._lookers, partial(work, *values))
        finally:
            self._looking -= 1

    async def _follow(self) -> None:
        """Look again and again at what is served; `ready` tells when that fails for long."""
        failing = False
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            try:
                await self.refresh()
                failing = False
            except Exception as error:  # noqa: BLE001 - whatever it is, it may be over in a moment
                if not failing:
                    logs.write_fault("gallery-fault", error)
                failing = True

    async def _find_thresholds(self, live: Live) -> None:
        """Find the threshold anew where the people have changed, and are not changed any more for a moment."""
        loop = asyncio.get_running_loop()
        before, failed = live.now.generation, 0
        # Each process at another time: the first stores what it finds, and the others take that over.
        pause = THRESHOLD_SECONDS * (1 + os.getpid() % 8 / 8)
        while True:
            await asyncio.sleep(min(pause * 2**failed, RETRY_SECONDS))
            if live.lags and live.now.generation == before:
                try:
                    await loop.run_in_executor(self._slow, live.find_threshold)
                    failed = 0
                except Exception as error:  # noqa: BLE001 - the threshold of before still holds, and is tried again
                    if not failed:
                        logs.write_fault("threshold-fault" if isinstance(error, FacekitError) else "bug", error)
                    failed = min(failed + 1, 10)
            before = live.now.generation
            metrics.THRESHOLD_FAULT.set(int(failed > 0))

    def _refresh(self) -> None:
        if self.live is not None:
            self.live.refresh()
        elif self._keys is not None:
            self._access = self._keys.access()

    def _look(self, data: bytes, work: Callable[[Seen], T], only_foremost: bool) -> T:
        image = decoded(data)
        faces = self.finder.find(image, only_foremost)
        return work(Seen(image=image, sha256=hashlib.sha256(data).hexdigest(), faces=faces))

    def _measure(self, data: bytes) -> tuple[Image, list[Measured]]:
        image = decoded(data)
        found = detectors.find(image, self.finder.crop)
        return image, [Measured(face, measured(image, face)) for face in found]

    def _embed(self, faces: Sequence[Image | BadImage]) -> list[tuple[Vector, str | None]]:
        metrics.BATCH.observe(len(faces))
        vectors, reasons = self.finder.embed(faces)
        return list(zip(vectors, reasons, strict=True))

    def _label(self, data: bytes) -> Labelled:
        image = decoded(data)
        faces = {one.name: _labelled(one.predictor, image) for one in self.labels}
        return Labelled(image, hashlib.sha256(data).hexdigest(), faces)


def _labels(run: Path) -> Labels:
    predictor = Predictor(open_model(run))
    _ = predictor.crop
    return Labels(run.resolve().stem, predictor)


def _labelled(predictor: Predictor, image: Image) -> list[Prediction | BadImage]:
    found = predictor.look(image)
    named = iter(predictor.name([face for face in found if not isinstance(face, BadImage)], Least(0.0)))
    return [face if isinstance(face, BadImage) else next(named) for face in found]
