"""The trainer of `--objective` for a network of the run's own: pictures become embeddings."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

from facekit import runs
from facekit.base.contract import Track
from facekit.dataset.lineage import TRAIN, VALIDATION
from facekit.identity.embedders import described
from facekit.networks.assembly import parameters
from facekit.networks.backend import Model
from facekit.networks.embedder import DIMENSIONS
from facekit.options.train import Train
from facekit.runs import Backbone, Counts, Embeds, Run
from facekit.training import loop as named
from facekit.training.checkpoint import Checkpoint
from facekit.training.network import Network, packing
from facekit.training.objectives.ending import complete
from facekit.training.objectives.loop import train_epochs
from facekit.training.objectives.watching import Sample, embedded
from facekit.training.pack import Pack
from facekit.training.plan import Plan
from facekit.training.schedule import why_over


class Embedding(Network):
    """The trainer of a network that embeds. It begins as one that names does: from random weights, or another run's."""

    def fit(self, plan: Plan, track: Track) -> Run:
        """Train from the last whole epoch on. Raises FacekitError for a training that diverges."""
        options, split = plan.options, plan.split
        checkpoint = Checkpoint.open(options.output / runs.CHECKPOINT) if plan.run else None
        donor = None if checkpoint and checkpoint.epochs else self._donor
        net = named.build_network(options, DIMENSIONS, donor, embedder=True)
        count = parameters(net)  # before a step freezes some of its layers
        embeds = Embeds(objective=options.objective, dimensions=DIMENSIONS, beside=_beside(options))
        run = plan.run or runs.begin(
            options, split.dataset, split.records, split.protocol, options.network, left=split.left, embeds=embeds
        )
        checkpoint = checkpoint or Checkpoint(run.folder / runs.CHECKPOINT)
        with packing(run, split, options, track) as pack:
            used = Counter(record.split for record in pack.records)
            counts = Counts(train=used[TRAIN], validation=used[VALIDATION])
            run = run.save(replace(run.info, left={**run.info.left, **pack.left}, used=counts))
            if not why_over(options, checkpoint.rows):
                train_epochs(net, pack, run, checkpoint, options, track, plan.watch)
            checkpoint.load_best(net)
            threshold = _threshold(net, pack, options)
        checkpoint.export(run.folder / runs.WEIGHTS)
        return complete(run, checkpoint, options, count, threshold)


def _threshold(net: Model, pack: Pack, options: Train) -> float:
    """Return the distance that parts best the people of the validation part, or those of training without one."""
    held_out = Sample.of(pack.records, VALIDATION)
    sample = held_out if len(held_out.rows) else Sample.of(pack.records, TRAIN)
    return sample.threshold(embedded(net, pack, sample.rows, options.batch))


def _beside(options: Train) -> Backbone | None:
    """Return the run that the network begins with, as an embedder; None where it does not begin with one."""
    folder = Path(options.weights)
    return described(str(folder.resolve())) if folder.is_dir() else None
