"""The end of a training by epochs: what the run knows of it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace

from facekit import runs
from facekit.base.files import replace_file
from facekit.options.train import Train
from facekit.report.plots import history_plot
from facekit.runs import Epoch, ModelInfo, Run, Scores
from facekit.runs.history import write_history
from facekit.training.checkpoint import Checkpoint
from facekit.training.schedule import why_over


def complete(run: Run, info: ModelInfo, checkpoint: Checkpoint, options: Train, parameters: int) -> Run:
    """Write how the training went, beside what `info` says already, and return the run: only now is it complete.

    The weights of the best epoch are written by then; the checkpoint, which is no longer needed, is deleted.
    """
    rows = checkpoint.rows
    write_history(run.folder / runs.HISTORY, rows)
    replace_file(run.folder / runs.PLOT, history_plot(rows, checkpoint.best))
    run = run.save(
        replace(
            info,
            complete=True,
            preprocessing="inside the model: RGB 0..255 goes in" if run.backbone is None else "",
            parameters=parameters,
            epochs=checkpoint.epochs,
            scores=Scores.of(rows[checkpoint.best - 1]),
            stopped=why_over(options, rows) or "",
            training_seconds=round(sum(row.seconds for row in rows), 1),
            pictures_per_second=median_rate(rows),
        )
    )
    checkpoint.delete()
    return run


def median_rate(rows: Sequence[Epoch]) -> float:
    """Return the median of pictures/s; the first epoch, in which the network is compiled, counts only if alone."""
    return round(statistics.median(row.pictures_per_second for row in rows[1:] or rows), 1)
