"""What a report says of the weights that a run, or an embedder, stands on."""

from __future__ import annotations

from pathlib import Path

from facekit.base import plugins, provenance
from facekit.base.contract import FacekitError
from facekit.base.text import visible
from facekit.networks import NETWORKS
from facekit.runs.run import Run, read
from facekit.scores.weights import WeightsCard

IMAGENET, NONE = "imagenet", "none"

_MAY = "They may have been in it"

SCRATCH = WeightsCard(
    "none: the network was trained from random weights",
    "whatever holds for the pictures that it was trained on",
    "the training part of its own split, and nothing else",
    "They were in it as far as the training part shows them",
)


def of_run(run: Run) -> WeightsCard:
    """Return what is known of the weights of a run: those of its backbone, or those that its network began with."""
    if run.info.backbone is not None:
        return of_embedder(run.info.backbone.name, run.info.backbone.licence)
    begun_with = str(run.info.options.get("weights", NONE))
    if begun_with == NONE:
        return SCRATCH
    if begun_with == IMAGENET:
        return _of_imagenet(run.network)
    if begun_with.endswith(".weights.h5"):
        return WeightsCard(f"the file {visible(begun_with)}", "not known", "data that the file does not say", _MAY)
    return _of_other(Path(begun_with))


def of_embedder(name: str, licence: str) -> WeightsCard:
    """Return what is known of the weights of an embedder: a registered one, or a trained run's folder."""
    facts = provenance.EMBEDDERS.get(name)
    if facts is not None:
        title = f"{facts.title} ({facts.file})"
        return WeightsCard(title, facts.licence, facts.trained_on, facts.overlap.removesuffix("."))
    if name in plugins.names("embedder"):
        return WeightsCard(name, licence or "not known", "data that facekit does not know of", _MAY)
    return _of_other(Path(name))


def _of_imagenet(network: str) -> WeightsCard:
    about = NETWORKS.get(network)
    title = f"Keras' ImageNet weights of {about.application if about else network}"
    licence = about.licence.partition(",")[0] if about else "not known"
    data = "ImageNet (ILSVRC 2012), 1.28 million photos of 1,000 kinds of things, which are for research"
    return WeightsCard(title, licence, data, "People are on its photos, and it has no names of them")


def _of_other(folder: Path) -> WeightsCard:
    """Return what is known of the network of another run; nothing else is, where that is gone."""
    title = f"the network of the run {visible(str(folder))}"
    try:
        other = read(folder)
    except FacekitError:
        other = None
    if other is None or other.info.backbone is not None:
        return WeightsCard(title, "not known", "data that are not known: that run is gone", _MAY)
    info = other.info
    data = (
        f"{info.used.train or info.split.train:,} pictures of {len(info.labels)} names in {visible(info.dataset.root)}"
    )
    if (begun_with := str(info.options.get("weights", NONE))) != NONE:
        data += f", begun with the weights {visible(begun_with)}"
    return WeightsCard(title, SCRATCH.licence, data, "They were in it as far as those names are theirs")
