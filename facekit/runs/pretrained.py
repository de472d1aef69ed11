"""Initial weights: ImageNet's, from a file, or from another run. They are copied into the backbone only."""

from __future__ import annotations

import contextlib
import logging
import socket
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from facekit import runs
from facekit.base.contract import FacekitError
from facekit.networks import NETWORKS, build
from facekit.networks.backend import Layer, Model, keras
from facekit.networks.blocks import backbone, head
from facekit.networks.embedder import is_embedder
from facekit.options.train import Train
from facekit.runs.run import Run
from facekit.runs.weights import SUFFIX, Shapes, read_shapes

NONE, IMAGENET = "none", "imagenet"

_WAIT = 10.0
"""Seconds that a server may be silent before it counts as out of reach."""

_PUBLISHED = 224, 224, 3
"""Input that every one of Keras' applications has weights for; they hold for other sizes as well."""

_OTHER = "choose another --weights"

log = logging.getLogger(__name__)


def donor(options: Train) -> Model | None:
    """Return a network like the one to be trained, whose backbone has the weights to begin with; None without any.

    Raises FacekitError for weights that cannot be had or do not fit.
    """
    if options.weights == NONE:
        return None
    if (folder := Path(options.weights)).is_dir() and (run := runs.load(folder)).embeds:
        return _embedder(run, options)
    model = build(options.network, options.size, [2] * _heads(options), options.color)
    if options.weights == IMAGENET:
        _take_imagenet(model, options.network)
    else:
        _take_file(model, _file(options), options)
    return model


def _heads(options: Train) -> int:
    """Return how many heads the weights to begin with have: they are left out, and so have no size to be known."""
    return len(runs.load(Path(options.weights)).targets) if Path(options.weights).is_dir() else 1


def copy_backbone(donor: Model, model: Model) -> None:
    """Copy the backbone's weights from one network to another that differs in its head alone.

    Where both are embedders they do not differ, and the head's are copied as well.
    """
    _copy(backbone(donor), backbone(model))
    if is_embedder(donor) and is_embedder(model):
        _copy(head(donor), head(model))


def _embedder(run: Run, options: Train) -> Model:
    """Return the network of a run that embeds. Raises FacekitError for a projection, and for another network."""
    _check_run(run, options)
    about = NETWORKS.get(run.network)
    if run.size != options.size and (about is None or about.flattens):
        raise FacekitError(f"{run.folder} sees {run.size} pixels; give --size {run.size}, or other --weights")
    return run.model()


def _take_imagenet(model: Model, network: str) -> None:
    about = NETWORKS.get(network)
    if about is None or about.application is None:
        have = [name for name, other in NETWORKS.items() if other.application]
        raise FacekitError(f"there are no ImageNet weights for {network}; choose --network from {', '.join(have)}")
    log.info("ImageNet weights of %s: %s", network, about.licence)
    application = getattr(keras.applications, about.application)
    try:
        with _patient():
            source = application(weights=IMAGENET, include_top=False, input_shape=_PUBLISHED)
    except Exception as error:  # Keras raises no narrower class for a download that failed
        reason = str(error).partition("\n")[0]
        raise FacekitError(
            f"the ImageNet weights of {network} cannot be fetched ({reason}); go online once, or give --weights "
            f"a file or a run's folder"
        ) from error
    _copy(source.layers, backbone(model))


@contextlib.contextmanager
def _patient() -> Iterator[None]:
    """Give up a connection that stays silent, and keep Keras' progress bar off stdout, which is for data."""
    before, talks = socket.getdefaulttimeout(), keras.utils.is_interactive_logging_enabled()
    socket.setdefaulttimeout(_WAIT)
    keras.utils.disable_interactive_logging()
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
        if talks:
            keras.utils.enable_interactive_logging()


def _copy(source: Sequence[Layer], target: Sequence[Layer]) -> None:
    """Copy weights layer by layer, in order: the names of layers may differ."""
    for one, other in zip(_kernels(source), _kernels(target), strict=True):
        other.set_weights(one.get_weights())


def _kernels(layers: Sequence[Layer]) -> list[Layer]:
    # Keras' own normalisation has weights, but facekit normalises before it: see efficientnet_b0.
    return [layer for layer in layers if layer.weights and not isinstance(layer, keras.layers.Normalization)]


def _file(options: Train) -> Path:
    """Return the file of weights that `--weights` means. Raises FacekitError."""
    path = Path(options.weights)
    if path.is_dir():
        return _of_run(path, options)
    if not path.is_file():
        raise FacekitError(
            f"--weights is {options.weights}, which does not exist; "
            f"give none, imagenet, a {SUFFIX} file or a run's folder"
        )
    if not path.name.endswith(SUFFIX):
        raise FacekitError(
            f"--weights is {path}; give a {SUFFIX} file: only these are read, because they hold numbers and no code"
        )
    return path


def _of_run(folder: Path, options: Train) -> Path:
    run = runs.load(folder)
    _check_run(run, options)
    return run.weights()


def _check_run(run: Run, options: Train) -> None:
    """Refuse a run without a network, and one of another network. Raises FacekitError."""
    folder = run.folder
    if run.backbone:
        what = "projection of" if run.embeds else "linear head on"
        raise FacekitError(f"{folder} is a {what} {run.backbone} and has no network; give other --weights")
    if (run.network, run.color) != (options.network, options.color):
        raise FacekitError(
            f"{folder} is a {run.network} in {run.color}; give --network {run.network} --color {run.color}, "
            "or other --weights"
        )


def _take_file(model: Model, file: Path, options: Train) -> None:
    features = keras.Model(model.inputs, head(model)[0].input)
    _check_shapes(file, _written(features), _written(model), f"{options.network} in {options.color}")
    features.load_weights(file)


def _check_shapes(file: Path, needed: Shapes, possible: Shapes, network: str) -> None:
    """Refuse a file that lacks a layer of the backbone, has it in another shape, or has more layers."""
    there = _read_shapes(file)
    for place, shape in needed.items():
        if there.get(place) != shape:
            has = f"has shape {there[place]}" if place in there else "is missing"
            raise FacekitError(f"{file} is not of a {network}: {place} {has}, not {shape}; {_OTHER}")
    more = sorted(there.keys() - possible.keys())
    if more:
        raise FacekitError(f"{file} is not of a {network}: it also holds {more[0]}; {_OTHER}")


def _read_shapes(file: Path) -> Shapes:
    try:
        return read_shapes(file)
    except OSError as error:
        raise FacekitError(f"{file} is not a file of weights ({error}); {_OTHER}") from error
    except ValueError as error:
        raise FacekitError(f"{file}: {error}; {_OTHER}") from error


def _written(model: Model) -> Shapes:
    """Return the shapes that a model's own file of weights would hold."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"m{SUFFIX}"
        model.save_weights(file)
        return read_shapes(file)
