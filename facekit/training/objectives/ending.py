"""The end of a training for an embedding: what the run knows of it."""

from __future__ import annotations

from dataclasses import replace

from facekit import runs
from facekit.base.files import replace_file
from facekit.options.train import Train
from facekit.report.plots import history_plot
from facekit.runs import Run, Scores
from facekit.runs.history import write_history
from facekit.training.checkpoint import Checkpoint
from facekit.training.network import median_rate
from facekit.training.schedule import why_over


def complete(run: Run, checkpoint: Checkpoint, options: Train, parameters: int, threshold: float) -> Run:
    """Say what was trained. The weights of the best epoch are written: only now is the run complete."""
    rows = checkpoint.rows
    write_history(run.folder / runs.HISTORY, rows)
    replace_file(run.folder / runs.PLOT, history_plot(rows, checkpoint.best))
    assert run.info.embeds is not None
    run = run.save(
        replace(
            run.info,
            complete=True,
            embeds=replace(run.info.embeds, threshold=threshold),
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
