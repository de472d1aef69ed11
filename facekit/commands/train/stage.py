"""Where a training runs: in this process, or in one of its own that joins those of other hosts."""

from __future__ import annotations

from facekit.base import plugins
from facekit.base.contract import Report, Track, quiet
from facekit.commands.train.supervising import supervised
from facekit.options.train import Train


def train(options: Train, track: Track = quiet) -> Report:
    """Train into a run folder, which keeps the weights of the best epoch.

    Killed at any moment, it goes on from its last whole epoch when it is called again. Raises FacekitError for
    data that cannot be trained on, a folder that may not be touched, a training that diverges, and a host that is gone.
    """
    if options.hosts is not None and not options.dry_run:
        return supervised(options, track)
    # Imported only here: who waits for a process of its own needs no Keras, which takes a GPU's memory.
    report: Report = plugins.resolve("facekit.commands.train.here:here", "train")(options, track)
    return report
