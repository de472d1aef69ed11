"""What a report says about the weights of a run or an embedder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from facekit.base import plugins, provenance
from facekit.base.contract import FacekitError
from facekit.base.text import counted, visible
from facekit.networks import NETWORKS
from facekit.options.train import Train
from facekit.runs.run import Run, read
from facekit.scores.weights import WeightsCard

IMAGENET, NONE = "imagenet", "none"

UNKNOWN = "not known"

_MAY = "They may be among its training data"

SCRATCH = WeightsCard(
    "none: the network was trained from random weights",
    "that of the pictures that it was trained on",
    "the training part of its own split, and nothing else",
    "Those in the training part are among its training data",
)


def of_run(run: Run) -> WeightsCard:
    """Return what is known of the weights of a run: those of its backbone, or those that its network began with.

    A run may come from a stranger: no folder that it names is looked into.
    """
    card, gone = _of_run(run), run.info.forgotten
    if gone is None:
        return card
    learned = (
        f"{counted(gone.pictures, 'picture')} that the network learned from, of "
        f"{counted(gone.names, 'person who is', 'people who are')} none of its names any more, "
        f"{'was' if gone.pictures == 1 else 'were'} removed on {gone.at[:10]}; the model was kept"
    )
    return replace(card, people=f"{card.people}. {learned}")


def _of_run(run: Run) -> WeightsCard:
    info = run.info
    if info.knew is not None:
        return info.knew
    if info.backbone is not None:
        return of_embedder(info.backbone.name, info.backbone.licence)
    return _begun_with(str(info.options.get("weights", NONE)), info.network)


def of_training(options: Train) -> WeightsCard | None:
    """Return what a training notes of another run that it begins with or stands on; None where there is none."""
    folder = Path(options.backbone or options.weights)
    other = _read(folder) if folder.is_dir() else None
    if other is None:
        return None
    count = other.info.used.train or other.info.split.train
    names = counted(len(other.info.labels), "name")
    data = f"{counted(count, 'picture')} of {names} in {visible(other.info.dataset.root)}"
    people = "Those with one of these names are among its training data"
    before = of_run(other)
    if before != SCRATCH:
        data += f"; before that {before.title}, trained on {before.trained_on}"
        people += f". {before.people}"
    return WeightsCard(_title(folder), before.licence, data, people)


def of_embedder(name: str, licence: str) -> WeightsCard:
    """Return what is known of the weights of an embedder: a registered one, or a trained run's folder."""
    facts = provenance.EMBEDDERS.get(name)
    if facts is not None:
        title = f"{facts.title} ({facts.file})"
        return WeightsCard(title, facts.licence, facts.trained_on, facts.overlap.removesuffix("."))
    if name in plugins.names("embedder"):
        return WeightsCard(name, licence or UNKNOWN, "data unknown to facekit", _MAY)
    return WeightsCard(_title(Path(name)), UNKNOWN, "what that run was trained on", _MAY)


def _begun_with(weights: str, network: str) -> WeightsCard:
    if weights == NONE:
        return SCRATCH
    if weights == IMAGENET:
        return _of_imagenet(network)
    return WeightsCard(f"those of {visible(weights)}", UNKNOWN, "data that were not recorded", _MAY)


def _of_imagenet(network: str) -> WeightsCard:
    about = NETWORKS.get(network)
    title = f"Keras' ImageNet weights of {about.application if about else network}"
    licence = about.licence.partition(",")[0] if about else UNKNOWN
    data = "ImageNet (ILSVRC 2012), 1.28 million photos of 1,000 kinds of things, for research use"
    return WeightsCard(title, licence, data, "Its photos show people, but it does not name them")


def _title(folder: Path) -> str:
    return f"the network of the run {visible(str(folder))}"


def _read(folder: Path) -> Run | None:
    try:
        return read(folder)
    except FacekitError:  # loading it will say why
        return None
