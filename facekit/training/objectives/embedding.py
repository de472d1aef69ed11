"""The trainer of `--objective` for a network of the run's own: pictures become embeddings."""

from __future__ import annotations

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
from facekit.runs import Backbone, Embeds, Run
from facekit.training.checkpoint import Checkpoint
from facekit.training.ending import complete
from facekit.training.loop import build_network
from facekit.training.network import Network, packing, say_how_it_goes_on, with_counts
from facekit.training.objectives.learning import learn_objective
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
        net = build_network(options, DIMENSIONS, donor, embedder=True)
        count = parameters(net)  # before a step freezes some of its layers
        embeds = Embeds(objective=options.objective, dimensions=DIMENSIONS, beside=_beside(options))
        run = plan.run or runs.begin(
            options, split.dataset, split.records, split.protocol, options.network, left=split.left, embeds=embeds
        )
        checkpoint = checkpoint or Checkpoint(run.folder / runs.CHECKPOINT)
        say_how_it_goes_on(plan.run, checkpoint.epochs)
        with packing(run, split, options, track) as pack:
            run = with_counts(run, pack)
            if not why_over(options, checkpoint.rows):
                learn_objective(net, pack, run, checkpoint, options, track, plan.watch)
            checkpoint.load_best(net)
            threshold = _threshold(net, pack, options)
        checkpoint.export(run.folder / runs.WEIGHTS)
        assert run.info.embeds is not None
        info = replace(run.info, embeds=replace(run.info.embeds, threshold=threshold))
        return complete(run, info, checkpoint, options, count)


def _threshold(net: Model, pack: Pack, options: Train) -> float:
    """Return the distance that parts best the people of the validation part, or those of training without one."""
    held_out = Sample.of(pack.records, VALIDATION)
    sample = held_out if len(held_out.rows) else Sample.of(pack.records, TRAIN)
    return sample.threshold(embedded(net, pack, sample.rows, options.batch))


def _beside(options: Train) -> Backbone | None:
    """Return the run that the network begins with, as an embedder; None where it does not begin with one."""
    folder = Path(options.weights)
    return described(str(folder.resolve())) if folder.is_dir() else None
