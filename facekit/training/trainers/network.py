"""A network of the run's own, trained until it is as good as asked or the epochs are over."""

from __future__ import annotations

import logging
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from facekit import runs
from facekit.base import plugins
from facekit.base.contract import FacekitError, Record, Track
from facekit.base.files import replace_file, write_csv
from facekit.dataset import Dataset
from facekit.networks import backend
from facekit.networks.assembly import parameters
from facekit.options.train import Train
from facekit.report.plots import history_plot
from facekit.runs import Run, pretrained
from facekit.training import learning
from facekit.training.checkpoint import Checkpoint
from facekit.training.classes import TRAIN, VALIDATION
from facekit.training.pack import Pack, pack
from facekit.training.schedule import Row, why_over

log = logging.getLogger(__name__)


class Network:
    """The trainer of `--network`."""

    def __init__(self, options: Train) -> None:
        """Raises FacekitError for a network that nobody registered, and an extra that is missing."""
        self.needs_validation = options.monitor.startswith("val_")
        self._options = options
        self._donor: Any = None
        self._net: Any = None
        if options.tensorboard:
            plugins.need("tensorboard", "--tensorboard")
        plugins.load("network", options.network)

    def prepare(self, run: Run | None) -> None:
        """Get the weights to begin with, unless the run has its own by now. Raises FacekitError."""
        if self._options.deterministic:
            backend.compute_alike()
        if run is None or not Checkpoint.open(run.folder / runs.CHECKPOINT).rows:
            self._donor = pretrained.donor(self._options)

    def build(self, labels: int) -> None:
        """Draw the network. Raises FacekitError for a size or a colour that it does not take."""
        self._net = learning.network(self._options, labels, self._donor)

    def facts(self) -> dict[str, Any]:
        """Return the network's name."""
        return {"network": self._options.network}

    def fit(self, run: Run, dataset: Dataset, records: Sequence[Record], track: Track) -> Run:
        """Train from the last whole epoch on. Raises FacekitError for a training that diverges."""
        options = self._options
        checkpoint = Checkpoint.open(run.folder / runs.CHECKPOINT)
        numbers = parameters(self._net)  # before a step holds some of its layers still
        if not why_over(options, checkpoint.rows):
            if checkpoint.epochs:
                log.info("%s goes on after epoch %d", run.folder, checkpoint.epochs)
            with _packed(run, dataset, records, options, track) as packed:
                used = Counter(record.split for record in packed.records)
                run = run.save(left=dict(packed.left), used={part: used[part] for part in (TRAIN, VALIDATION)})
                learning.learn(
                    self._net,
                    packed,
                    run.labels,
                    checkpoint,
                    options,
                    track,
                    publish=lambda rows: _write_history(run.folder, rows),
                    logs=run.folder / runs.LOGS,
                )
        return _complete(run, numbers, checkpoint, options)


@contextmanager
def _packed(run: Run, dataset: Dataset, records: Sequence[Record], options: Train, track: Track) -> Iterator[Pack]:
    """Lay the pictures of training and validation in one memory map, for as long as it is needed."""
    wanted = [record for part in (TRAIN, VALIDATION) for record in records if record.split == part]
    file = run.folder / runs.PACK
    try:
        packed = pack(dataset.root, wanted, options.size, file, options.jobs, track)
        _check(packed, run.labels, options)
        yield packed
    finally:
        file.unlink(missing_ok=True)


def _check(packed: Pack, labels: Sequence[str], options: Train) -> None:
    """Refuse pictures whose unreadable ones leave a part or a name without any."""
    if packed.left:
        log.warning("%d pictures cannot be read and are left out", packed.left.total())
    trained = {record.label for record in packed.records if record.split == TRAIN}
    empty = sorted(set(labels) - trained)
    if empty:
        raise FacekitError(f"{options.input}: no training picture of {empty[0]} can be read; give ones that can")
    if options.monitor.startswith("val_") and not any(record.split == VALIDATION for record in packed.records):
        raise FacekitError(f"{options.input}: no picture of the validation part can be read; give ones that can")


def _complete(run: Run, numbers: int, checkpoint: Checkpoint, options: Train) -> Run:
    """Keep the best epoch's weights; only then is the run complete, and its checkpoint no longer needed."""
    checkpoint.export(run.folder / runs.WEIGHTS)
    _write_history(run.folder, checkpoint.rows)
    replace_file(run.folder / runs.PLOT, history_plot(checkpoint.rows, checkpoint.best))
    run = run.save(
        complete=True,
        preprocessing="inside the model: RGB 0..255 goes in",
        parameters=numbers,
        epochs=checkpoint.epochs,
        scores=checkpoint.rows[checkpoint.best - 1],
        stopped=why_over(options, checkpoint.rows),
        training_seconds=round(sum(row["seconds"] for row in checkpoint.rows), 1),
        pictures_per_second=_rate(checkpoint.rows),
    )
    checkpoint.delete()
    return run


def _rate(rows: Sequence[Row]) -> float:
    """Return the usual pictures/s; the first epoch, in which the network is compiled, counts only if alone."""
    return round(statistics.median(row["pictures_per_second"] for row in rows[1:] or rows), 1)


def _write_history(folder: Path, rows: Sequence[Row]) -> None:
    write_csv(folder / runs.HISTORY, list(rows[0]), [list(row.values()) for row in rows])
